"""`laddvakt phases` shows the evidence that the journal keeps, judged by the config as it stands now."""

import argparse
import asyncio
from pathlib import Path

import pytest

from gateway.cli import phases
from gateway.control.checkpoint import ControlCheckpoint
from gateway.devices.journal_file import newest_checkpoint, opened_for_reading
from gateway.errors import DeviceError
from gateway.site.because import Because, Why
from gateway.site.wishes import SaveCheckpoint
from tests.ledger.ledger_bench import HandClock
from tests.ledger.test_ledger_commands import opened

CONFIG = """
[gateway]
id = "test"
state_dir = "{folder}"
[grid_meter]
port = "/dev/null"
main_fuse = "main"
[mqtt]
[[fuse]]
name = "main"
rating_a = 25
kind = "gG"
[[bus]]
name = "meters"
port = "/dev/zero"
[[socket]]
name = "p1"
fuse = "main"
phases = ["{phase}"]
rating_a = 16
meter = {{ model = "eastron-sdm630", bus = "meters", unit = 1, side = "supply" }}
wallbox = {{ mqtt = true }}
"""


async def keep(folder: Path, *texts: str) -> None:
    ledger = await opened(folder, HandClock())
    for text in texts:
        await ledger.note(SaveCheckpoint(text, Because(Why.COMMAND)))
    await ledger.shut_down()


def called(folder: Path, phase: str, *words: str) -> int:
    config = folder / "laddvakt.toml"
    config.write_text(CONFIG.format(folder=folder / "state", phase=phase), "utf-8")
    parser = argparse.ArgumentParser()
    phases.add_arguments(parser)
    return phases.run(parser.parse_args([str(config), *words]))


def test_a_crossed_socket_is_shown_with_exit_code_1_until_the_config_is_corrected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen_on_l3 = ControlCheckpoint(phases={"p1": [7, 2, 1, 1, -2000, -2000, 0]}).to_text()
    asyncio.run(keep(tmp_path / "state", ControlCheckpoint().to_text(), seen_on_l3))
    assert called(tmp_path, "L1") == 1
    said = capsys.readouterr().out
    assert "Fel fas i konfigurationen" in said
    assert "L3" in said
    assert called(tmp_path, "L3", "--language", "en") == 0
    assert "Proven" in capsys.readouterr().out


def test_a_journal_without_evidence_shows_every_socket_as_unproven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(keep(tmp_path / "state"))
    with opened_for_reading(tmp_path / "state") as connection:
        assert newest_checkpoint(connection) is None
    assert called(tmp_path, "L1") == 0
    assert "Obevisad" in capsys.readouterr().out


def test_without_a_journal_it_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="there is no journal here"):
        called(tmp_path, "L1")
