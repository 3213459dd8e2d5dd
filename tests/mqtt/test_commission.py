"""`laddvakt commission` beside the whole daemon, a broker, and a cabinet on ptys whose meters are wired crosswise."""

import asyncio
from pathlib import Path

import pytest

from gateway.cli import commission
from gateway.cli.main import main
from gateway.ids import GatewayId
from gateway.publish.topic_names import gateway_status
from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess
from tests.campaigns._gateway_process import Ear, GatewayProcess, wait_until
from tests.mqtt.broker import broker, ear, free_port, needs_mosquitto

HEAD = """
[scenario]
name = "commissioning"
seed = 1
[gateway]
id = "hil-1"
language = "en"
[p1]
interval_s = 1
house_load_a_max = [3, 3, 3]
[control]
raise_after_s = 1
minimum_off_s = 1
[house]
base_a = [1, 2, 1]
[[bus]]
name = "wire"
baud = 38400
parity = "N"
[[relay_board]]
name = "relays"
bus = "wire"
unit = 1
[[fuse]]
name = "main"
rating_a = 50
kind = "gG"
[[fuse]]
name = "garage"
rating_a = 35
kind = "gG"
parent = "main"
"""
SOCKET = """
[[socket]]
name = "p{number}"
fuse = "{fuse}"
phases = ["L{number}"]
rating_a = 10
access = "command"
meter = {{ model = "eastron-sdm630", bus = "wire", unit = 1{number} }}
contactor = {{ board = "relays", channel = {number} }}
"""
HEATER = """
[[car]]
name = "heater-{number}"
socket = "p{number}"
arrive_s = 0
energy_kwh = 10
limit_a = 9
pilot = false
reaction_s = 0.1
ramp_s = 0.2
"""
SCENARIO = "".join(
    (
        HEAD,
        *(SOCKET.format(number=number, fuse=fuse) for number, fuse in ((1, "garage"), (2, "garage"), (3, "main"))),
        *(HEATER.format(number=number) for number in (1, 3)),
    )
)
EXAMPLE = Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example"


def crossed(config: Path) -> None:
    """The config names for p1 the meter that sits at p2, and the other way round."""
    text = config.read_text("utf-8")
    eleven, twelve = "unit = 11,", "unit = 12,"
    assert text.count(eleven) == text.count(twelve) == 1
    config.write_text(text.replace(eleven, "unit = ?,").replace(twelve, eleven).replace("unit = ?,", twelve), "utf-8")


def row(said: str, socket: str) -> str:
    return next(line for line in said.splitlines() if line.startswith(f"{socket} "))


@needs_mosquitto
def test_a_right_meter_passes_and_a_crossed_one_is_named_before_the_electrician_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "commissioning.toml"
    scenario.write_text(SCENARIO, "utf-8")
    with (
        BrokerProcess(tmp_path) as broker,
        CabinetProcess(str(scenario), tmp_path, mqtt_port=broker.port, paced=False) as cabinet,
    ):
        crossed(cabinet.config)
        with Ear(broker.port) as ear, GatewayProcess(cabinet.config, tmp_path / "gateway.log"):
            wait_until(lambda: ear.last("socket/p3/state").get("contactor") == "OFF", 20.0, "the gateway is up")
            assert main(["commission", str(cabinet.config), "--yes", "--socket", "p3"]) == 0
            shown = capsys.readouterr().out
            assert main(["commission", str(cabinet.config), "--yes", "--socket", "p1", "--seconds", "30"]) == 1
            told = capsys.readouterr().out
            wait_until(lambda: ear.last("session/last").get("socket") == "p1", 5.0, "a signed session")
    assert "marked commissioning" in shown
    assert "main 50 A" in row(shown, "p3")
    assert "Right meter" in row(shown, "p3")
    assert "L3 9.0 A" in row(shown, "p3")
    assert "main 50 A > garage 35 A" in row(told, "p1")
    assert "CROSSED: the meter of p2 moved" in row(told, "p1")
    assert "Not done: p1." in told
    assert "welded" not in told, "what the gateway makes of the crossed meter is not the cause"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "laddvakt.toml"
    path.write_text(EXAMPLE.read_text("utf-8").replace("port = 1883", f"port = {free_port()}"), "utf-8")
    return path


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["commission", *words]) != 0
    return capsys.readouterr().err


def test_a_broker_that_is_not_there_is_told_in_one_sentence(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(capsys, str(config), "--yes")
    assert said.startswith("laddvakt commission: broker 127.0.0.1:")
    assert said.count("\n") == 1


@needs_mosquitto
def test_a_gateway_that_is_not_there_is_told_in_one_sentence(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commission, "ONLINE_S", 0.3)
    with broker(tmp_path) as process:
        text = EXAMPLE.read_text("utf-8").replace("port = 1883", f"port = {process.port}")
        config.write_text(text, "utf-8")
        said = complaint(capsys, str(config), "--yes")
    assert "knows no gateway villa-1; start it" in said
    assert said.count("\n") == 1


@needs_mosquitto
def test_a_gateway_that_has_stopped_is_told_before_anybody_plugs_a_car_in(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def leave_word(port: int) -> None:
        async with ear(port) as speaker:
            await speaker.client.publish(gateway_status(GatewayId("villa-1")), "offline", qos=1, retain=True)

    with broker(tmp_path) as process:
        asyncio.run(leave_word(process.port))
        text = EXAMPLE.read_text("utf-8").replace("port = 1883", f"port = {process.port}")
        config.write_text(text, "utf-8")
        assert main(["commission", str(config), "--yes"]) == 1
    told = capsys.readouterr()
    assert "says that nobody runs gateway villa-1; start it" in told.err
    assert "p1:" not in told.out


def test_a_socket_that_there_is_not_is_named_beside_those_that_there_are(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(capsys, str(config), "--yes", "--socket", "p1", "p9")
    assert "--socket = p9: There is no such socket. One of: p1, p2, p3, p4." in said


def test_without_a_broker_in_the_config_it_says_what_to_add(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = config.read_text("utf-8")
    sockets = [part for part in text.split("[[socket]]") if "mqtt = true" not in part]
    begin, end = text.index("[mqtt]"), text.index("[[bus]]")
    config.write_text("[[socket]]".join(sockets).replace(text[begin:end], ""), "utf-8")
    assert "mqtt = absent: The test speaks with" in complaint(capsys, str(config), "--yes")


def test_without_a_terminal_it_asks_for_yes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--yes" in complaint(capsys, str(config))


def test_a_password_that_cannot_be_read_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = config.parent / "none"
    text = config.read_text("utf-8").replace("[mqtt]", f'[mqtt]\nusername = "u"\npassword_file = "{hidden}"', 1)
    config.write_text(text, "utf-8")
    assert str(hidden) in complaint(capsys, str(config), "--yes")
    hidden.write_bytes("lösen".encode("latin-1"))
    assert f"{hidden}: is no UTF-8 text" in complaint(capsys, str(config), "--yes")
