"""A key becomes worth something when somebody outside the data has confirmed it, and never by coming with the data."""

import argparse
from pathlib import Path
from types import ModuleType

import pytest

from gateway.cli import pins, verify
from gateway.errors import ConfigMistake, DeviceError
from gateway.ids import SessionId
from gateway.metering.ocmf import MeterIdentity, Page, payload_hash
from gateway.metering.pins import NotAPinStore, Pin, PinState, pin_for, pins_of, pins_text
from gateway.metering.safe_xml import safe_xml
from tests.metering.records import GATEWAY, METER, Pen, begin_text, end_text, pair_texts

PEN, FORGER = Pen(), Pen()
GS = GATEWAY.serial


def called(command: ModuleType, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(word) for word in words]))
    return code


def xml(folder: Path, name: str, pen: Pen = PEN) -> Path:
    begin, end = (pen.record(text) for text in pair_texts())
    file = folder / name
    file.write_text(safe_xml(1, begin, end, pen.public.hex))
    return file


def confirmed(store: Path, key: str, *more: str) -> int:
    words = ("--gateway", GS, "--key", key, "--who", "the board", "--how", "label in the cabinet", *more)
    return called(pins, "confirm", store, *words)


def test_a_key_that_came_with_the_data_makes_nothing_green_until_it_is_confirmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, file = tmp_path / "pins", xml(tmp_path, "session.xml")
    assert called(pins, "collect", store, file) == 0
    assert "tofu" in capsys.readouterr().out
    assert called(verify, file, "--pins", store) == 1
    said = capsys.readouterr().out
    assert "YELLOW" in said
    assert "key_not_confirmed" in said
    assert confirmed(store, PEN.public.pem) == 0
    assert called(verify, file, "--pins", store, "--whole-key") == 0
    said = capsys.readouterr().out
    assert "confirmed: gateway 00AA11BB22CC33DD, meter all" in said
    assert "7.750 kWh" in said
    assert (store.stat().st_mode & 0o777) == 0o600


def test_a_store_that_is_not_there_or_is_none_is_told_when_it_is_to_be_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(pins, "show", tmp_path / "pisn") == 0
    assert "pisn: there is no such file" in capsys.readouterr().err
    with pytest.raises(DeviceError, match="Is a directory"):
        called(pins, "show", tmp_path)
    for content in (b"", b"\xe5", b"[]"):
        (tmp_path / "pins").write_bytes(content)
        with pytest.raises(DeviceError, match="is no store of pins"):
            called(pins, "show", tmp_path / "pins")


def test_a_forger_with_his_own_key_is_refused_by_the_store_and_by_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, forged, session = tmp_path / "pins", xml(tmp_path, "forged.xml", FORGER), xml(tmp_path, "session.xml")
    for prepare, meter_of_its_own in ((("collect", store, session), 2), (("confirm",), 0)):
        store.unlink(missing_ok=True)
        assert (called(pins, *prepare) if meter_of_its_own else confirmed(store, PEN.public.hex)) == 0
        before = store.read_bytes()
        assert called(pins, "collect", store, forged) == 2
        assert confirmed(store, FORGER.public.hex) == 2
        assert store.read_bytes() == before
        capsys.readouterr()
        assert called(verify, forged, "--pins", store) == 2
        assert "foreign_key" in capsys.readouterr().out
        assert confirmed(store, FORGER.public.hex, "--meter", str(METER.serial)) == meter_of_its_own


def test_a_record_without_a_pin_is_not_proven_and_without_a_signature_grey(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "pins"
    store.write_text(pins_text([Pin("OTHER", None, PEN.public.hex, PinState.CONFIRMED, "a", "b", "c")]))
    assert called(verify, xml(tmp_path, "session.xml"), "--pins", store) == 1
    assert "key_not_pinned" in capsys.readouterr().out
    cases = ((f"OCMF|{begin_text()}|", 4, "unsigned"), ("OCMF|[]|{}", 2, "not_ocmf"), ("", 1, "nothing_found"))
    for text, code, word in cases:
        (tmp_path / "file").write_text(text)
        assert called(verify, tmp_path / "file", "--pins", store) == code
        assert word in capsys.readouterr().out


def test_each_meter_has_its_own_key_where_it_has_one(tmp_path: Path) -> None:
    other = MeterIdentity("Eastron", "SDM630", "1.0", "999")
    first = begin_text(meter=other, session=SessionId("o"))
    last = end_text(Page(2, payload_hash(first)), meter=other, session=SessionId("o"))
    file = tmp_path / "both"
    records = [*(PEN.record(text) for text in pair_texts()), *(FORGER.record(text) for text in (first, last))]
    file.write_text("\n".join(records))
    store = tmp_path / "pins"
    assert confirmed(store, PEN.public.hex) == 0
    assert called(verify, file, "--pins", store) == 2
    both = (
        Pin(GS, None, PEN.public.hex, PinState.CONFIRMED, "a", "b", "c"),
        Pin(GS, "999", FORGER.public.hex, PinState.CONFIRMED, "a", "b", "c"),
    )
    store.write_text(pins_text(both))
    assert called(verify, file, "--pins", store) == 0
    assert pin_for(both, GS, "999") == both[1]
    assert pin_for(both, GS, "1") == both[0]
    assert pin_for(both, "else", "1") is None


def test_a_store_is_read_back_word_for_word_and_anything_else_is_refused() -> None:
    good = Pin(GS, "1", PEN.public.hex, PinState.CONFIRMED, "Åsa", "2026-03-01", "label")
    assert pins_of(pins_text([good])) == (good,)
    text = pins_text([good])
    for there, here in (
        ('"version": 1', '"version": 2'),
        ('"label"', '""'),
        ('"label"', "7"),
        ('"confirmed"', '"sure"'),
        (PEN.public.hex, "00"),
        ('"meter": "1"', '"meter": 1'),
        ('"how"', '"why"'),
        ('"when"', '"x": "y", "when"'),
        ('"pins"', '"pens"'),
    ):
        assert there in text
        with pytest.raises(NotAPinStore):
            pins_of(text.replace(there, here))
    for wrong in ("", "[]", "{}", "[" * 100_000, pins_text([good, good])):
        with pytest.raises(NotAPinStore):
            pins_of(wrong)


def test_what_is_missing_or_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "pins"
    with pytest.raises(ConfigMistake):
        called(pins, "confirm", store, "--gateway", GS, "--key", PEN.public.hex, "--who", "me")
    with pytest.raises(DeviceError):
        confirmed(store, "no key")
    with pytest.raises(DeviceError):
        called(pins, "collect", store, tmp_path / "nowhere")
    (tmp_path / "plain").write_text(PEN.record(begin_text()))
    assert called(pins, "collect", store, tmp_path / "plain") == 2
    wrong = xml(tmp_path, "wrong.xml", FORGER)
    wrong.write_text(wrong.read_text().replace(FORGER.public.hex, PEN.public.hex))
    assert called(pins, "collect", store, wrong) == 2
    assert not store.exists()
    assert called(pins, "show", store) == 0
    store.write_text("{}")
    with pytest.raises(DeviceError):
        called(pins, "show", store)
    assert called(verify, wrong, "--pins", store) == 3
    assert called(verify, wrong, "--pins", store, "--key", PEN.public.hex) == 3
    store.write_bytes(b" " * (4 * 1024 * 1024 + 1))
    assert called(verify, wrong, "--pins", store) == 3
    capsys.readouterr()
