"""`laddvakt watch` against a real broker."""

import argparse
import asyncio
from pathlib import Path

import pytest

from gateway.cli import watch
from gateway.errors import ConfigMistake, DeviceError
from gateway.publish.words import Language
from tests.mqtt.broker import broker, ear, free_port, needs_mosquitto
from tests.publish.cabinet_told import control_state, snapshot, state_topics


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    watch.add_arguments(parser)
    return parser.parse_args(words)


async def lay_out(port: int) -> None:
    async with ear(port) as speaker:
        for topic, payload in state_topics(snapshot(), control_state(), Language.SV).items():
            await speaker.client.publish(topic, payload, qos=1, retain=True)


@needs_mosquitto
@pytest.mark.parametrize("form", [["--plain"], []])
def test_the_table_is_drawn_from_what_the_broker_keeps(
    form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with broker(tmp_path) as process:
        asyncio.run(lay_out(process.port))
        assert watch.run(arguments("--port", str(process.port), "--seconds", "1.2", *form)) == 0
    shown = capsys.readouterr().out
    assert "villa-1" in shown
    assert "main" in shown
    assert "Laddar" in shown


def test_a_broker_that_is_not_there_is_told_in_one_sentence() -> None:
    port = free_port()
    with pytest.raises(DeviceError, match=f"127.0.0.1:{port}"):
        watch.run(arguments("--port", str(port), "--seconds", "0.3", "--plain"))


def test_a_password_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="password-file"):
        watch.run(arguments("--password-file", str(tmp_path / "none"), "--seconds", "5", "--plain"))
    (tmp_path / "latin").write_bytes("lösen".encode("latin-1"))
    with pytest.raises(DeviceError, match="latin: is no UTF-8 text"):
        watch.run(arguments("--password-file", str(tmp_path / "latin"), "--seconds", "5", "--plain"))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--host", ""),
        ("--host", "a..b"),
        ("--port", "0"),
        ("--port", "65536"),
        ("--gateway", "#/+"),
        ("--gateway", "+"),
    ],
)
def test_an_address_that_none_can_have_is_told_with_its_option(option: str, value: str) -> None:
    with pytest.raises(ConfigMistake) as told:
        watch.run(arguments(option, value, "--seconds", "0.3", "--plain"))
    assert [(mistake.path, mistake.value) for mistake in told.value.mistakes] == [(option, value)]
