"""Values of the core as plain JSON and back without loss, by their type hints: for the flight recorder.

A dataclass becomes the list of its fields; a `Shapes` table names them, so that a recording of another version is read
by names: a field that is no longer known is left out, one that is new takes its default. What has no type to go by
(`object`) or can be made anew from the rest (`FuseTree`) is not kept. Times are a monotonic second and the microseconds
by which UTC stands apart from it. Tokens are masked when written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from gateway.clock import Instant, UtcTrust
from gateway.control.tree import FuseTree
from gateway.errors import JournalDamaged
from gateway.ids import Token

Plain = Any
"""What JSON holds; floats may be infinite."""
Shapes = Mapping[str, Sequence[str]]
"""Fields of each dataclass in the order in which they are written."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Way:
    """There and back for one type."""

    to: Callable[[Any], Plain]
    back: Callable[[Plain], Any]


def _same(value: Any) -> Any:  # noqa: ANN401 - plain values stay what they are
    return value


_AS_IT_IS: Final = _Way(_same, _same)


_AS_TEXT: Final[Mapping[Any, tuple[Callable[[Any], Plain], Callable[[Plain], Any]]]] = {
    Decimal: (str, Decimal),
    date: (date.isoformat, date.fromisoformat),
    time: (time.isoformat, time.fromisoformat),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    timedelta: (timedelta.total_seconds, lambda seconds: timedelta(seconds=seconds)),
}


def _only_utc(name: str) -> tzinfo:
    if name != str(UTC):
        raise ValueError(f"time zone {name!r} is not known here")
    return UTC


class FlightCodec:
    """mask: what a token is written as. zone: a time zone by its name. shapes: of the recording that is read; None to
    write, or to read one's own."""

    def __init__(
        self, mask: Callable[[str], str] = str, zone: Callable[[str], tzinfo] = _only_utc, shapes: Shapes | None = None
    ) -> None:
        self._mask = mask
        self._zone = zone
        self._read_shapes = shapes
        self._ways: dict[Any, _Way] = {}
        self.shapes: dict[str, tuple[str, ...]] = {}

    def plain(self, kind: Any, value: object) -> Plain:  # noqa: ANN401 - a type hint
        """The value as JSON would hold it. Raises TypeError if the type has no form."""
        return self.way(kind).to(value)

    def value(self, kind: Any, plain: Plain) -> Any:  # noqa: ANN401 - of that type
        """The value again. Raises JournalDamaged if it is none of that type."""
        try:
            return self.way(kind).back(plain)
        except (ValueError, KeyError, TypeError, IndexError, ArithmeticError) as problem:
            raise JournalDamaged(f"a recorded {getattr(kind, '__name__', kind)} cannot be read: {problem!r}") from None

    def way(self, kind: Any) -> _Way:  # noqa: ANN401 - a type hint
        """There and back for a type, made once."""
        known = self._ways.get(kind)
        if known is None:
            known = self._ways[kind] = self._made(kind)
        return known

    def _made(self, kind: Any) -> _Way:  # noqa: ANN401 - a type hint
        if kind is Token:
            return _Way(self._mask, _same)
        kind = getattr(kind, "__supertype__", kind)
        if kind in {str, int, float, bool, NoneType}:
            return _AS_IT_IS
        if kind in _AS_TEXT:
            return _Way(*_AS_TEXT[kind])
        if kind is tzinfo:
            return _Way(str, self._zone)
        if kind is Instant:
            return _Way(_instant_plain, _instant)
        if isinstance(kind, type) and issubclass(kind, Enum):
            # The enums of the core are text or whole numbers themselves.
            return _Way(_same, kind)
        if is_dataclass(kind) and isinstance(kind, type):
            return self._dataclass_way(kind)
        origin, inner = get_origin(kind), get_args(kind)
        if origin in {Union, UnionType}:
            return self._union_way(inner)
        if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
            return _fixed_way(tuple(self.way(one) for one in inner))
        if origin in {tuple, list, frozenset, set}:
            return _many_way(origin, self.way(inner[0]))
        if origin is dict or (isinstance(origin, type) and issubclass(origin, Mapping)):
            return _pairs_way(self.way(inner[0]), self.way(inner[1]))
        raise TypeError(f"{kind} has no form in a recording")

    def _union_way(self, kinds: tuple[Any, ...]) -> _Way:
        """None stays None; of several dataclasses the name goes along."""
        known = [kind for kind in kinds if kind is not NoneType]
        if len(known) == 1:
            way = self.way(known[0])
            if way is _AS_IT_IS:
                return way
            return _Way(
                lambda value: None if value is None else way.to(value),
                lambda plain: None if plain is None else way.back(plain),
            )
        if not all(is_dataclass(kind) for kind in known):
            if all(kind in {int, float, str, bool} for kind in known):
                return _AS_IT_IS
            raise TypeError(f"one of {kinds} has no form in a recording")
        ways = {kind: self.way(kind) for kind in known}
        names = {kind.__name__: way for kind, way in ways.items()}
        return _Way(
            lambda value: None if value is None else [type(value).__name__, ways[type(value)].to(value)],
            lambda plain: None if plain is None else names[plain[0]].back(plain[1]),
        )

    def _dataclass_way(self, kind: type) -> _Way:
        hints = get_type_hints(kind)
        kept = [one for one in fields(kind) if one.init and not _is_left_out(hints[one.name])]
        names = tuple(one.name for one in kept)
        self.shapes[kind.__name__] = names
        ways = [self.way(hints[name]) for name in names]
        written = names if self._read_shapes is None else tuple(self._read_shapes.get(kind.__name__, ()))
        reads = [(name, dict(zip(names, ways, strict=True)).get(name)) for name in written]
        lacking = [one.name for one in kept if one.name not in written and not _has_default(one)]
        taken = attrgetter(*names) if len(names) > 1 else None
        turned = [(place, way.to) for place, way in enumerate(ways) if way.to is not _same]

        def to(value: object) -> Plain:
            out = [getattr(value, name) for name in names] if taken is None else list(taken(value))
            for place, there in turned:
                out[place] = there(out[place])
            return out

        def back(plain: Plain) -> Any:  # noqa: ANN401 - of that class
            if lacking:
                raise ValueError(f"recorded by a version without {kind.__name__}.{lacking[0]}")
            return kind(
                **{name: way.back(one) for (name, way), one in zip(reads, plain, strict=True) if way is not None}
            )

        return _Way(to, back)


