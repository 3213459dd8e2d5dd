"""The search for telegrams in a stream of bytes, common to all forms on the wire.

A `Grammar` knows one form: what its telegrams open with, and what to make of bytes that open so. A `Framer` holds the
stream, brings the next opening to the front, asks its grammar, and answers for every byte in exactly one event. All
it decides follows from the bytes alone, never from how they were cut.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.wire.stretch import Stretch
from gateway.wire.telegram import DiscardReason, Event, Telegram

MESSAGE_BYTES_MAX: Final = 8192
"""The longest telegram of any form. Swedish P1 has about 700 bytes, the longest list over HDLC about 1.2 kB."""

_FED_AT_ONCE: Final = 4096
_SEARCHED_AGAIN: Final = 9
"""An end mark with its checksum, a blank and the longest line end has 9 bytes; it may come in two pieces."""


@dataclass(frozen=True, slots=True)
class Take:
    """The first `count` bytes complete this telegram. shared: one more byte belongs to it, and may open the next."""

    count: int
    telegram: Telegram
    kept: int = 0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """The first `count` bytes are one frame of a longer message; the grammar keeps them."""

    count: int
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """The first `count` bytes are no telegram, and so are the frames kept before."""

    count: int
    reason: DiscardReason
    kept: bytes = b""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Resync:
    """No telegram opens here: drop up to the next opening among the first `limit` bytes, or all of those."""

    limit: int
    reason: DiscardReason


Step = Take | Keep | Drop | Resync


@dataclass(slots=True)
class Held:
    """The bytes of the stream that no event has taken yet.

    searched: so many of them were there at the last look and did not suffice; ended: no more will come.
    """

    octets: bytearray
    searched: int = 0
    ended: bool = False


class Grammar(Protocol):
    """One form. opening: pattern that begins a telegram; begun: what may become an opening when more bytes come."""

    @property
    def opening(self) -> bytes: ...

    @property
    def begun(self) -> bytes: ...

    def look(self, held: Held) -> Sequence[Step]:
        """What to do with bytes that open so; empty if more are needed (never empty once the stream has ended)."""
        ...

    def abandon(self) -> bytes:
        """The frames that were kept for a message whose rest never came; they are forgotten."""
        ...


class Framer:
    """Bytes in, telegrams and dropped stretches out. Never raises on input; holds at most 8 kB plus one frame."""

    def __init__(self, grammars: dict[int, Grammar]) -> None:
        """grammars: by the byte that their opening begins with."""
        self._grammars = grammars
        self._opening = re.compile(b"|".join(grammar.opening for grammar in grammars.values()))
        self._begun = re.compile(b"(?:" + b"|".join(grammar.begun for grammar in grammars.values()) + rb")\Z")
        self._held = Held(bytearray())
        self._answered = 0
        self._noise = Stretch(DiscardReason.NOISE)

    def feed(self, octets: bytes) -> list[Event]:
        """Events that these bytes complete, in wire order."""
        events: list[Event] = []
        for begin in range(0, len(octets), _FED_AT_ONCE):
            self._held.octets += octets[begin : begin + _FED_AT_ONCE]
            while self._advance(events):
                pass
        return events

    def finish(self) -> list[Event]:
        """What is left when the stream ends. The framer is then empty, and may be fed another stream."""
        events: list[Event] = []
        self._held.ended = True
        while self._advance(events):
            pass
        for grammar in self._grammars.values():
            self._report(grammar.abandon(), DiscardReason.TRUNCATED, events)
        self._noise.close(events)
        self._held.ended = False
        return events

    def _advance(self, events: list[Event]) -> bool:
        """One step; False if more bytes are needed. The next opening is brought to the front first."""
        held = self._held
        if not self._opening.match(held.octets):
            opening = self._opening.search(held.octets)
            if opening is None:
                sure = len(held.octets) if held.ended else self._surely_no_opening(len(held.octets))
                self._noise.add_and_cut(self._remove(sure), events)
                return False
            self._noise.add_and_cut(self._remove(opening.start()), events)
        steps = self._grammars[held.octets[0]].look(held)
        if not steps:
            held.searched = max(0, len(held.octets) - _SEARCHED_AGAIN)
            return False
        for step in steps:
            self._do(step, events)
        return bool(held.octets)

    def _do(self, step: Step, events: list[Event]) -> None:
        if isinstance(step, Resync):
            following = self._opening.search(self._held.octets, 1, step.limit)
            if following:
                count = following.start()
            else:
                count = step.limit if self._held.ended else max(1, self._surely_no_opening(step.limit))
            self._report(self._remove(count), step.reason, events)
            return
        octets = self._remove(step.count)
        if step.shared:
            octets += self._held.octets[:1]
            self._answered = 1
        if isinstance(step, Take):
            self._noise.close(events)
            size = step.kept + len(octets)
            events.append(step.telegram if step.telegram.size == size else replace(step.telegram, size=size))
        elif isinstance(step, Drop):
            self._report(bytearray(step.kept) + octets, step.reason, events)

    def _report(self, octets: bytes | bytearray, reason: DiscardReason, events: list[Event]) -> None:
        if reason is DiscardReason.NOISE:
            self._noise.add_and_cut(octets, events)
        elif octets:
            self._noise.close(events)
            stretch = Stretch(reason)
            stretch.add(octets)
            stretch.close(events)

    def _remove(self, count: int) -> bytearray:
        """Takes bytes from the front and gives those of them that no event has answered for yet."""
        octets = self._held.octets[self._answered if count else 0 : count]
        if count:
            del self._held.octets[:count]
            self._answered = 0
        self._held.searched = 0
        return octets

    def _surely_no_opening(self, limit: int) -> int:
        """How many bytes below the limit cannot begin an opening, whatever follows."""
        begun = self._begun.search(self._held.octets[:limit])
        return begun.start() if begun else limit
