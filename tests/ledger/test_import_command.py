"""`laddvakt import` and `laddvakt meter-key`, beside a running gateway and without one, and what exports show of it."""

import argparse
import asyncio
import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyocmf.core.ocmf import OCMF

from gateway.app.faults import FaultLog
from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.app.meter_records import MeterRecords
from gateway.cli import export, import_records, journal, meter_key, receipt, verify
from gateway.config.load import load_cabinet
from gateway.devices.inbox import Inbox
from gateway.devices.journal_file import opened_for_reading, verified_facts
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KeyStore
from gateway.errors import ConfigMistake, DeviceError
from gateway.ids import SocketId
from gateway.journal.meter_facts import MeterRecordKept, MeterRecordQuarantined
from gateway.metering.safe_xml import safe_xml
from tests.ledger.ledger_bench import NOON, HandClock, begin, end, reading, station
from tests.metering.makers import MakersMeter
from tests.publish.cabinet_told import site

TEN = timedelta(minutes=10)
HOUR = timedelta(hours=1)
EXAMPLE = Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example"


def called(command: ModuleType, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(word) for word in words]))
    return code


async def opened(folder: Path, clock: HandClock) -> Ledger:
    return await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station())


async def charge(folder: Path, rest_s: float) -> None:
    """Three sessions on p1, the first at noon, ten minutes long, with a rest after each."""
    clock = HandClock()
    ledger = await opened(folder, clock)
    for at in range(3):
        await ledger.record_begin(begin(f"s{at}", reading(clock, f"{at * 2}.00")))
        clock.pass_s(600)
        await ledger.record_end(end(f"s{at}", reading(clock, f"{at * 2 + 1}.00")))
        clock.pass_s(rest_s)
    await ledger.shut_down()


