"""Every mistake that the config door knows, made in an otherwise right file."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.load import cabinet_of, load_cabinet
from gateway.errors import ConfigMistake, Mistake

EXAMPLE = (Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example").read_text("utf-8")

# What the person did; what stood there and what stands there now; where the mistake is told, and a word of it.
SLIPS = [
    (
        "a misspelt key",
        "unmetered_load_a = 0 ",
        "unmetred_load_a = 0 ",
        "fuse[garage].unmetred_load_a",
        'Did you mean "unmetered_load_a"?',
    ),
    (
        "a misspelt key inside a table",
        "unit = 12, side",
        "unitt = 12, unit = 12, side",
        "socket[p2].meter.unitt",
        'Did you mean "unit"?',
    ),
    ("a policy that is none", 'policy = "fifo"', 'policy = "fifa"', "control.policy", 'Did you mean "fifo"?'),
    (
        "an idle time that is too short",
        "idle_release_s = 600",
        "idle_release_s = 5",
        "control.idle_release_s",
        "10 or more",
    ),
    ("a patience below a slice", "patience_s = 7200", "patience_s = 60", "control.patience_s", "900 or more"),
    ("a misspelt section", "[control]", "[controls]", "controls", 'Did you mean "control"?'),
    ("a key that is missing", "rating_a = 20\n", "", "fuse[main].rating_a", "required"),
    ("a section that is missing", "[gateway]", "[gatway]", "gateway", "[gateway]"),
    ("a number in quotes", "rating_a = 20\n", 'rating_a = "20"\n', "fuse[main].rating_a", "without quotes"),
    ("a number out of range", "rating_a = 20\n", "rating_a = 0\n", "fuse[main].rating_a", "more than 0"),
    ("a word in wrong case", 'kind = "gG"', 'kind = "gg"', "fuse[main].kind", 'Did you mean "gG"?'),
    ("a name with a capital", 'name = "p4"', 'name = "P4"', "socket[P4].name", "no capital"),
    ("a state folder that is relative", "/var/lib/laddvakt", "lib/laddvakt", "gateway.state_dir", "absolute"),
    ("a time zone of nowhere", "Europe/Stockholm", "Europe/Stokholm", "gateway.time_zone", "Europe/Stockholm"),
    ("house load for two phases", "[12, 12, 12]", "[12, 12]", "grid_meter.house_load_a_max", "at least 3"),
    ("house load above the main fuse", "[12, 12, 12]", "[12, 12, 21]", "grid_meter.house_load_a_max", "20 A"),
    ("a grid port that is none", '"/dev/laddvakt-p1"', '"laddvakt-p1"', "grid_meter.port", "socket://"),
    ("a bridge without a port", '"/dev/laddvakt-p1"', '"socket://10.0.0.1"', "grid_meter.port", "socket://"),
    ("a main fuse that is not there", 'main_fuse = "main"', 'main_fuse = "mains"', "grid_meter.main_fuse", '"main"'),
    ("an orphan fuse", 'parent = "main"', 'parent = "man"', "fuse[garage].parent", 'Did you mean "main"?'),
    ("two roots", 'parent = "main"\n', "", "fuse[garage].parent", "hangs on nothing"),
    ("a main fuse with a parent", "share = 1.0", 'parent = "garage"\nshare = 1.0', "fuse[main].parent", "cannot hang"),
    ("fuses in a circle", 'parent = "main"', 'parent = "garage"', "fuse[garage].parent", "circle"),
    (
        "unmetered load on the main fuse",
        "share = 1.0",
        "unmetered_load_a = 1\nshare = 1.0",
        "fuse[main].unmetered_load_a",
        "sees all",
    ),
    (
        "unmetered load that fills the fuse",
        "unmetered_load_a = 0 ",
        "unmetered_load_a = 16 ",
        "fuse[garage].unmetered_load_a",
        "leaves nothing",
    ),
    (
        "a minimum quantity of no round form",
        "mmq_wh = 100",
        "mmq_wh = 300",
        "socket[p1].mmq_wh",
        "1, 2 or 5",
    ),
    ("a minimum quantity in kWh", "mmq_wh = 100", "mmq_wh = 0.1", "socket[p1].mmq_wh", "whole number"),
    ("a minimum quantity of nothing", "mmq_wh = 100", "mmq_wh = 0", "socket[p1].mmq_wh", "1 or more"),
    ("a tariff id with a bar", '"villa-2026"', '"a|b"', "billing.tariff_id", "1 to 250 plain characters"),
    ("a tariff id in letters of home", '"villa-2026"', '"hög"', "billing.tariff_id", "no å, ä, ö"),
    ("a tariff id that is empty", '"villa-guest-2026"', '""', "socket[p1].tariff_id", "1 to 250"),
    ("a tariff id with a blank last", '"villa-guest-2026"', '"a "', "socket[p1].tariff_id", "no blank"),
    ("a tariff id with a line end", '"villa-guest-2026"', r'"a\n"', "socket[p1].tariff_id", "1 to 250"),
    ("a tariff id that is too long", '"villa-2026"', f'"{"a" * 251}"', "billing.tariff_id", "1 to 250"),
    ("a tariff id that is a number", '"villa-2026"', "2026", "billing.tariff_id", "text in quotes"),
    ("a tariff that is misspelt", 'tariff_id = "villa-2026"', 'tarif_id = "x"', "billing.tarif_id", '"tariff_id"'),
    ("a share above one", "share = 1.0", "share = 1.1", "fuse[main].share", "1 or less"),
    ("two fuses of one name", 'name = "garage"', 'name = "main"', "fuse[main][#2].name", "already"),
    (
        "a bus that is not there",
        'bus = "rs485-1", unit = 12',
        'bus = "rs485-3", unit = 12',
        "socket[p2].meter.bus",
        "Did you mean",
    ),
    ("one port for two buses", '"/dev/laddvakt-wallbox"', '"/dev/laddvakt-rs485"', "bus[rs485-2].port", "one owner"),
    ("the HAN port for a bus", '"/dev/laddvakt-wallbox"', '"/dev/laddvakt-p1"', "bus[rs485-2].port", "grid_meter"),
    ("a bus port that is none", '"/dev/laddvakt-wallbox"', '"tcp://10.0.0.1"', "bus[rs485-2].port", "tcp://"),
    ("a parity that is none", 'parity = "E"', 'parity = "even"', "bus[rs485-2].parity", '"N", "E" or "O"'),
    ("two devices on one unit", "unit = 12, side", "unit = 11, side", "socket[p2].meter.unit", "socket[p1].meter"),
    ("a meter on the relay board's unit", "unit = 12, side", "unit = 1, side", "socket[p2].meter.unit", "relay"),
    ("a unit that no serial line has", "unit = 12, side", "unit = 250, side", "socket[p2].meter.unit", "247"),
    ("a meter model that is not there", '"garo-gnm3d"', '"garo-gnm3dd"', "socket[p2].meter.model", '"garo-gnm3d"'),
    ("a board model that is not there", 'relay-8ch"', 'relay-8"', "relay_board[relays].model", 'relay-8ch"'),
    (
        "a box model that is not there",
        '"heidelberg-energy-control"',
        '"heidelberg-energy"',
        "socket[p1].wallbox.model",
        '"heidelberg-energy-control"',
    ),
    ("a dead-man that is none", 'dead_man = "none"', 'dead_man = "flsh"', "relay_board[relays].dead_man", '"flash"'),
    ("a channel that the board lacks", "channel = 3", "channel = 9", "socket[p3].contactor.channel", "1 to 8"),
    ("two sockets on one channel", "channel = 3", "channel = 1", "socket[p3].contactor.channel", "socket[p1]"),
    (
        "a relay board that is not there",
        'board = "relays", channel = 3',
        'board = "relay", channel = 3',
        "socket[p3].contactor.board",
        '"relays"',
    ),
    (
        "two owners of one pin",
        'board = "relays", channel = 3',
        'chip = "/dev/gpiochip0", line = 5, auxiliary = { chip = "/dev/gpiochip0", line = 5 }',
        "socket[p3].contactor.auxiliary.line",
        "contactor.line",
    ),
    (
        "a contactor pin without a chip",
        'board = "relays", channel = 3',
        "line = 5",
        "socket[p3].contactor.chip",
        "required",
    ),
    (
        "a socket on no fuse",
        'label = "Hiss"\nfuse = "garage"',
        'label = "Hiss"\nfuse = "garge"',
        "socket[p4].fuse",
        '"garage"',
    ),
    ("a phase used twice", '["L2", "L3", "L1"]', '["L2", "L2", "L1"]', "socket[p2].phases", "twice"),
    ("two phases", '["L2", "L3", "L1"]', '["L2", "L3"]', "socket[p2].phases", "all three"),
    ("a plain socket above its fuse", "rating_a = 10\n", "rating_a = 16\n", "socket[p3].rating_a", "never start"),
    ("a wallbox socket below 6 A", '"L1"]\nrating_a = 16', '"L1"]\nrating_a = 5', "socket[p2].rating_a", "6 A"),
    ("a failsafe that no box can offer", "failsafe_a = 0", "failsafe_a = 4", "socket[p1].wallbox.failsafe_a", "6"),
    ("a failsafe above the rating", "failsafe_a = 0", "failsafe_a = 32", "socket[p1].wallbox.failsafe_a", "Lower it"),
    (
        "failsafes above a fuse",
        "unmetered_load_a = 0 ",
        "unmetered_load_a = 1 ",
        "fuse[garage].rating_a",
        "add up to 17 A",
    ),
    (
        "billing on the load side",
        'unit = 12, side = "supply"',
        'unit = 12, side = "load"',
        "socket[p2].meter.side",
        "above the contactor",
    ),
    ("billing without a meter", 'purpose = "info"', 'purpose = "billing"', "socket[p4].purpose", "needs a meter"),
    ("armed without a contactor", 'access = "command"', 'access = "armed"', "socket[p4].access", "no contactor"),
    (
        "armed with a wallbox",
        'access = "open"                     # command',
        'access = "armed"              # command',
        "socket[p1].access",
        "has a wallbox",
    ),
    ("open without a wallbox", 'access = "command"', 'access = "open"', "socket[p4].access", "needs a wallbox"),
    ("a broker with an empty part in its name", '"127.0.0.1"', '"broker..lan"', "mqtt.host", "no host"),
    ("a broker with its scheme", '"127.0.0.1"', '"mqtt://127.0.0.1"', "mqtt.host", "no host"),
    ("a broker with a blank behind it", '"127.0.0.1"', '"127.0.0.1 "', "mqtt.host", "no host"),
    (
        "a bridge whose name no resolver takes",
        '"/dev/laddvakt-p1"',
        '"socket://a..b:1"',
        "grid_meter.port",
        "socket://",
    ),
    ("a bridge with half a bracket", '"/dev/laddvakt-p1"', '"socket://[::1"', "grid_meter.port", "socket://"),
    ("a bus whose name no resolver takes", '"/dev/laddvakt-rs485"', '"tcp://a..b:502"', "bus[rs485-1].port", "tcp://"),
    ("a broker elsewhere without a password", '"127.0.0.1"', '"192.168.1.2"', "mqtt.host", "password"),
    ("an MQTT box without a broker", "[mqtt] ", "[mqqt] ", "socket[p2].wallbox.mqtt", "[mqtt]"),
    ("an MQTT box that is switched off", "mqtt = true", "mqtt = false", "socket[p2].wallbox.mqtt", "true"),
    (
        "a box with one phase that switches phases",
        'phases = ["L2", "L3", "L1"]',
        'phases = ["L2"]',
        "socket[p2].wallbox.phase_pause_s",
        "one phase",
    ),
]

# Some slips need more than one word changed before they are made.
PREPARED = {
    "a box with one phase that switches phases": (("mqtt = true", "mqtt = true, phase_pause_s = 10"),),
    "failsafes above a fuse": (("failsafe_a = 0 }", "failsafe_a = 16 }"),),
    "billing without a meter": (
        ('\nmeter = { model = "eastron-sdm630", bus = "rs485-1", unit = 14, side = "load" }', ""),
    ),
}


def mistakes_of(text: str) -> tuple[Mistake, ...]:
    with pytest.raises(ConfigMistake) as caught:
        cabinet_of(text, "example")
    return caught.value.mistakes


@pytest.mark.parametrize(("slip", "was", "now", "path", "word"), SLIPS, ids=[slip[0] for slip in SLIPS])
def test_a_slip_is_told_with_its_place_and_a_remedy(slip: str, was: str, now: str, path: str, word: str) -> None:
    text = EXAMPLE
    for before, after in (*PREPARED.get(slip, ()), (was, now)):
        assert before in text
        text = text.replace(before, after, 1)
    told = [mistake for mistake in mistakes_of(text) if mistake.path == path]
    assert len(told) == 1
    assert word in f"{told[0].problem} {told[0].remedy}"
    assert told[0].remedy.endswith((".", "?"))


@pytest.mark.parametrize(("slip", "was", "now", "path", "word"), SLIPS, ids=[slip[0] for slip in SLIPS])
def test_one_slip_is_not_told_as_several(slip: str, was: str, now: str, path: str, word: str) -> None:
    text = EXAMPLE
    for before, after in (*PREPARED.get(slip, ()), (was, now)):
        text = text.replace(before, after, 1)
    # A name or a section that is gone takes with it what refers to it.
    excused = {"a section that is missing", "an MQTT box without a broker", "two fuses of one name"}
    assert len(mistakes_of(text)) == 1 or slip in excused


def test_all_slips_of_a_file_are_told_at_once() -> None:
    text = EXAMPLE
    for was, now in (
        ("rating_a = 20\n", 'rating_a = "20"\n'),
        ("Europe/Stockholm", "Europe/Stokholm"),
        ("channel = 3", "channel = 1"),
        ('"garo-gnm3d"', '"garo-gnm3dd"'),
        ("unit = 14", "unit = 13, untit = 1"),
    ):
        text = text.replace(was, now, 1)
    assert {mistake.path for mistake in mistakes_of(text)} == {
        "fuse[main].rating_a",
        "gateway.time_zone",
        "socket[p3].contactor.channel",
        "socket[p2].meter.model",
        "socket[p4].meter.unit",
        "socket[p4].meter.untit",
    }


def test_a_broken_section_does_not_make_what_refers_to_it_look_wrong() -> None:
    text = EXAMPLE.replace('kind = "C"', 'kind = "D"').replace('name = "rs485-2"', 'name = "rs485-2"\nbaud = 1')
    text = text.replace("baud = 19200\n", "", 1)
    assert {mistake.path for mistake in mistakes_of(text)} == {"fuse[garage].kind", "bus[rs485-2].baud"}


@pytest.mark.parametrize("text", ["= 1", "[gateway", "\x00", "a = 1\na = 2"])
def test_text_that_is_no_toml_is_one_mistake_with_its_place(text: str) -> None:
    (mistake,) = mistakes_of(text)
    assert "(at " in mistake.problem


@pytest.mark.parametrize(
    "text", ["", "gateway = 1", "fuse = 1\nsocket = [1]", "[fuse]\n[socket]", "[[gateway]]", "socket = []\nfuse = []"]
)
def test_a_file_of_the_wrong_shape_is_told_and_never_a_crash(text: str) -> None:
    assert mistakes_of(text)


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes('label = "Motorv\u00e4rmare"'.encode("latin-1"))
    for path, word in ((tmp_path / "absent.toml", "cannot be read"), (latin, "UTF-8"), (tmp_path, "cannot be read")):
        with pytest.raises(ConfigMistake) as caught:
            load_cabinet(path)
        assert word in caught.value.mistakes[0].problem


def test_the_mark_that_some_editors_put_before_a_text_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "laddvakt.toml"
    file.write_bytes(EXAMPLE.replace("\n", "\r\n").encode("utf-8-sig"))
    assert load_cabinet(file) == replace(cabinet_of(EXAMPLE, "example"), kept=load_cabinet(file).kept)


def test_a_file_without_an_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigMistake) as caught:
        load_cabinet(Path("/dev/zero"))
    assert "larger than" in caught.value.mistakes[0].problem


@pytest.mark.parametrize(
    ("text", "word"), [(f"a = {'[' * 5000}{']' * 5000}", "too deep"), (f"a = {'1' * 5000}", "digits")]
)
def test_what_the_reader_of_toml_cannot_hold_is_told(text: str, word: str) -> None:
    (mistake,) = mistakes_of(text)
    assert word in mistake.problem


def test_a_name_that_no_file_can_have_is_told_with_its_place() -> None:
    text = EXAMPLE.replace('"/var/lib/laddvakt"', '"/var/lib/\\u0000"').replace('"Plats 1"', '"Plats\\u0000"')
    assert [(mistake.path, mistake.problem) for mistake in mistakes_of(text)] == [
        ("gateway.state_dir", "holds the character NUL."),
        ("socket[0].label", "holds the character NUL."),
    ]


def test_no_value_that_is_told_moves_the_cursor_of_the_terminal() -> None:
    told = mistakes_of(EXAMPLE.replace('name = "p4"', 'name = "p\\u001b[2J\\n\\u202e"').replace('"sv"', '"\\u0007å"'))
    assert [mistake.value for mistake in told] == [r'"\x07å"', r'"p\x1b[2J\n\u202e"']
    assert all(str(mistake).isprintable() for mistake in told)


def test_a_wrong_value_hides_no_other_mistake_of_its_section_and_brings_no_echo() -> None:
    text = (
        EXAMPLE.replace('time_zone = "Europe/Stockholm"', 'time_zone = "Europe/Stokholm"')
        .replace('id = "villa-1"', 'id = "Villa 1"')
        .replace("house_load_a_max = [12, 12, 12]", "house_load_a_max = [12, 12]")
        .replace('main_fuse = "main"', 'main_fuse = "mains"')
        .replace('kind = "C"', 'kind = "D"')
        .replace('parent = "main"', 'parent = "man"')
        .replace('phases = ["L3"]\nrating_a = 10', 'phases = ["L4"]\nrating_a = "10"')
        .replace("channel = 3", "channel = 9")
    )
    with pytest.raises(ConfigMistake) as told:
        cabinet_of(text, "laddvakt.toml")
    assert sorted(mistake.path for mistake in told.value.mistakes) == [
        "fuse[garage].kind",
        "fuse[garage].parent",
        "gateway.id",
        "gateway.time_zone",
        "grid_meter.house_load_a_max",
        "grid_meter.main_fuse",
        "socket[p3].contactor.channel",
        "socket[p3].phases.0",
        "socket[p3].rating_a",
    ]
