"""The flight recorder's lines letter for letter, and what is no recording in which words."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, cast
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import Instant
from gateway.control.state import ControlState
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.flight import FlightWriter, ReplayedTick, recorded_version, replayed
from gateway.journal.flight_codec import FlightCodec
from gateway.site.because import Because, Why
from gateway.site.requests import Source, StartSession
from gateway.site.snapshot import SiteSnapshot
from gateway.site.topology import Site
from gateway.site.wishes import Open, SaveCheckpoint, Wish
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import instant, plain, site

SEEN = ["grid", "grid_readings", "sockets", "requests", "outcomes", "journal_accepts", "outside"]
P = SocketId("p")


class Watched(Cabinet):
    """Keeps what its newest decision saw."""

    seen: SiteSnapshot

    def _snapshot(self, readings: Any) -> SiteSnapshot:
        self.seen = super()._snapshot(readings)
        return self.seen


class Recording:
    """Some ticks of a socket for whose car somebody asks: the lines, and what was live."""

    def __init__(self, ticks: int = 12) -> None:
        cabinet = Watched(site(plain("p")))
        cabinet.run(30)
        self.site, self.state = cabinet.site, cabinet.state
        self.writer = FlightWriter(lambda token: f"<{len(token)}>", "1.2.3å")
        self.first = self.writer.first_line(cabinet.site, cabinet.state)
        self.live: list[tuple[SiteSnapshot, Instant, tuple[Wish, ...]]] = []
        self.lines = [self.first]
        cabinet.plug("p", Car(limit_a=9.0, phases=1))
        cabinet.ask(StartSession(P, SessionId("s-1"), Token("anna"), Source.MQTT))
        for _ in range(ticks):
            cabinet.step()
            self.live.append((cabinet.seen, instant(cabinet.at_s), cabinet.wishes))
            self.lines.append(self.writer.line(*self.live[-1]))


@cache
def whole() -> Recording:
    """Not to be changed."""
    return Recording()


def again(lines: Sequence[str]) -> list[ReplayedTick]:
    return list(replayed(lines, ZoneInfo))


def checked(wishes: tuple[Wish, ...]) -> int:
    """The check sum of what is compared, as the format has it."""
    codec = FlightCodec(lambda token: f"<{len(token)}>")
    compared = tuple(wish for wish in wishes if not isinstance(wish, SaveCheckpoint))
    return crc32(json.dumps(codec.plain(tuple[Wish, ...], compared), separators=(",", ":")).encode())


def test_the_first_line_holds_the_cabinet_and_the_state_from_which_the_next_tick_decides() -> None:
    first = json.loads(whole().first)
    codec = FlightCodec(lambda token: f"<{len(token)}>")
    assert list(first) == ["laddvakt_flight", "version", "seen", "shapes", "site", "state"]
    assert (first["laddvakt_flight"], first["version"], first["seen"]) == (1, "1.2.3å", SEEN)
    assert first["site"] == json.loads(json.dumps(codec.plain(Site, whole().site)))
    assert first["state"] == json.loads(json.dumps(codec.plain(ControlState, whole().state)))
    for name in ("Site", "ControlState", "SocketSight", "GridReading", "StartSession", "Open"):
        assert name in first["shapes"]
    assert whole().first.isascii()
    assert ", " not in whole().first
    assert '": ' not in whole().first


def test_a_line_holds_what_changed_since_the_line_before_and_the_check_sum_of_the_wishes() -> None:
    codec = FlightCodec(lambda token: f"<{len(token)}>")
    codec_hints = json.loads(whole().lines[1])[0]
    assert len(codec_hints) == 1, "the first tick stands whole"
    assert len(codec_hints[0]) == len(SEEN) + 1
    assert codec_hints[0][0] == codec.plain(Instant, whole().live[0][1])
    assert codec_hints[0][SEEN.index("journal_accepts") + 1] is True
    for line, (_, _, wishes) in zip(whole().lines[1:], whole().live, strict=True):
        change, told = json.loads(line)
        assert told == checked(wishes)
        assert line == json.dumps([change, told], separators=(",", ":"))
    assert len({json.loads(line)[1] for line in whole().lines[1:]}) > 1
    second = json.loads(whole().lines[2])[0]
    assert isinstance(second, dict)
    assert set(second) < {str(place) for place in range(len(SEEN) + 1)}
    assert "0" in second, "the clock goes on"
    assert str(SEEN.index("journal_accepts") + 1) not in second, "nothing changed there"


def test_a_recording_begun_anew_begins_with_a_whole_tick() -> None:
    recording = Recording(3)
    snapshot, now, wishes = recording.live[-1]
    nothing, _ = json.loads(recording.writer.line(snapshot, now, wishes))
    assert nothing == {}
    recording.writer.first_line(recording.site, recording.state)
    whole, _ = json.loads(recording.writer.line(snapshot, now, wishes))
    assert isinstance(whole, list)


def test_a_check_sum_is_of_what_is_wished_now_and_checkpoints_do_not_count() -> None:
    recording = Recording(1)
    snapshot, now, _ = recording.live[0]
    one = (Open(P, Because(Why.COMMAND)),)
    saved = SaveCheckpoint("{}", Because(Why.IDLE))
    for wishes in ((), one, (*one, saved), (saved,), (), (saved,), one):
        assert json.loads(recording.writer.line(snapshot, now, wishes))[1] == checked(wishes)
    assert checked(one) == checked((saved, *one)) != checked(())
    fresh = FlightWriter(str, "1")
    fresh.first_line(recording.site, recording.state)
    assert json.loads(fresh.line(snapshot, now, ()))[1] == crc32(b"[]")


def test_every_tick_comes_back_with_what_it_saw_and_wished() -> None:
    ticks = again(whole().lines)
    assert len(ticks) == len(whole().live)
    for tick, (snapshot, now, wishes) in zip(ticks, whole().live, strict=True):
        assert tick.as_live is True
        assert tick.now == now
        assert tick.snapshot.grid == snapshot.grid
        assert tick.snapshot.sockets == snapshot.sockets
        assert tick.snapshot.journal_accepts == snapshot.journal_accepts
        assert len(tick.decision.wishes) == len(wishes)
    assert ticks[0].snapshot.site.sockets == whole().site.sockets
    assert ticks[0].snapshot.site.fuses == whole().site.fuses


def test_a_field_of_another_version_is_passed_over() -> None:
    first = json.loads(whole().first)
    first["seen"][first["seen"].index("outside")] = "from_the_future"
    lines = [json.dumps(first), *whole().lines[1:]]
    assert len(again(lines)) == len(whole().live)


def told_of(place: int, text: str) -> str:
    lines = list(whole().lines)
    lines[place] = text
    with pytest.raises(JournalDamaged) as told:
        again(lines)
    return str(told.value)


NO_RECORDING = "this is no recording of the flight recorder, or one of another format"
NOT_WHOLE = "the first line of the recording is not whole"
NO_TICK = "a line of the recording is no tick"
NOT_AFTER = "a line of the recording does not follow the one before"


@pytest.mark.parametrize(
    ("place", "text", "words"),
    [
        (0, "{}", NO_RECORDING),
        (0, "[1]", NO_RECORDING),
        (0, '{"laddvakt_flight":2}', NO_RECORDING),
        (0, '{"laddvakt_flight":1}', NOT_WHOLE),
        (0, "", "a line of the recording cannot be read: Expecting value: line 1 column 1 (char 0)"),
        (5, "[1", "a line of the recording cannot be read: Expecting ',' delimiter: line 1 column 3 (char 2)"),
        (5, "{}", NO_TICK),
        (5, "7", NO_TICK),
        (5, "[1]", NO_TICK),
        (5, "[{},2,3]", NO_TICK),
        (5, '{"a":1,"b":2}', NO_TICK),
        (5, "[[[1,2]],0]", NO_TICK),
        (5, '[["' + "x" * 8 + '"],0]', NO_TICK),
        (5, "[[{}],0]", NO_TICK),
        (5, "[1,2]", NOT_AFTER),
        (5, "[[1,2],0]", NOT_AFTER),
        (5, "[[],0]", NOT_AFTER),
        (1, '[{"0":[5]},0]', NOT_AFTER),
        (5, '[{"6":{"0":[1]}},0]', NOT_AFTER),
        (5, '[{"99":[0]},0]', f"{NOT_AFTER}: list index out of range"),
        (5, '[{"x":[0]},0]', f"{NOT_AFTER}: invalid literal for int() with base 10: 'x'"),
    ],
)
def test_what_is_no_recording_is_told_in_these_words(place: int, text: str, words: str) -> None:
    assert told_of(place, text) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("laddvakt_flight", NO_RECORDING),
        ("shapes", NOT_WHOLE),
        ("site", NOT_WHOLE),
        ("state", NOT_WHOLE),
        ("seen", NOT_WHOLE),
    ],
)
def test_a_first_line_that_lacks_something_is_told_in_these_words(name: str, words: str) -> None:
    first = {key: value for key, value in json.loads(whole().first).items() if key != name}
    assert told_of(0, json.dumps(first)) == words


def test_what_nests_too_deep_is_damage_too() -> None:
    assert told_of(5, "[" * 100_000).startswith("a line of the recording cannot be read: ")


def test_a_recording_of_no_line_is_none() -> None:
    with pytest.raises(JournalDamaged, match="cannot be read"):
        again([])
    assert again([whole().first]) == []


def test_places_that_change_inside_lists_are_named_and_lists_of_another_length_stand_whole() -> None:
    """A change of a change: what stands deep inside a snapshot is written by its places alone."""
    recording = Recording(1)
    snapshot, now, wishes = recording.live[0]
    later = Instant(now.monotonic_s + 1, now.utc, now.utc_trust)
    change, _ = json.loads(recording.writer.line(snapshot, later, wishes))
    assert change == {"0": {"0": [later.monotonic_s], "1": [json.loads(recording.lines[1])[0][0][0][1] - 1_000_000]}}
    asked = SiteSnapshot(
        snapshot.site, snapshot.grid, snapshot.grid_readings, snapshot.sockets, (), (), journal_accepts=False
    )
    recording.writer.line(asked, later, wishes)
    two = (StartSession(P, SessionId("a"), None, Source.MQTT), StartSession(P, SessionId("b"), None, Source.MQTT))
    requested = SiteSnapshot(
        snapshot.site, snapshot.grid, snapshot.grid_readings, snapshot.sockets, two, (), journal_accepts=True
    )
    change, _ = json.loads(recording.writer.line(requested, later, wishes))
    place = str(SEEN.index("requests") + 1)
    assert set(change) == {place, str(SEEN.index("journal_accepts") + 1)}
    assert len(change[place][0]) == 2
    assert change[str(SEEN.index("journal_accepts") + 1)] == [True]
    back, _ = json.loads(recording.writer.line(asked, later, wishes))
    assert back[place] == [[]]


def test_a_one_that_becomes_true_is_a_change() -> None:
    recording = Recording(1)
    snapshot, now, wishes = recording.live[0]
    assert snapshot.journal_accepts is True
    one = replace(snapshot, journal_accepts=cast("bool", 1))
    change, _ = json.loads(recording.writer.line(one, now, wishes))
    assert change == {str(SEEN.index("journal_accepts") + 1): [1]}


def test_the_version_is_read_from_the_first_line_alone() -> None:
    assert recorded_version(whole().first) == "1.2.3å"
    assert recorded_version("{}") == ""
    assert recorded_version("[1]") == ""
    assert recorded_version('{"version":7}') == "7"
    with pytest.raises(JournalDamaged, match=r"^a line of the recording cannot be read: "):
        recorded_version("")
