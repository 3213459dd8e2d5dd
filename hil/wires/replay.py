"""A recording of a HAN port played again: the same bytes at the same pace.

The format is that of `laddvakt record`: lines that begin with "#" are remarks (`# line 2400 8E1` says how the port was
set), each other line is seconds since the begin, a space, and the bytes in hex. A file that is none of these is raw
bytes, sent at the pace of the wire.
"""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hil.wires.lines import Line
from hil.world.table_reader import ScenarioMistake

MAGIC = b"# laddvakt han recording"
PIECE = 62
_OCTET_S = 10 / 115200


@dataclass(frozen=True, slots=True)
class Read:
    """at_s: since the recording began."""

    at_s: float
    octets: bytes


def parse_recording(octets: bytes) -> tuple[Read, ...]:
    """The reads of a recording, or raw bytes in pieces. `ScenarioMistake` names the line that cannot be read."""
    if not octets.startswith(MAGIC):
        return tuple(Read(at * _OCTET_S, octets[at : at + PIECE]) for at in range(0, len(octets), PIECE))
    reads: list[Read] = []
    for number, line in enumerate(octets.decode("ascii", "replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        seconds, _, digits = line.strip().partition(" ")
        try:
            read = Read(float(seconds), bytes.fromhex(digits))
        except ValueError as wrong:
            raise ScenarioMistake(f"line {number}: seconds and hex digits are needed") from wrong
        if not math.isfinite(read.at_s) or (reads and read.at_s < reads[-1].at_s):
            raise ScenarioMistake(f"line {number}: times must not go back")
        reads.append(read)
    return tuple(reads)


def line_setting(octets: bytes) -> tuple[int, str]:
    """Baud and parity at which most of a recording was read; 115200 and N where it does not say."""
    for line in reversed(octets[:65536].decode("ascii", "replace").splitlines()):
        words = line.split()
        if line.startswith("# line ") and len(words) == 4 and words[2].isdigit():
            return int(words[2]), words[3][1:2]
    return 115200, "N"


async def play(reads: Iterable[Read], line: Line, *, speed: float, gap_s: float | None) -> None:
    """Sends every read at its moment. gap_s: begin anew after so long; None ends after the last read."""
    loop = asyncio.get_running_loop()
    all_reads = tuple(reads)
    while True:
        began_s = loop.time()
        first_s = all_reads[0].at_s if all_reads else 0.0
        for read in all_reads:
            due_s = began_s + (read.at_s - first_s) / speed
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            line.send(read.octets)
        if gap_s is None:
            return
        await asyncio.sleep(gap_s)


def read_file(path: Path) -> bytes:
    """The file's bytes; `ScenarioMistake` if there is none."""
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ScenarioMistake(f"{path}: {wrong.strerror}") from wrong
