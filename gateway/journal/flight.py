"""The flight recorder's text: what every decision saw, so that each can be decided again.

A recording is lines of JSON. Its first line holds the cabinet and control's whole state at that moment, each line after
it one tick: what changed in the snapshot since the line before, and a check sum of what was wished. Deciding again from
the first state gives the same wishes, since `decide` knows no clock and no chance; where another version wishes
otherwise, the check sum tells at which tick. Only what control keeps over restarts is not compared: the journal has it.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import tzinfo
from typing import Any, Final, get_type_hints
from zlib import crc32

from gateway.clock import Instant
from gateway.control.decide import decide
from gateway.control.state import ControlState, Decision
from gateway.errors import JournalDamaged
from gateway.journal.flight_codec import FlightCodec, Plain
from gateway.site.snapshot import SiteSnapshot
from gateway.site.topology import Site
from gateway.site.wishes import SaveCheckpoint, Wish

FORMAT: Final = 1
_SEEN: Final = tuple(one.name for one in fields(SiteSnapshot) if one.name != "site")
_HINTS: Final = get_type_hints(SiteSnapshot)
_WISHES: Final = tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class ReplayedTick:
    """One tick decided again. as_live: it wishes what was wished then."""

    now: Instant
    snapshot: SiteSnapshot
    decision: Decision
    as_live: bool


class FlightWriter:
    """Writes one recording. mask: what a token is written as."""

    def __init__(self, mask: Callable[[str], str], version: str) -> None:
        self._codec = FlightCodec(mask)
        self._version = version
        self._before: Plain = None
        self._wishes: tuple[Wish, ...] = ()
        self._sum = _check_sum(self._codec, ())
        for kind in (Site, ControlState, Instant, _WISHES, *(_HINTS[name] for name in _SEEN)):
            self._codec.way(kind)

    def first_line(self, site: Site, state: ControlState) -> str:
        """Begins a recording: `state` is what the next tick decides from."""
        self._before = None
        return _text(
            {
                "laddvakt_flight": FORMAT,
                "version": self._version,
                "seen": _SEEN,
                "shapes": self._codec.shapes,
                "site": self._codec.plain(Site, site),
                "state": self._codec.plain(ControlState, state),
            }
        )

    def line(self, snapshot: SiteSnapshot, now: Instant, wishes: tuple[Wish, ...]) -> str:
        """One tick."""
        seen = [self._codec.plain(Instant, now)]
        seen += [self._codec.plain(_HINTS[name], getattr(snapshot, name)) for name in _SEEN]
        before, self._before = self._before, seen
        if wishes != self._wishes:
            self._wishes, self._sum = wishes, _check_sum(self._codec, wishes)
        return _text([_change(before, seen), self._sum])


def replayed(lines: Iterable[str], zone: Callable[[str], tzinfo]) -> Iterator[ReplayedTick]:
    """Decides every tick of a recording again. zone: a time zone by its name.

    Raises JournalDamaged if its beginning or a line cannot be read.
    """
    rest = iter(lines)
    first = _read(next(rest, ""))
    if not isinstance(first, dict) or first.get("laddvakt_flight") != FORMAT:
        raise JournalDamaged("this is no recording of the flight recorder, or one of another format")
    if not first.keys() >= {"shapes", "site", "state", "seen"}:
        raise JournalDamaged("the first line of the recording is not whole")
    codec = FlightCodec(zone=zone, shapes=first["shapes"])
    site: Site = codec.value(Site, first["site"])
    state: ControlState = codec.value(ControlState, first["state"])
    seen: Plain = None
    for text in rest:
        line = _read(text)
        if not isinstance(line, list) or len(line) != 2:
            raise JournalDamaged("a line of the recording is no tick")
        seen = _changed(seen, line[0])
        if not isinstance(seen, list) or len(seen) != len(first["seen"]) + 1:
            raise JournalDamaged("a line of the recording is no tick")
        now: Instant = codec.value(Instant, seen[0])
        known = {
            name: codec.value(_HINTS[name], it)
            for name, it in zip(first["seen"], seen[1:], strict=True)
            if name in _HINTS
        }
        snapshot = SiteSnapshot(site=site, **known)
        decision = decide(snapshot, state, now)
        state = decision.state
        yield ReplayedTick(now, snapshot, decision, _check_sum(codec, decision.wishes) == line[1])


def recorded_version(first_line: str) -> str:
    """The version that wrote a recording, by its first line; an empty text if it is none."""
    first = _read(first_line)
    return str(first.get("version", "")) if isinstance(first, dict) else ""


def _check_sum(codec: FlightCodec, wishes: tuple[Wish, ...]) -> int:
    compared = tuple(wish for wish in wishes if not isinstance(wish, SaveCheckpoint))
    return crc32(_text(codec.plain(_WISHES, compared)).encode("ascii"))


def _text(plain: Plain) -> str:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=True)


def _read(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise JournalDamaged(f"a line of the recording cannot be read: {problem}") from None


def _change(before: Plain, now: Plain) -> Plain:
    """What a list has become: an object of places that changed, or `[whole]` where it is another."""
    if type(before) is list and type(now) is list and len(before) == len(now) and now:
        return {
            str(place): _change(was, one)
            for place, (was, one) in enumerate(zip(before, now, strict=True))
            if was != one or type(was) is not type(one)
        }
    return [now]


def _changed(before: Plain, change: Plain) -> Plain:
    """The list again. Raises JournalDamaged if the change does not fit what was before."""
    match change:
        case [whole]:
            return whole
        case dict() if isinstance(before, list):
            now = list(before)
            try:
                for place, inner in change.items():
                    now[int(place)] = _changed(now[int(place)], inner)
            except (ValueError, IndexError) as problem:
                raise JournalDamaged(f"a line of the recording does not follow the one before: {problem}") from None
            return now
        case _:
            raise JournalDamaged("a line of the recording does not follow the one before")
