"""The label in the cabinet is a source for a confirmed pin: it shows the key that signs now, to eyes and to cameras."""

import argparse
import asyncio
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.app.ledger_key import hand_over
from gateway.cli import export, label, pins, verify
from gateway.cli.label_sheet import LETTER_MM, LETTER_WIDTH, WIDTH_MM
from gateway.clock import UtcTrust
from gateway.errors import ConfigMistake, DeviceError
from gateway.metering.keys import PublicKey, public_key
from gateway.publish.label_words import NOTES, PURPOSES, WORDS
from gateway.site.topology import Purpose
from tests.ledger.code_reader import SIDE, read_code
from tests.ledger.folder_ledger import opened
from tests.ledger.ledger_bench import HandClock, begin, end, reading

MODULES = re.compile(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z")
MARGIN = 4
CONFIG = """
[gateway]
id = "villa-1"
state_dir = "{folder}"
language = "en"
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
label = "Plats <1> & Åsas, längst in till vänster mot den stora björken"
fuse = "main"
phases = ["L1"]
rating_a = 16
purpose = "billing"
meter = {{ model = "eastron-sdm630", bus = "meters", unit = 1, side = "supply", serial = "of-the-config" }}
wallbox = {{ mqtt = true }}
[[socket]]
name = "p2"
fuse = "main"
phases = ["L2"]
rating_a = 10
meter = {{ model = "abb-b23", bus = "meters", unit = 2, side = "supply" }}
wallbox = {{ mqtt = true }}
[[socket]]
name = "p3"
fuse = "main"
phases = ["L3"]
rating_a = 6
wallbox = {{ mqtt = true }}
"""


async def charge(folder: Path, name: str, serial: str | None) -> None:
    ledger = await opened(folder)
    await ledger.record_begin(begin(name, reading(HandClock(), "100.00", serial)))
    await ledger.record_end(end(name, reading(HandClock(), "107.30", serial)))
    await ledger.shut_down()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(charge(tmp_path / "state", "s1", "12345678"))
    (tmp_path / "laddvakt.toml").write_text(CONFIG.format(folder=tmp_path / "state"), "utf-8")
    return tmp_path


def called(command: object, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]  # a command's module
    code: int = command.run(parser.parse_args([str(word) for word in words]))  # type: ignore[attr-defined]  # as above
    return code


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    capsys.readouterr()
    assert called(label, folder / "laddvakt.toml", *words) == 0
    return capsys.readouterr().out


def drawn(folder: Path, name: str) -> str:
    assert called(label, folder / "laddvakt.toml", "--out", folder / name) == 0
    return (folder / name).read_text("utf-8")


def key_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> PublicKey:
    from gateway.cli import key

    capsys.readouterr()
    assert called(key, "show", "--state-dir", folder / "state") == 0
    return public_key(re.findall(r"hex: (\w+)", capsys.readouterr().out)[0])


def scanned(drawing: str) -> str:
    """What a camera reads, from the drawn modules alone."""
    dark = [[False] * (SIDE + 2 * MARGIN) for _ in range(SIDE + 2 * MARGIN)]
    for x, y, width, back in ((int(each) for each in run) for run in MODULES.findall(drawing)):
        assert width == back
        for at in range(x, x + width):
            assert not dark[y][at]
            dark[y][at] = True
    inside = range(MARGIN, MARGIN + SIDE)
    assert not any(one for y, row in enumerate(dark) for x, one in enumerate(row) if not (x in inside and y in inside))
    return read_code([[dark[y][x] for x in inside] for y in inside])


def test_the_text_shows_key_and_meters_in_the_language_of_the_config_or_the_one_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(folder, capsys)
    english = printed(folder, capsys)
    swedish = printed(folder, capsys, "--language", "sv")
    for text in (english, swedish):
        assert f"{key.hex}\n" in text
        assert key.fingerprint in "".join(re.findall(r"(?:[0-9a-f]{4} ?){4}\n", text)).replace(" ", "").replace(
            "\n", ""
        )
        for word in ("villa-1", key.serial, "Eastron SDM630", "12345678", "01-00:B0.08.00*FF", "ABB B23"):
            assert word in text
        assert "of-the-config" not in text
    assert "number 1, made 2026-03-01\n" in english
    assert "nummer 1, skapad 2026-03-01\n" in swedish
    assert f"--gateway {key.serial} --key" in english
    assert english.count("not read yet") == swedish.count("ännu inte avläst") == 1
    assert "no meter" in english
    assert "uperseded" not in english


def test_who_scans_the_label_gets_a_confirmed_pin_that_proves_the_records(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(folder, capsys)
    store, records = folder / "pins.json", folder / "records.xml"
    for name in ("label.svg", "label.html"):
        assert scanned(drawn(folder, name)) == key.hex
    assert called(export, "--state-dir", folder / "state", "--format", "safe-xml", "-o", records) == 0
    assert called(pins, "collect", store, records) == 0
    assert called(verify, records, "--pins", store) != 0
    text = scanned(drawn(folder, "label.svg"))
    words = ("--gateway", key.serial, "--key", text, "--who", "Åsa", "--how", "etikett")
    assert called(pins, "confirm", store, *words) == 0
    assert called(verify, records, "--pins", store) == 0


def test_the_drawing_is_black_on_white_and_every_line_fits(folder: Path) -> None:
    root = ET.fromstring(drawn(folder, "label.svg"))
    colours = {one.get(name) for one in root.iter() for name in ("fill", "stroke")}
    assert colours == {None, "#000", "#fff"}
    lines = [one for one in root.iter() if one.tag.endswith("text")]
    height_mm = float(str(root.get("height")).removesuffix("mm"))
    for line in lines:
        assert float(line.get("x", "")) + len(line.text or "") * LETTER_MM * LETTER_WIDTH < WIDTH_MM
        assert float(line.get("y", "")) < height_mm
    assert any("Plats <1> & Åsas" in (line.text or "") for line in lines)


def test_what_a_config_says_can_do_nothing_to_a_page(folder: Path) -> None:
    page = drawn(folder, "label.html")
    assert "<1>" not in page
    tags = {one.tag for one in ET.fromstring(page.partition("\n")[2]).iter()}
    assert not any(tag.endswith(("script", "img", "link")) for tag in tags)
    assert "Åsas" in page


def test_after_a_rotation_the_label_shows_the_new_key_and_that_the_old_one_is_superseded(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = key_of(folder, capsys)
    asyncio.run(hand_over(folder / "state", HandClock().now()))
    after = key_of(folder, capsys)
    assert before != after
    assert scanned(drawn(folder, "label.svg")) == after.hex
    text = printed(folder, capsys)
    digits = text.replace(" ", "").replace("\n", "")
    assert digits.index(after.fingerprint) < digits.index(f"number1,uptopageT2{before.fingerprint}")
    assert f"--gateway {after.serial} " in text
    assert "number 2, made" in text
    assert "Keys before number 2 are superseded" in text
    assert "Nycklar före nummer 2 är ersatta" in printed(folder, capsys, "--language", "sv")


def test_the_serial_is_the_one_that_the_newest_records_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(charge(folder / "state", "s2", "99990000"))
    text = printed(folder, capsys)
    assert "99990000" in text
    assert "12345678" not in text


def test_a_label_can_be_printed_beside_the_running_gateway(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "laddvakt.toml").write_text(CONFIG.format(folder=tmp_path / "state"), "utf-8")

    async def print_while_it_charges() -> str:
        ledger = await opened(tmp_path / "state")
        await ledger.record_begin(begin("s1", reading(HandClock(), "100.00", "12345678")))
        text = printed(tmp_path, capsys)
        await ledger.shut_down()
        return text

    assert "12345678" in asyncio.run(print_while_it_charges())


def test_a_key_that_was_made_while_the_clock_was_not_synchronised_has_a_doubtful_day(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = HandClock()
    clock.trust = UtcTrust.INFORMATIVE
    asyncio.run(hand_over(folder / "state", clock.now()))
    assert "number 2, made 2026-03-01 (the clock was not synchronised)" in printed(folder, capsys)


def test_a_serial_that_was_never_read_is_the_configs_and_else_said_to_be_open(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(charge(folder / "state", "s2", None))
    assert "of-the-config" in printed(folder, capsys)
    config = folder / "laddvakt.toml"
    config.write_text(config.read_text("utf-8").replace(', serial = "of-the-config"', ""), "utf-8")
    text = printed(folder, capsys)
    assert text.count("not read yet") == 2
    assert "UNREAD" not in text


@pytest.mark.parametrize("name", ["label.png", "label", "state/journal.svg"])
def test_a_file_that_it_cannot_draw_or_must_not_overwrite_is_refused(folder: Path, name: str) -> None:
    before = sorted((path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    with pytest.raises(ConfigMistake) as refused:
        called(label, folder / "laddvakt.toml", "--out", folder / name)
    (mistake,) = refused.value.mistakes
    assert (mistake.path, mistake.value) == ("--out", str(folder / name))
    assert mistake.remedy
    assert before == sorted((path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file())


def test_without_a_key_it_says_when_there_will_be_one(tmp_path: Path) -> None:
    (tmp_path / "laddvakt.toml").write_text(CONFIG.format(folder=tmp_path / "state"), "utf-8")
    with pytest.raises(DeviceError, match="there is no journal here"):
        called(label, tmp_path / "laddvakt.toml")


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(DeviceError, match=r"nowhere/label\.svg"):
        called(label, folder / "laddvakt.toml", "--out", folder / "nowhere" / "label.svg")


def test_every_word_of_a_label_is_there_in_both_languages_with_the_same_figures() -> None:
    assert set(PURPOSES) == set(Purpose)
    for swedish, english in (*WORDS.values(), *NOTES.values(), *PURPOSES.values()):
        assert swedish.strip()
        assert english.strip()
        assert set(re.findall(r"{\w+}", swedish)) == set(re.findall(r"{\w+}", english))
