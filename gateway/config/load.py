"""The config door: a TOML file in, a cabinet out, or every mistake at once."""

from dataclasses import replace
from pathlib import Path

from gateway.config.build import build_cabinet
from gateway.config.draft import draft_of
from gateway.config.history import as_kept
from gateway.config.models import Models
from gateway.config.plans import Cabinet
from gateway.config.toml_text import tables_of, text_of
from gateway.errors import ConfigMistake, Mistake


def load_cabinet(path: Path) -> Cabinet:
    """The cabinet that the file describes. Raises `ConfigMistake` with all that is wrong in it."""
    return cabinet_of(text_of(path), str(path))


def cabinet_of(text: str, file: str) -> Cabinet:
    """The cabinet that the text describes; `file` is what mistakes call it."""
    tables = tables_of(text, file)
    mistakes: list[Mistake] = []
    draft = draft_of(tables, mistakes)
    said = len(mistakes)
    cabinet = build_cabinet(draft, Models(), mistakes)
    if cabinet is None:
        echoes = set(draft.echoes)
        raise ConfigMistake(file, (*mistakes[:said], *(it for it in mistakes[said:] if it.path not in echoes)))
    return replace(cabinet, kept=as_kept(tables))
