"""`laddvakt phases` shows the evidence that the journal keeps, judged by the config as it stands now."""

import argparse
import asyncio
from pathlib import Path

import pytest

from gateway.app.faults import FaultLog
from gateway.app.meter_records import MeterRecords
from gateway.app.phase_orders import phase_orders
from gateway.app.sight_board import SightBoard
from gateway.cli import phases
from gateway.config.load import load_cabinet
from gateway.control.checkpoint import ControlCheckpoint
from gateway.control.decide import decide
from gateway.control.past import Past
from gateway.control.recovery import recover
from gateway.devices.journal_file import newest_checkpoint, opened_for_reading
from gateway.errors import ConfigMistake, DeviceError
from gateway.ids import SocketId
from gateway.site.because import Because, Why
from gateway.site.requests import ForgetPhases
from gateway.site.wishes import SaveCheckpoint
from tests.control.planned_site import instant, site, wallbox
from tests.ledger.command_bench import opened
from tests.ledger.ledger_bench import HandClock

SEEN_ON_L3 = [7, 2, 1, 1, -2000, -2000, 0]
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


def test_forgetting_a_socket_is_durable_while_the_gateway_stands_still(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crossed = ControlCheckpoint(queue=("s1",), phases={"p1": SEEN_ON_L3, "p2": SEEN_ON_L3}).to_text()
    asyncio.run(keep(tmp_path / "state", crossed))
    assert called(tmp_path, "L1", "--forget", "p1", "--language", "en") == 0
    assert "Unproven" in capsys.readouterr().out
    with opened_for_reading(tmp_path / "state") as connection:
        kept = newest_checkpoint(connection)
    assert kept is not None
    assert ControlCheckpoint.from_text(kept) == ControlCheckpoint(queue=("s1",), phases={"p2": SEEN_ON_L3})
    assert called(tmp_path, "L1", "--forget", "p1") == 0


def test_a_running_gateway_is_handed_the_order_and_answers_when_it_is_done(tmp_path: Path) -> None:
    config = tmp_path / "laddvakt.toml"
    config.write_text(CONFIG.format(folder=tmp_path / "state", phase="L1"), "utf-8")
    forgotten: list[SocketId] = []

    async def run() -> None:
        ledger = await opened(tmp_path / "state", HandClock())
        crossed = ControlCheckpoint(phases={"p1": SEEN_ON_L3}).to_text()
        await ledger.note(SaveCheckpoint(crossed, Because(Why.COMMAND)))

        async def forget(socket: SocketId) -> None:
            forgotten.append(socket)
            await ledger.note(SaveCheckpoint(ControlCheckpoint().to_text(), Because(Why.COMMAND)))

        cabinet, faults = load_cabinet(config), FaultLog()
        records = MeterRecords(ledger, None, forget, cabinet=cabinet, clock=HandClock(), faults=faults)
        inbox = asyncio.create_task(records.watch_inbox())
        assert await asyncio.to_thread(called, tmp_path, "L1", "--forget", "p1") == 0
        inbox.cancel()
        await ledger.shut_down()

    asyncio.run(run())
    assert forgotten == ["p1"]


def test_a_socket_that_there_is_not_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    asyncio.run(keep(tmp_path / "state"))
    with pytest.raises(ConfigMistake) as raised:
        called(tmp_path, "L1", "--forget", "p9")
    (mistake,) = raised.value.mistakes
    assert (mistake.value, mistake.remedy) == ("p9", "One of: p1.")


class Written:
    """A journal that takes its time."""

    all_durable = True


def test_an_order_to_forget_is_done_when_control_has_decided_and_the_journal_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.app.phase_orders.LOOK_S", 0.0)

    async def run() -> None:
        where = site(wallbox("p1"))
        board, written = SightBoard(where, 0.0), Written()
        state = recover(where, Past((), (), None), instant(0.0))
        order = asyncio.ensure_future(phase_orders(board, written, lambda: state)(SocketId("p1")))
        await asyncio.sleep(0)
        assert board.wake.is_set()
        snapshot = board.snapshot(1.0, journal_accepts=True)
        assert snapshot.requests == (ForgetPhases(SocketId("p1")),)
        await asyncio.sleep(0)
        assert not order.done()
        state = decide(snapshot, state, instant(1.0)).state
        written.all_durable = False
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not order.done()
        written.all_durable = True
        await order

    asyncio.run(run())
