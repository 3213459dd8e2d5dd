"""Facts as rows: one line of canonical JSON each (sorted names, no spaces, ASCII), and back without loss."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from gateway.errors import JournalDamaged
from gateway.journal.facts import Fact

_KINDS: Final[Mapping[str, type[Fact]]] = {kind.__name__: kind for kind in get_args(Fact)}


def row_of(seq: int, fact: Fact) -> str:
    """The row's text: kind, place and fact. The place is inside, so that rows cannot change places."""
    row = {"seq": seq, "kind": type(fact).__name__, "fact": _plain(fact)}
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def fact_of(seq: int, text: str) -> Fact:
    """The fact in a row's text. Raises JournalDamaged if it is not exactly a row of that place."""
    try:
        row = json.loads(text)
        if row["seq"] != seq:
            raise JournalDamaged(f"row {seq} says that it is row {row['seq']}")
        fact: Fact = _dataclass(_KINDS[row["kind"]], row["fact"])
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


def _plain(value: object) -> object:  # one return per kind of value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"a fact cannot hold {type(value).__name__}")


def _typed(kind: Any, plain: Any) -> object:  # noqa: ANN401 - type hints and JSON are not typed any closer
    """The value of that type. Raises ValueError, TypeError, KeyError or InvalidOperation if it does not fit."""
    if get_origin(kind) in {UnionType, Union}:
        return None if plain is None else _typed(_known(kind), plain)
    if get_origin(kind) is tuple:
        return tuple(_typed(get_args(kind)[0], inner) for inner in plain)
    if is_dataclass(kind):
        return _dataclass(kind, plain)
    base = getattr(kind, "__supertype__", kind)
    reader = _READERS.get(base)
    return reader(plain) if reader is not None else base(plain)


def _dataclass(kind: Any, plain: Any) -> Any:  # noqa: ANN401 - as above
    hints = _hints(kind)
    if plain.keys() != hints.keys():
        raise ValueError(f"{kind.__name__} has other fields: {sorted(plain)}")
    return kind(**{name: _typed(hint, plain[name]) for name, hint in hints.items()})


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


@cache
def _known(kind: Any) -> Any:  # noqa: ANN401 - as above
    (known,) = (part for part in get_args(kind) if part is not NoneType)
    return known


def _exactly(kind: type) -> Callable[[Any], object]:
    def read(plain: Any) -> object:  # noqa: ANN401 - as above
        if type(plain) is not kind:
            raise TypeError(f"{plain!r} is not of type {kind.__name__}")
        return plain

    return read


def _float(plain: Any) -> float:  # noqa: ANN401 - as above
    if type(plain) not in {int, float, str}:
        raise TypeError(f"{plain!r} is not a number")
    return float(plain)


_READERS: Final[Mapping[Any, Callable[[Any], object]]] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    float: _float,
    datetime: datetime.fromisoformat,
}
