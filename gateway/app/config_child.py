"""Reads the config in a child process, so that the validator's 16 MB do not stay with the daemon for years."""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

from gateway.config.plans import Cabinet
from gateway.errors import ConfigMistake, Mistake


def load_cabinet_apart(path: Path) -> Cabinet:
    """`config.load.load_cabinet`, in a forked child. To be called before any thread runs. Raises ConfigMistake."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        code = 1
        try:
            with os.fdopen(write_end, "wb") as answer:
                pickle.dump(_loaded(path), answer)
            code = 0
        finally:
            os._exit(code)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"the child that reads {path} ended with status {status}")
    loaded = pickle.loads(text)  # noqa: S301 - written by our own child a moment ago, nothing foreign
    if isinstance(loaded, _Mistaken):
        raise ConfigMistake(loaded.file, loaded.mistakes)
    if not isinstance(loaded, Cabinet):
        raise TypeError(f"the child that reads {path} answered {type(loaded).__name__}")
    return loaded


@dataclass(frozen=True, slots=True)
class _Mistaken:
    """A `ConfigMistake` as a value: exceptions with two arguments do not travel between processes."""

    file: str
    mistakes: tuple[Mistake, ...]


def _loaded(path: Path) -> Cabinet | _Mistaken:
    from gateway.config.load import load_cabinet

    try:
        return load_cabinet(path)
    except ConfigMistake as wrong:
        return _Mistaken(wrong.file, wrong.mistakes)
