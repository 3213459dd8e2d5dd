"""The example config, the cabinet that comes of it, and what the person is told to know."""

import json
import re
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.config.load import cabinet_of, load_cabinet
from gateway.config.plans import (
    ModbusWallboxPlan,
    MqttWallboxPlan,
    RelayContactorPlan,
    SerialLine,
    SigningTokenPlan,
    TcpLink,
)
from gateway.config.schema import Config, json_schema
from gateway.config.warnings import cautions
from gateway.errors import ConfigMistake
from gateway.ids import BoardId, BusId, FuseId, SocketId
from gateway.quantities import Phase
from gateway.site.topology import FuseKind

FILE = Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example"
EXAMPLE = FILE.read_text("utf-8")


def told(text: str) -> dict[str, str]:
    return {caution.path: str(caution) for caution in cautions(cabinet_of(text, "example"))}


def changed(*changes: tuple[str, str]) -> str:
    text = EXAMPLE
    for was, now in changes:
        assert was in text
        text = text.replace(was, now, 1)
    return text


def test_the_example_becomes_the_cabinet_that_its_words_say() -> None:
    cabinet = load_cabinet(FILE)
    assert cabinet.site.main == "main"
    assert cabinet.site.fuses[FuseId("main")].steady_a_max == 20
    assert cabinet.site.fuses[FuseId("garage")].steady_a_max == pytest.approx(14.4)
    assert [fuse.id for fuse in cabinet.site.fuses_above(SocketId("p2"))] == ["garage", "main"]
    assert cabinet.site.sockets[SocketId("p2")].phases == (Phase.L2, Phase.L3, Phase.L1)
    assert cabinet.site.house_load_a_max == (12.0, 12.0, 12.0)
    p1 = cabinet.sockets[SocketId("p1")]
    assert p1.meter is not None
    assert p1.meter.model.id == "eastron-sdm630"
    assert p1.contactor == RelayContactorPlan(BoardId("relays"), 1, None)
    assert isinstance(p1.wallbox, ModbusWallboxPlan)
    assert isinstance(cabinet.sockets[SocketId("p2")].wallbox, MqttWallboxPlan)
    assert cabinet.buses[BusId("rs485-2")].wire == SerialLine("/dev/laddvakt-wallbox", 19_200, "E", 1, False)


def test_the_four_kinds_of_sockets_are_told_apart() -> None:
    sockets = load_cabinet(FILE).site.sockets
    kinds = {socket.id: (socket.contactor, socket.wallbox is not None) for socket in sockets.values()}
    assert kinds == {"p1": (True, True), "p2": (False, True), "p3": (True, False), "p4": (False, False)}


def test_the_signing_key_is_a_file_unless_the_config_names_a_token() -> None:
    assert load_cabinet(FILE).signing_token is None
    named = '[signing_token]\nmodule = "/usr/lib/x.so"\ntoken = "cabinet"\npin_file = "/etc/pin"\n\n[mqtt]'
    place = cabinet_of(changed(("[mqtt]", named)), "example").signing_token
    assert place == SigningTokenPlan(Path("/usr/lib/x.so"), "cabinet", Path("/etc/pin"), "laddvakt")
    for was, bad in (("/etc/pin", "pin"), ("cabinet", "c" * 33), ("/usr/lib/x.so", "x.so")):
        with pytest.raises(ConfigMistake):
            cabinet_of(changed(("[mqtt]", named.replace(was, bad))), "example")


def test_the_journals_rows_go_to_the_broker_only_if_somebody_says_so() -> None:
    silent = load_cabinet(FILE).mqtt
    asked = cabinet_of(changed(("# journal_rows = true", "journal_rows = true")), "example").mqtt
    assert silent is not None
    assert asked is not None
    assert (silent.journal_rows, asked.journal_rows) == (False, True)


def test_a_tcp_bus_has_host_and_port() -> None:
    text = changed(('"/dev/laddvakt-wallbox"', '"tcp://192.168.1.30:502"'))
    assert cabinet_of(text, "example").buses[BusId("rs485-2")].wire == TcpLink("192.168.1.30", 502)


def test_a_share_not_stated_is_whole_for_links_and_a_tenth_less_for_automats() -> None:
    fuses = cabinet_of(changed(("share = 1.0", "")), "example").site.fuses
    assert fuses[FuseId("main")].kind is FuseKind.GG
    assert (fuses[FuseId("main")].share, fuses[FuseId("garage")].share) == (1.0, 0.9)


def test_every_socket_without_a_dead_man_is_named() -> None:
    cabinet = load_cabinet(FILE)
    named = {path for path in told(EXAMPLE) if path.endswith(".dead_man")}
    open_for_ever = [socket for socket in cabinet.site.sockets.values() if not socket.dead_man]
    controlled = [socket.id for socket in open_for_ever if socket.contactor or socket.wallbox is not None]
    assert named == {f"socket[{name}].dead_man" for name in controlled}
    assert "socket[p3].dead_man" in named


def test_a_board_that_lets_go_by_itself_is_a_dead_man_but_must_be_tried() -> None:
    text = changed(('dead_man = "none"', 'dead_man = "flash"'))
    assert "socket[p3].dead_man" not in told(text)
    assert "relay_board[relays].dead_man" in told(text)


