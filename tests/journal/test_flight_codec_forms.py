"""Each type's form in a recording, letter for letter, and what is refused in which words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, NewType
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.control.tree import FuseTree
from gateway.errors import JournalDamaged
from gateway.ids import SocketId, Token
from gateway.journal.flight_codec import FlightCodec

Steps = NewType("Steps", int)


class Letter(StrEnum):
    """An enum as the core has them."""

    A = "a"
    B = "b"


class Rank(Enum):
    """Whole numbers as members."""

    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Pair:
    """Two fields, one of which must be turned."""

    kwh: Decimal
    name: str = "none"


@dataclass(frozen=True)
class One:
    """A single field."""

    kwh: Decimal


@dataclass(frozen=True)
class Other:
    """A single plain field."""

    number: int


@dataclass(frozen=True)
class Partly:
    """What is not kept: the tree, an object, what holds either, and what no one passes in."""

    first: int
    tree: FuseTree | None = None
    thing: object = None
    things: tuple[object, ...] = ()
    made: int = field(default=3, init=False)
    many: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Bare:
    """Nothing at all."""


FORMS: list[tuple[Any, Any, Any]] = [
    (str, "word", "word"),
    (int, 3, 3),
    (float, 1.5, 1.5),
    (bool, True, True),
    (type(None), None, None),
    (Steps, 3, 3),
    (SocketId, SocketId("p1"), "p1"),
    (Decimal, Decimal("1.50"), "1.50"),
    (date, date(2026, 3, 1), "2026-03-01"),
    (time, time(7, 30), "07:30:00"),
    (datetime, datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC), "2026-03-01T12:00:00.000007+00:00"),
    (timedelta, timedelta(minutes=1, milliseconds=500), 60.5),
    (Letter, Letter.B, "b"),
    (Pair, Pair(Decimal("2.0"), "x"), ["2.0", "x"]),
    (One, One(Decimal("2.0")), ["2.0"]),
    (Other, Other(7), [7]),
    (Bare, Bare(), []),
    (int | None, None, None),
    (int | None, 5, 5),
    (Decimal | None, None, None),
    (Decimal | None, Decimal(0), "0"),
    (One | None, None, None),
    (One | None, One(Decimal(1)), ["1"]),
    (One | Other, One(Decimal(1)), ["One", ["1"]]),
    (One | Other | None, Other(4), ["Other", [4]]),
    (One | Other | None, None, None),
    (int | str, "a", "a"),
    (int | float | bool | None, 2.5, 2.5),
    (tuple[int, ...], (1, 2), [1, 2]),
    (tuple[Decimal, ...], (Decimal(1), Decimal(2)), ["1", "2"]),
    (tuple[int, str], (1, "a"), [1, "a"]),
    (tuple[int, Decimal], (1, Decimal(2)), [1, "2"]),
    (tuple[Decimal, Decimal, int], (Decimal(1), Decimal(2), 3), ["1", "2", 3]),
    (tuple[Decimal], (Decimal(1),), ["1"]),
    (list[int], [1, 2], [1, 2]),
    (list[Decimal], [Decimal(1)], ["1"]),
    (frozenset[int], frozenset({4}), [4]),
    (frozenset[Decimal], frozenset({Decimal(4)}), ["4"]),
    (set[int], {4}, [4]),
    (set[Decimal], {Decimal(4)}, ["4"]),
    (dict[str, Decimal], {"a": Decimal(1), "b": Decimal(2)}, [["a", "1"], ["b", "2"]]),
    (Mapping[Decimal, int], {Decimal(1): 2}, [["1", 2]]),
]


@pytest.mark.parametrize(("kind", "value", "form"), FORMS)
def test_each_type_has_one_form_and_comes_back_from_it(kind: Any, value: object, form: object) -> None:
    codec = FlightCodec()
    assert codec.plain(kind, value) == form
    came = codec.value(kind, form)
    assert came == value
    assert type(came) is type(value)


def test_an_enum_of_whole_numbers_comes_back_as_its_member() -> None:
    assert FlightCodec().value(Rank, 2) is Rank.HIGH


@pytest.mark.parametrize("kind", [int, int | None, int | str, str | bool])
def test_what_json_holds_itself_is_not_turned(kind: Any) -> None:
    """A list of thousands is then copied as one."""
    codec = FlightCodec()
    assert codec.way(kind) is codec.way(float)
    assert codec.way(tuple[int, ...]).to is list
    assert codec.way(tuple[int, str]).to is list
    assert codec.way(tuple[int, str]).back is tuple
    assert codec.way(kind) is codec.way(kind)


def test_the_way_of_a_type_is_made_once() -> None:
    codec = FlightCodec()
    assert codec.way(Pair) is codec.way(Pair)


def test_an_instant_is_its_second_and_the_microseconds_by_which_utc_stands_apart() -> None:
    at = Instant(2.25, datetime(1970, 1, 1, 0, 0, 10, 5, tzinfo=UTC), UtcTrust.INFORMATIVE)
    codec = FlightCodec()
    assert codec.plain(Instant, at) == [2.25, 7_750_005, "I"]
    assert codec.value(Instant, [2.25, 7_750_005, "I"]) == at
    assert codec.value(Instant, [2.25, -2_250_000, "S"]).utc == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_token_is_written_masked_and_read_as_it_stands() -> None:
    codec = FlightCodec(lambda token: f"<{len(token)}>")
    assert codec.plain(Token, Token("anna")) == "<4>"
    assert codec.plain(tuple[Token, str], (Token("anna"), "anna")) == ["<4>", "anna"]
    assert codec.value(Token, "<4>") == "<4>"
    assert FlightCodec().plain(Token, Token("anna")) == "anna"


def test_a_time_zone_is_its_name_and_only_utc_is_known_unless_somebody_knows_more() -> None:
    codec = FlightCodec(zone=ZoneInfo)
    stockholm = ZoneInfo("Europe/Stockholm")
    assert codec.plain(tzinfo, stockholm) == "Europe/Stockholm"
    assert codec.value(tzinfo, "Europe/Stockholm") is stockholm
    assert FlightCodec().value(tzinfo, "UTC") is UTC
    with pytest.raises(JournalDamaged) as told:
        FlightCodec().value(tzinfo, "Europe/Stockholm")
    problem = repr(ValueError("time zone 'Europe/Stockholm' is not known here"))
    assert str(told.value) == f"a recorded tzinfo cannot be read: {problem}"


@pytest.mark.parametrize(
    ("kind", "form", "problem"),
    [
        (Letter, "c", "a recorded Letter cannot be read: ValueError"),
        (Decimal, "x", "a recorded Decimal cannot be read: InvalidOperation"),
        (Pair, ["1"], "a recorded Pair cannot be read: ValueError"),
        (Pair, ["1", "a", "b"], "a recorded Pair cannot be read: ValueError"),
        (Pair, 5, "a recorded Pair cannot be read: TypeError"),
        (One | Other, ["Third", [1]], "cannot be read: KeyError"),
        (One | Other, ["One"], "cannot be read: IndexError"),
        (tuple[Decimal, int], ["1"], "a recorded tuple cannot be read: ValueError"),
        (Instant, [1.0, 2, "Z"], "a recorded Instant cannot be read: ValueError"),
        (timedelta, 1e300, "a recorded timedelta cannot be read: OverflowError"),
    ],
)
def test_what_is_none_of_its_type_is_told_as_damage(kind: Any, form: object, problem: str) -> None:
    with pytest.raises(JournalDamaged, match=re.escape(problem)):
        FlightCodec().value(kind, form)


@pytest.mark.parametrize("value", [(1,), (1, Decimal(2), 3)])
def test_a_tuple_of_another_length_has_no_form(value: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        FlightCodec().plain(tuple[int, Decimal], value)


def test_a_type_without_a_name_is_named_as_it_is_written() -> None:
    with pytest.raises(JournalDamaged) as told:
        FlightCodec().value(One | Other, ["Third", [1]])
    assert str(told.value) == f"a recorded {One | Other} cannot be read: {KeyError('Third')!r}"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (complex, "<class 'complex'> has no form in a recording"),
        (bytes, "<class 'bytes'> has no form in a recording"),
        (int | Decimal, f"one of {(int, Decimal)} has no form in a recording"),
        (One | Decimal, f"one of {(One, Decimal)} has no form in a recording"),
    ],
)
def test_a_type_without_a_form_is_refused_by_name(kind: Any, words: str) -> None:
    codec = FlightCodec()
    with pytest.raises(TypeError) as told:
        codec.plain(kind, None)
    assert str(told.value) == words


def test_only_what_can_be_made_anew_is_left_out_of_a_dataclass() -> None:
    codec = FlightCodec()
    assert codec.plain(Partly, Partly(1, many=[2])) == [1, [2]]
    assert codec.shapes == {"Partly": ("first", "many")}
    assert codec.value(Partly, [1, [2]]) == Partly(1, many=[2])
    assert codec.plain(Bare, Bare()) == []
    assert codec.shapes["Bare"] == ()


def test_another_versions_fields_are_read_by_name_and_a_new_one_takes_its_default() -> None:
    swapped = FlightCodec(shapes={"Pair": ["name", "gone", "kwh"]})
    assert swapped.value(Pair, ["x", {"a": 1}, "2.0"]) == Pair(Decimal("2.0"), "x")
    assert FlightCodec(shapes={"Pair": ["kwh"]}).value(Pair, ["2.0"]) == Pair(Decimal("2.0"))
    assert FlightCodec(shapes={"Partly": ["first"]}).value(Partly, [4]) == Partly(4)
    with pytest.raises(JournalDamaged) as told:
        FlightCodec(shapes={"Pair": ["name"]}).value(Pair, ["x"])
    words = repr(ValueError("recorded by a version without Pair.kwh"))
    assert str(told.value) == f"a recorded Pair cannot be read: {words}"
    with pytest.raises(JournalDamaged, match=r"a version without Pair\.kwh"):
        FlightCodec(shapes={}).value(Pair, [])