class Place:
    """A state folder, a meter, and the commands."""

    def __init__(self, folder: Path, rest_s: float = 3000.0) -> None:
        self.state, self.meter = folder / "state", MakersMeter()
        self.files = folder
        asyncio.run(charge(self.state, rest_s))
        self.key = KeyStore.load(self.state).public_key_hex

    def records(self) -> list[str]:
        return [
            self.meter.session(NOON + at * HOUR, f"{at + 1}0.0", NOON + at * HOUR + TEN, f"{at + 1}1.0")
            for at in range(2)
        ]

    def take(self, *texts: str, **words: str) -> int:
        file = self.files / "records.ocmf"
        file.write_text("\n".join(texts))
        more = [part for name, value in words.items() for part in (f"--{name}", value)]
        return called(import_records, file, "--socket", "p1", "--state-dir", self.state, *more)

    def confirm(self, **changes: str) -> int:
        words = {"gateway": f"GW-{self.meter.serial}", "meter": self.meter.serial, "key": self.meter.public.hex}
        words |= {"who": "the board", "how": "label"} | changes
        more = [part for name, value in words.items() for part in (f"--{name}", value)]
        return called(meter_key, "confirm", "--state-dir", self.state, *more)

    def facts(self, kind: type[Any]) -> list[Any]:
        with opened_for_reading(self.state) as connection:
            return [fact for fact in verified_facts(connection) if isinstance(fact, kind)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_of_records_goes_into_the_journal_each_to_its_session(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.confirm() == 0
    assert "confirmed: gateway GW-1EMH0012345, meter 1EMH0012345" in capsys.readouterr().out
    texts = place.records()
    assert place.take(*texts) == 0
    said = capsys.readouterr().out
    assert "records.ocmf:1: kept: T1, s0, 1.0 kWh, confirmed key" in said
    assert "records.ocmf:2: kept: T2, s1, 1.0 kWh, confirmed key" in said
    assert [(fact.text, fact.session) for fact in place.facts(MeterRecordKept)] == [(texts[0], "s0"), (texts[1], "s1")]
    assert place.take(texts[0], language="sv") == 0
    assert "känd: " in capsys.readouterr().out
    assert called(journal, "verify", "--state-dir", place.state) == 0


def test_begin_and_end_of_sessions_that_follow_close_stay_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each car leaves, and the next one begins at once; the file comes after all of them."""
    place = Place(tmp_path, rest_s=60)
    place.confirm()
    capsys.readouterr()
    moments = [NOON + at * timedelta(minutes=11) for at in range(3)]
    texts = [
        text
        for at, begun in enumerate(moments)
        for text in (place.meter.edge("B", begun, f"{at}.0"), place.meter.edge("E", begun + TEN, f"{at}.7"))
    ]
    assert place.take(*texts) == 0
    assert [fact.session for fact in place.facts(MeterRecordKept)] == ["s0", "s0", "s1", "s1", "s2", "s2"]
    capsys.readouterr()
    for session in ("s0", "s1", "s2"):
        assert called(receipt, session, "--state-dir", place.state, "--language", "en") == 0
        said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Energy by the meter's own")]
        assert [line.split()[-2:] for line in said] == [["0.7", "kWh"]]


def test_the_gateways_own_records_do_not_make_a_session_meter_signed(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    file = place.files / "own.xml"
    called(export, "--state-dir", place.state, "--format", "safe-xml", "--session", "s0", "-o", file)
    assert called(import_records, file, "--socket", "p1", "--session", "s0", "--state-dir", place.state) == 2
    assert capsys.readouterr().out.count("[not_of_a_meter]") == 2
    assert called(receipt, "s0", "--state-dir", place.state, "--language", "en") == 0
    assert "signed by this gateway\n" in capsys.readouterr().out


def test_a_forged_file_is_refused_and_kept_as_evidence(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.confirm()
    assert place.take(MakersMeter().session(NOON, "1.0", NOON + TEN, "9.0"), "garbage <b>\x1b") == 2
    said = capsys.readouterr().out
    assert "REFUSED: the signature does not fit" in said
    assert "[not_ocmf]" in said
    assert len(place.facts(MeterRecordQuarantined)) == 2
    assert place.confirm(key=MakersMeter().public.hex) == 2
    assert "REFUSED: another key is confirmed for this meter" in capsys.readouterr().out


def test_a_safe_xml_brings_its_key_which_is_tofu_at_most(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = place.files / "one.xml"
    file.write_text(safe_xml(1, place.records()[0], None, place.meter.public.hex))
    assert called(import_records, file, "--socket", "p1", "--state-dir", place.state) == 0
    assert "the key is not confirmed (tofu)" in capsys.readouterr().out
    called(meter_key, "show", "--state-dir", place.state)
    assert capsys.readouterr().out.startswith("tofu: gateway GW-")


def exported(place: Place, name: str, *words: str) -> bytes:
    file = place.files / name
    assert called(export, "--state-dir", place.state, "-o", file, *words) == 0
    return file.read_bytes()


def test_exports_and_receipts_show_the_grade_and_what_the_meter_signed(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.confirm()
    place.take(*place.records())
    table = exported(place, "t.csv", "--format", "csv").decode("utf-8-sig")
    rows = [row for row in csv.DictReader(io.StringIO(table, newline=""), delimiter=";") if row["kind"] == "session"]
    assert [row["grade"] for row in rows] == ["meter-signed", "meter-signed", "gateway-signed"]
    assert [row["meter_energy_kwh"] for row in rows] == ["1,0", "1,0", ""]
    assert [row["meter_verdict"] for row in rows] == ["green", "green", ""]
    assert called(verify, place.files / "t.csv", "--key", place.key) == 0
    lines = exported(place, "m.ocmf", "--format", "ocmf", "--of", "meter").decode().splitlines()
    assert all(OCMF.from_string(line).verify_signature(place.meter.public.hex) for line in lines)
    xml = exported(place, "m.xml", "--format", "safe-xml", "--of", "meter", "--session", "s0")
    assert place.meter.public.hex.encode() in xml
    store = place.files / "pins"
    assert called(meter_key, "show", "--state-dir", place.state, "-o", store) == 0
    assert called(verify, place.files / "m.ocmf", place.files / "m.xml", "--pins", store) == 2  # each twice: replayed
    assert called(verify, place.files / "m.xml", "--pins", store) == 0
    capsys.readouterr()
    called(receipt, "s0", "--state-dir", place.state, "--language", "sv")
    said = capsys.readouterr().out
    assert "signerad av mätaren" in said
    assert "1,0 kWh" in said
    called(receipt, "s2", "--state-dir", place.state)
    assert "signerad av denna gateway" in capsys.readouterr().out


def test_a_tofu_key_makes_a_table_yellow_by_its_pins_and_a_changed_meter_cell_red(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.take(*place.records(), key=place.meter.public.hex)
    table = exported(place, "t.csv", "--format", "csv").decode("utf-8-sig")
    assert table.count("yellow") == 2
    store = place.files / "pins"
    called(meter_key, "show", "--state-dir", place.state, "-o", store)
    pins = json.loads(store.read_text())
    gateway = next(csv.DictReader(io.StringIO(table, newline=""), delimiter=";"))["gateway"]
    own = {
        "gateway": gateway,
        "meter": None,
        "key": place.key,
        "state": "confirmed",
        "who": "a",
        "when": "",
        "how": "b",
    }
    store.write_text(json.dumps({"version": 1, "pins": [*pins["pins"], own]}))
    capsys.readouterr()
    assert called(verify, place.files / "t.csv", "--pins", store) == 1
    assert "key_not_confirmed" in capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(table, newline=""), delimiter=";"))
    rows[-1]["signature"] = ""
    other = MakersMeter().session(NOON, "10.0", NOON + TEN, "11.0")
    for name, cell in (("meter_energy_kwh", "2,0"), ("grade", "gateway-signed"), ("meter_records", other)):
        for words in (("--pins", store), ("--key", place.key)):
            if name == "meter_records" and words[0] == "--key":
                continue  # whose key is not pinned is the word of whoever signed the table
            with (place.files / "f.csv").open("w", newline="") as stream:
                writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
                writer.writeheader()
                writer.writerows([rows[0] | {name: cell}, *rows[1:]])
            assert called(verify, place.files / "f.csv", *words) == 2, (name, words)


def test_an_archive_holds_the_meters_records_and_their_keys(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.confirm()
    place.take(*place.records())
    exported(place, "a", "--format", "archive")
    assert called(verify, place.files / "a", "--key", place.key) == 0


def test_a_running_gateway_does_it_itself_and_answers(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> tuple[int, int]:
        ledger = await opened(place.state, HandClock())
        records = meter_records(ledger, place.state)
        task = asyncio.create_task(records.watch_inbox())
        codes = await asyncio.to_thread(place.confirm), await asyncio.to_thread(place.take, *place.records())
        task.cancel()
        await ledger.shut_down()
        return codes

    assert asyncio.run(run()) == (0, 0)
    assert "kept: T2, s1" in capsys.readouterr().out
    assert not list((place.state / "inbox").iterdir())
    assert len(place.facts(MeterRecordKept)) == 2


def test_an_order_that_cannot_be_read_is_answered_with_nothing_and_goes(place: Place) -> None:
    async def run() -> str | None:
        ledger = await opened(place.state, HandClock())
        inbox = Inbox(place.state)
        name = inbox.put("[" * 10_000)
        task = asyncio.create_task(meter_records(ledger, place.state).watch_inbox())
        answer = None
        while answer is None:
            await asyncio.sleep(0.01)
            answer = inbox.answer(name)
        task.cancel()
        await ledger.shut_down()
        return answer

    assert asyncio.run(run()) == "[]"


def test_what_cannot_be_asked_is_said_in_words(place: Place, tmp_path: Path) -> None:
    for words, said in (
        ({"session": "s9"}, "no session s9 on socket p1"),
        ({"key": "zz"}, "--key"),
    ):
        with pytest.raises(DeviceError, match=said):
            place.take(place.records()[0], **words)
    with pytest.raises(DeviceError, match="no record"):
        place.take("")
    (place.files / "records.ocmf").write_text(place.records()[0])
    with pytest.raises(DeviceError, match="no socket p9"):
        called(import_records, place.files / "records.ocmf", "--socket", "p9", "--state-dir", place.state)
    with pytest.raises(ConfigMistake):
        place.confirm(who="")
    with pytest.raises(DeviceError, match=r"none\.xml"):
        called(import_records, tmp_path / "none.xml", "--socket", "p1", "--state-dir", place.state)


def meter_records(ledger: Ledger, folder: Path) -> MeterRecords:
    cabinet = replace(load_cabinet(EXAMPLE), site=site(), state_dir=folder)

    async def forget(_socket: SocketId) -> None:
        raise AssertionError("nothing of the kind was asked")

    return MeterRecords(ledger, None, forget, cabinet=cabinet, clock=HandClock(), faults=FaultLog())