def _is_left_out(hint: Any) -> bool:  # noqa: ANN401 - a type hint
    if hint is object or hint is FuseTree:
        return True
    return any(_is_left_out(one) for one in get_args(hint) if one is not Ellipsis)


def _has_default(one: Field[Any]) -> bool:
    return one.default is not MISSING or one.default_factory is not MISSING


def _fixed_way(ways: tuple[_Way, ...]) -> _Way:
    if all(way is _AS_IT_IS for way in ways):
        return _Way(list, tuple)
    there, back = [way.to for way in ways], [way.back for way in ways]
    return _Way(
        lambda value: [one(it) for one, it in zip(there, value, strict=True)],
        lambda plain: tuple(one(it) for one, it in zip(back, plain, strict=True)),
    )


def _many_way(origin: Callable[[Any], Any], way: _Way) -> _Way:
    if way is _AS_IT_IS:
        return _Way(list, origin)
    return _Way(lambda value: [way.to(one) for one in value], lambda plain: origin([way.back(one) for one in plain]))


def _pairs_way(keys: _Way, values: _Way) -> _Way:
    return _Way(
        lambda value: [[keys.to(key), values.to(one)] for key, one in value.items()],
        lambda plain: {keys.back(key): values.back(one) for key, one in plain},
    )


def _instant_plain(value: Instant) -> Plain:
    """UTC as microseconds from the monotonic second: nearly the same number each time, so it packs well."""
    apart_us = (value.utc - _EPOCH) // timedelta(microseconds=1) - round(1e6 * value.monotonic_s)
    return [value.monotonic_s, apart_us, value.utc_trust.value]


def _instant(plain: Plain) -> Instant:
    utc = _EPOCH + timedelta(microseconds=plain[1] + round(1e6 * plain[0]))
    return Instant(plain[0], utc, UtcTrust(plain[2]))
