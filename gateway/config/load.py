"""The config door: a TOML file in, a cabinet out, or every mistake at once."""

import tomllib
from dataclasses import replace
from pathlib import Path

from gateway.config.build import build_cabinet
from gateway.config.draft import draft_of
from gateway.config.history import as_kept
from gateway.config.models import Models
from gateway.config.plans import Cabinet
from gateway.errors import ConfigMistake, Mistake

FILE_BYTES_MAX = 1_000_000


def load_cabinet(path: Path) -> Cabinet:
    """The cabinet that the file describes. Raises `ConfigMistake` with all that is wrong in it."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise _whole_file(path, f"is larger than {FILE_BYTES_MAX} bytes.", "This is no config of ours.")
        text = path.read_text("utf-8")
    except UnicodeDecodeError as wrong:
        raise _whole_file(path, f"is not UTF-8 at byte {wrong.start}.", "Save it as UTF-8 text.") from wrong
    except OSError as wrong:
        raise _whole_file(path, f"cannot be read ({wrong.strerror}).", "Check path and permissions.") from wrong
    return cabinet_of(text, str(path))


def cabinet_of(text: str, file: str) -> Cabinet:
    """The cabinet that the text describes; `file` is what mistakes call it."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        mistake = Mistake("TOML", "(not readable)", f"{wrong}.", "Correct that place first.")
        raise ConfigMistake(file, (mistake,)) from wrong
    mistakes: list[Mistake] = []
    draft = draft_of(tables, mistakes)
    said = len(mistakes)
    cabinet = build_cabinet(draft, Models(), mistakes)
    if cabinet is None:
        echoes = set(draft.echoes)
        raise ConfigMistake(file, (*mistakes[:said], *(it for it in mistakes[said:] if it.path not in echoes)))
    return replace(cabinet, kept=as_kept(tables))


def _whole_file(path: Path, problem: str, remedy: str) -> ConfigMistake:
    return ConfigMistake(str(path), (Mistake("file", str(path), problem, remedy),))
