"""Standard streams as callers leave them: closed, broken, or of a terminal that knows no Swedish letters."""

import codecs
import os
import sys
from io import TextIOWrapper
from typing import Final
from unicodedata import normalize

NEAREST: Final = "laddvakt-nearest"
"""Name of the codec error handler."""
_LIKE: Final = {"±": "+/-", "–": "-", "§": "par."}


def fill_closed_streams() -> None:
    """Who is started with a closed stream (`>&-`) must not find the journal under its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)


def soften_streams() -> None:
    """A letter that the terminal does not know is shown by the nearest that it does: no sentence is lost by it."""
    codecs.register_error(NEAREST, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=NEAREST)


def drop_output() -> None:
    """What Python still holds for standard output must not raise again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _nearest(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    lost = problem.object[problem.start : problem.end]
    return "".join(map(_nearest_sign, lost)), problem.end


def _nearest_sign(sign: str) -> str:
    return _LIKE.get(sign) or normalize("NFKD", sign).encode("ascii", "ignore").decode("ascii") or "?"
