"""The receipt shows what the meter showed and what was signed, to everybody the same, and at once."""

import argparse
import asyncio
import time
from pathlib import Path

import pytest

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import receipt
from gateway.cli.receipt_text import ENDED_WORDS, WORDS
from gateway.clock import UtcTrust
from gateway.devices.journal_store import JournalStore
from gateway.errors import DeviceError
from gateway.site.wishes import EndKind
from tests.ledger.ledger_bench import SOCKETS, HandClock, begin, end, reading, station


async def charge(folder: Path) -> None:
    clock = HandClock()
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station())
    await ledger.record_begin(begin("s1", reading(clock, "100.00", "<b>42"), token="=x<script>"))
    clock.pass_s(600)
    await ledger.record_end(end("s1", reading(clock, "107.30", "<b>42")))
    clock.trust = UtcTrust.INFORMATIVE
    await ledger.record_begin(begin("s2", reading(clock, "50.00"), socket=SOCKETS[1], token=None, continues="s0"))
    await ledger.record_end(end("s2", reading(clock, "0.10", "other"), socket=SOCKETS[1], kind=EndKind.RECOVERED))
    await ledger.record_begin(begin("s3", reading(clock, "107.30", "<b>42")))
    await ledger.shut_down()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(charge(tmp_path / "state"))
    return tmp_path / "state"


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    parser = argparse.ArgumentParser()
    receipt.add_arguments(parser)
    assert receipt.run(parser.parse_args([*words, "--state-dir", str(folder)])) == 0
    return capsys.readouterr().out


def test_a_receipt_has_the_registers_as_shown_and_a_green_verdict(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began_s = time.monotonic()
    said = printed(folder, capsys, "s1")
    assert time.monotonic() - began_s < 2.0
    for text in ("7,30 kWh", "100,00 kWh", "107,30 kWh", "0,01 kWh", "T1, T2", "GRÖN bevisad", "13:00:00,000+0100 S"):
        assert text in said
    english = printed(folder, capsys, "s1", "--language", "en")
    for text in ("7.30 kWh", "100.00 kWh", "GREEN proven", "Eastron SDM630", "in order", "laddvakt verify"):
        assert text in english


def test_what_stands_in_a_record_can_do_nothing_to_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(folder, capsys, "s1", "--format", "html")
    assert page.startswith("<!DOCTYPE html>")
    assert "<strong>7,30 kWh</strong>" in page
    assert "<script" not in page
    assert "<b>" not in page
    assert "http" not in page


def test_energy_that_cannot_be_billed_is_said_so_instead_of_a_figure(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = printed(folder, capsys, "s2", "--language", "en")
    assert "Not billed: the meter was exchanged" in said
    assert "YELLOW" in said
    assert "must not be billed" in said
    assert "none given" in said
    assert "Continues session" in said
    assert "after an interruption" in said


def test_a_session_that_runs_or_never_was_has_no_receipt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match="has not ended"):
        printed(folder, capsys, "s3")
    with pytest.raises(DeviceError, match="no session"):
        printed(folder, capsys, "nobody")
    with pytest.raises(DeviceError, match="No such file"):
        printed(folder, capsys, "s1", "-o", str(folder / "no" / "where"))


def test_a_receipt_goes_into_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(folder, capsys, "s1", "-o", str(tmp_path / "receipt.txt"))
    energy = (tmp_path / "receipt.txt").read_text().splitlines()[3]
    assert energy == "7,30 kWh"


def test_every_word_is_there_in_both_languages() -> None:
    for words in (*WORDS.values(), *ENDED_WORDS.values()):
        assert words["sv"]
        assert words["en"]
        assert words["sv"] != words["en"]
