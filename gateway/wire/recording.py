"""A recording of a HAN port: raw bytes with their times, as text that people can read and send.

    # laddvakt han recording 1
    # port /dev/ttyUSB0
    # begun 2026-11-21T22:10:00+00:00
    # line 115200 8N1
    0.012345 2f4c564b35...

Each further line is one read: seconds since the begin, a space, the bytes in hex. `# line` comes again whenever the
line was set anew; behind a bridge it is `# line bridge`.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.wire.line import LineSettings

MAGIC: Final = "# laddvakt han recording 1"
_LINE: Final = re.compile(r"# line (\d{3,7}) 8([NEO])1")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One read. at_s: seconds since the recording began; line: how the line was set, None behind a bridge."""

    at_s: float
    octets: bytes
    line: LineSettings | None


def head(port: str, begun: str) -> str:
    """The first lines. begun: ISO 8601, UTC."""
    return f"{MAGIC}\n# port {port}\n# begun {begun}\n"


def settings_line(line: LineSettings | None) -> str:
    return f"# line {'bridge' if line is None else line}\n"


def read_line(at_s: float, octets: bytes) -> str:
    return f"{at_s:.6f} {octets.hex()}\n"


def recorded(lines: Iterable[str]) -> Iterator[Recorded]:
    """The reads of a recording. Raises ValueError with the number of a line that is none of ours."""
    line: LineSettings | None = None
    for number, text in enumerate(lines, 1):
        stripped = text.strip()
        if stripped.startswith("#") or not stripped:
            found = _LINE.fullmatch(stripped)
            if found is not None:
                line = LineSettings(int(found[1]), found[2])
            continue
        seconds, _, digits = stripped.partition(" ")
        try:
            at_s, octets = float(seconds), bytes.fromhex(digits)
        except ValueError as wrong:
            raise ValueError(f"line {number} is not seconds and hex digits") from wrong
        if not math.isfinite(at_s):
            raise ValueError(f"line {number} has no time")
        yield Recorded(at_s, octets, line)