def test_a_box_with_a_failsafe_register_is_its_own_dead_man() -> None:
    p1 = load_cabinet(FILE).site.sockets[SocketId("p1")]
    assert p1.wallbox is not None
    assert p1.wallbox.failsafe_a == 0
    assert p1.dead_man


@pytest.mark.parametrize(
    ("was", "now", "path", "word"),
    [
        ("rating_a = 16\nkind", "rating_a = 25\nkind", "fuse[garage].rating_a", "parent binds"),
        ('kind = "gG"', 'kind = "C"', "fuse[main].kind", "automat"),
        ("house_load_a_max = [12, 12, 12]", "", "grid_meter.house_load_a_max", "silent"),
        ("allow_without_crc = false", "allow_without_crc = true", "grid_meter.allow_without_crc", "checksum"),
        ("rating_a = 16\npurpose", "rating_a = 32\npurpose", "socket[p1].rating_a", "fuse binds"),
        ('label = "Hiss"', 'label = "Hissen"', "socket[p4]", "measured"),
        ('meter = { model = "abb-b23", bus = "rs485-1", unit = 13, side = "supply" }', "", "socket[p3].meter", "meter"),
        ("mqtt = true", "mqtt = true", "socket[p2].wallbox", "obey"),
    ],
)
def test_what_is_allowed_but_good_to_know_is_told(was: str, now: str, path: str, word: str) -> None:
    assert word in told(changed((was, now)))[path]


def test_check_config_prints_mistakes_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cabinet.toml"
    file.write_text(changed(("channel = 3", "channel = 1"), ("unit = 14", "unit = 13")), "utf-8")
    assert main(["check-config", str(file)]) == 2
    said = capsys.readouterr()
    assert "2 mistake(s)" in said.err
    assert "socket[p3].contactor.channel = 1" in said.err
    assert not said.out


def test_check_config_keeps_what_to_know_apart_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", str(FILE)]) == 0
    said = capsys.readouterr()
    assert "no mistakes" in said.out
    assert "socket[p3].dead_man" in said.err


def test_the_schema_knows_every_section_and_forbids_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config-schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json_schema()
    assert set(schema["properties"]) == set(Config.model_fields)
    assert schema["additionalProperties"] is False


def test_every_key_is_explained_in_the_schema_or_shown_in_an_example() -> None:
    schema = json_schema()
    examples = FILE.read_text("utf-8") + FILE.with_name("restraints.toml.example").read_text("utf-8")
    shown = set(re.findall(r"\b([a-z_]+) = |\[\[?([a-z_]+)\]", examples))
    known = {word for pair in shown for word in pair}
    unexplained = [
        f"{section}.{key}"
        for section, said in {"Config": schema, **schema["$defs"]}.items()
        for key, rule in said.get("properties", {}).items()
        if key not in known and not rule.get("description")
    ]
    assert not unexplained


def test_the_rules_of_the_line_are_told_and_nought_means_never() -> None:
    rules = load_cabinet(FILE).site.rules
    assert (rules.slice_s, rules.full_end_s, rules.restart_spread_s) == (900.0, 1800.0, 120.0)
    assert rules.standby_end_s == float("inf")
    never = cabinet_of(changed(("slice_s = 900", "slice_s = 0"), ("full_end_s = 1800", "full_end_s = 0")), "example")
    assert never.site.rules.slice_s == never.site.rules.full_end_s == float("inf")


def test_a_slice_that_would_wear_out_contactors_is_a_mistake() -> None:
    with pytest.raises(ConfigMistake) as caught:
        cabinet_of(changed(("slice_s = 900", "slice_s = 60")), "example")
    assert [mistake.path for mistake in caught.value.mistakes] == ["control.slice_s"]


def test_an_unproven_map_is_told_once_however_many_devices_use_it() -> None:
    cabinet = cabinet_of(EXAMPLE, "example")
    meters = [plan.meter.model.id for plan in cabinet.sockets.values() if plan.meter is not None]
    number = meters.count("eastron-sdm630")
    assert number > 1
    unproven = [str(one) for one in cautions(cabinet) if '"eastron-sdm630" is unproven' in str(one)]
    assert len(unproven) == 1
    assert f"(and so at {number - 1} more)" in unproven[0]


def test_a_main_fuse_behind_current_transformers_is_told_what_some_meters_tell() -> None:
    assert "grid_meter" not in told(EXAMPLE)
    large = told(changed(('name = "main"\nrating_a = 20', 'name = "main"\nrating_a = 250')))
    assert "50 times too little" in large["grid_meter"]


@pytest.mark.parametrize(
    "wrong", ["[[1.6, 3600], [1.5, 300]]", "[[1.6, 30], [2.0, 300]]", "[[0.9, 30], [2.0, 3]]", "[[1.6, 30], [2.0, 0]]"]
)
def test_a_makers_curve_is_taken_and_one_that_does_not_fall_is_named(wrong: str) -> None:
    rating = 'name = "main"\nrating_a = 20\n'
    taken = cabinet_of(changed((rating, f"{rating}curve = [[1.6, 3600], [2.0, 300]]\n")), "example")
    assert taken.site.fuses[FuseId("main")].curve == ((1.6, 3600.0), (2.0, 300.0))
    with pytest.raises(ConfigMistake) as refused:
        cabinet_of(changed((rating, f"{rating}curve = {wrong}\n")), "example")
    (mistake,) = refused.value.mistakes
    assert mistake.path == "fuse[main].curve"
    assert "is no melting curve" in str(mistake)
