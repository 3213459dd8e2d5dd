"""Facts as rows: one line of canonical JSON each (sorted names, no spaces, ASCII), and back without loss.

A row is never rewritten, so every later version reads what every earlier one wrote. A field that a kind of fact gets
later has a default, which is what the rows before it mean; a fact that changes its sense is a new kind.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.journal.facts import Fact

Reader = Callable[[Any], Any]
_KINDS: Final[Mapping[str, type[Fact]]] = {kind.__name__: kind for kind in get_args(Fact)}
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_REMEDY: Final = "a newer Laddvakt wrote it: install that version or a later one"


class _NewField(ValueError):  # noqa: N818 - it names what was found
    """A field that a later version added."""


def row_of(seq: int, fact: Fact) -> str:
    """The row's text: kind, place and fact. The place is inside, so that rows cannot change places."""
    row = {"seq": seq, "kind": type(fact).__name__, "fact": _plain(fact)}
    return _ENCODER.encode(row)


def fact_of(seq: int, text: str) -> Fact:
    """The fact in a row's text. Raises JournalDamaged if it is not exactly a row of that place, and its kind
    WrittenByNewer if the row holds what this version has no name for."""
    try:
        row = json.loads(text)
        if row["seq"] != seq:
            raise JournalDamaged(f"row {seq} says that it is row {row['seq']}")
        kind: object = _KINDS.get(row["kind"])
        if kind is None:
            raise WrittenByNewer(f"row {seq} is of kind {row['kind'][:40]!r}; {_REMEDY}")
        fact: Fact = reader_of(kind)(row["fact"])
    except _NewField as newer:
        raise WrittenByNewer(f"row {seq}: {newer}; {_REMEDY}") from None
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, RecursionError) as problem:
        raise JournalDamaged(f"row {seq} cannot be read: {problem!r}") from None
    return fact


def kind_of(seq: int, text: str) -> str:
    """The kind of a row by its end alone: names are sorted, so kind and place stand last, and a quote inside a text is
    never bare. An empty text if it is no row of that place."""
    end = f'","seq":{seq}}}'
    if not text.endswith(end):
        return ""
    _, found, kind = text[-100:].removesuffix(end).rpartition('"kind":"')
    return kind if found else ""


def _plain(value: object) -> object:
    kind: Any = type(value)
    return _writer_of(kind)(value)


@cache
def _writer_of(kind: Any) -> Reader:  # noqa: ANN401 - as below
    """How a value of exactly that type is put into JSON, worked out once. It raises TypeError on what no fact holds."""
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda value: {name: _plain(getattr(value, name)) for name in names}
    if issubclass(kind, Enum):
        return attrgetter("value")
    if kind is datetime:
        return datetime.isoformat
    if kind is tuple:
        return lambda value: [_plain(inner) for inner in value]
    if kind is float:
        return lambda value: value if math.isfinite(value) else str(value)
    if kind in {NoneType, str, int, bool}:
        return lambda value: value
    if kind is Decimal:
        return str
    raise TypeError(f"a fact cannot hold {kind.__name__}")


@cache
def reader_of(kind: Any) -> Reader:  # noqa: ANN401 - type hints and JSON are not typed any closer
    """How a value of that type is read out of JSON, worked out once: a start and a check read millions. It raises
    ValueError, TypeError, KeyError or InvalidOperation on what does not fit."""
    if get_origin(kind) in {UnionType, Union}:
        known = reader_of(_known(kind))
        return lambda plain: None if plain is None else known(plain)
    if get_origin(kind) is tuple:
        inner = reader_of(get_args(kind)[0])
        return lambda plain: tuple([inner(each) for each in plain])
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    base = getattr(kind, "__supertype__", kind)
    return _READERS.get(base, base)


def _dataclass_reader(kind: Any) -> Reader:  # noqa: ANN401 - as above
    hints = get_type_hints(kind)
    parts = tuple((field.name, reader_of(hints[field.name])) for field in fields(kind))
    names = frozenset(hints)
    later = {field.name: field.default for field in fields(kind) if field.default is not MISSING}

    def read(plain: Any) -> object:  # noqa: ANN401 - as above
        if plain.keys() != names:
            if not plain.keys() <= names:
                raise _NewField(f"{kind.__name__} has {min(plain.keys() - names)[:40]!r}")
            if not names <= plain.keys() | later.keys():
                raise ValueError(f"{kind.__name__} has other fields: {sorted(plain)}")
            plain = {**{name: _plain(default) for name, default in later.items()}, **plain}
        return kind(*[reader(plain[name]) for name, reader in parts])

    return read


@cache
def _known(kind: Any) -> Any:  # noqa: ANN401 - as above
    (known,) = (part for part in get_args(kind) if part is not NoneType)
    return known


def _exactly(kind: type) -> Reader:
    def read(plain: Any) -> object:  # noqa: ANN401 - as above
        if type(plain) is not kind:
            raise TypeError(f"{plain!r} is not of type {kind.__name__}")
        return plain

    return read


def _float(plain: Any) -> float:  # noqa: ANN401 - as above
    if type(plain) not in {int, float, str}:
        raise TypeError(f"{plain!r} is not a number")
    return float(plain)


_READERS: Final[Mapping[Any, Reader]] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    float: _float,
    datetime: datetime.fromisoformat,
}
