"""A recording of a HAN port, played again."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.wire import recording
from gateway.wire.line import LineSettings
from hil.wires.replay import Read, line_setting, parse_recording, play
from hil.world.table_reader import ScenarioMistake

HOUSE = Path(__file__).parents[2]


def kept(*reads: tuple[float, bytes], line: LineSettings | None = LineSettings(2400, "E")) -> bytes:  # noqa: B008 - frozen
    head = recording.head("/dev/ttyUSB0", "2026-11-21T22:10:00+00:00") + recording.settings_line(line)
    return (head + "".join(recording.read_line(at_s, octets) for at_s, octets in reads)).encode()


class TimedLine:
    """Notes when what was sent."""

    name = "nowhere"
    paces_itself = False
    reader_baud = None

    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes]] = []

    def send(self, octets: bytes) -> bool:
        self.sent.append((time.monotonic(), octets))
        return True

    def listen(self, received: object) -> None:
        """A HAN port carries nothing backwards."""

    def close(self) -> None:
        """Nothing to close."""


def test_what_the_gateway_records_is_what_is_played() -> None:
    octets = kept((0.012345, b"/ELL5"), (1.5, b"\x00\xff"))
    assert parse_recording(octets) == (Read(0.012345, b"/ELL5"), Read(1.5, b"\x00\xff"))
    assert line_setting(octets) == (2400, "E")
    assert line_setting(kept(line=None)) == (115200, "N")


def test_both_readers_of_the_format_agree() -> None:
    octets = kept((0.0, b"a"), (0.25, b"bc"), (1e3, b"d" * 100))
    theirs = [(read.at_s, read.octets) for read in parse_recording(octets)]
    assert [(read.at_s, read.octets) for read in recording.recorded(octets.decode().splitlines())] == theirs


def test_raw_bytes_are_sent_at_the_pace_of_the_wire() -> None:
    reads = parse_recording(bytes(620))
    assert len(reads) == 10
    assert reads[9].at_s == pytest.approx(558 * 10 / 115200)


@pytest.mark.parametrize("line", ["x 00", "1.0 0", "1.0 zz", "nan 00", "0.5 00"])
def test_a_damaged_line_is_named(line: str) -> None:
    with pytest.raises(ScenarioMistake, match="line 6"):
        parse_recording(kept((1.0, b"a")) + line.encode())


def test_each_read_leaves_at_its_moment() -> None:
    line = TimedLine()
    reads = (Read(5.0, b"a"), Read(5.2, b"b"), Read(5.3, b"c"))
    asyncio.run(play(reads, line, speed=2.0, gap_s=None))
    first_s = line.sent[0][0]
    assert [octets for _, octets in line.sent] == [b"a", b"b", b"c"]
    assert [at_s - first_s for at_s, _ in line.sent] == pytest.approx([0.0, 0.1, 0.15], abs=0.05)


def test_the_command_plays_on_a_pty(tmp_path: Path) -> None:
    file = tmp_path / "han.txt"
    file.write_bytes(kept((3.0, b"first"), (3.1, b"second"), line=LineSettings(115200, "N")))
    command = [sys.executable, "-m", "hil", "replay", str(file), "--wait-s", "1"]
    with subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        port = os.open(told["p1"], os.O_RDONLY | os.O_NOCTTY)
        heard = b""
        while len(heard) < len(b"firstsecond"):
            heard += os.read(port, 100)
        os.close(port)
        assert child.wait(10) == 0
    assert heard == b"firstsecond"
    assert told["reads"] == 2


def test_a_file_that_is_not_there_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hil", "replay", "/nowhere/han.txt"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "/nowhere/han.txt" in done.stderr
