"""A HAN port in virtual time: a meter, its troubles, the bits of its line, and the gateway's own reading of them.

The reader's UART is set as the gateway asks for; behind a bridge it is the bridge's, set by whoever installed it. Bytes
come in pieces as a USB adapter hands them over, and the port is looked at twice a second, as the daemon does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from gateway.clock import Instant, UtcTrust
from gateway.meters.han_diagnosis import Diagnosis
from gateway.meters.han_port import HanPlan, HanPort, HanSight
from gateway.wire.telegram import Telegram
from hil.world.grid_forms import FORMS
from hil.world.grid_values import GridFlow
from hil.world.han_troubles import Trouble, left_after, read_octets, sent_octets, timed
from hil.world.uart import Receiver, Setting

PIECE_S = 0.004
LOOK_S = 0.5
BEGIN_UTC = datetime(2026, 11, 21, 11, 58, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Course:
    """form: of `grid_forms.FORMS`; trouble: from begins_s until ends_s; silence and frozen are kinds too (p1_silence,
    p1_frozen); bridge: the UART of a bridge, None for a port of our own; jitter_s: how far a telegram strays."""

    form: str
    interval_s: float
    seconds: float
    plan: HanPlan = field(default_factory=HanPlan)
    trouble: Trouble | None = None
    begins_s: float = 0.0
    ends_s: float = math.inf
    bridge: Receiver | None = None
    receiver: Receiver = field(default_factory=Receiver)
    jitter_s: float = 0.05
    first_s: float = 0.3
    clock_wrong_s: float = 0.0
    seed: int = 1


@dataclass(slots=True)
class Told:
    """What the port said: each change of its diagnosis, each telegram's moment, when it was settled first."""

    changes: list[tuple[float, Diagnosis]] = field(default_factory=list)
    telegrams_s: list[float] = field(default_factory=list)
    settled_s: float | None = None
    last: HanSight | None = None

    def named_s(self, diagnosis: Diagnosis, after_s: float = 0.0) -> float | None:
        """When it was said first after that moment."""
        return next((at_s for at_s, said in self.changes if at_s >= after_s and said is diagnosis), None)

    def said(self, begins_s: float, ends_s: float) -> set[Diagnosis]:
        """Everything that was said in a span, what stood at its begin included."""
        before = [said for at_s, said in self.changes if at_s <= begins_s]
        return {said for at_s, said in self.changes if begins_s < at_s < ends_s} | set(before[-1:])


class _Meter:
    """Sends its telegrams in virtual time."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._form = FORMS[course.form]
        self._chance = Random(course.seed)
        self._amperes = [6.0, 3.0, 1.5]
        self._kwh = 1234.5
        self._frozen: bytes | None = None
        self.sent = Setting(self._form.baud, 8, self._form.parity)

    def transmissions(self) -> Iterator[tuple[list[tuple[float, int]], Trouble | None]]:
        """The characters of each telegram with the moment at which each leaves, and the trouble that acts on it."""
        course = self._course
        count, free_s = 0, 0.0
        while (due_s := course.first_s + count * course.interval_s) < course.seconds:
            at_s = due_s + self._chance.uniform(0, course.jitter_s)
            if at_s < free_s:
                count += 1
                continue
            trouble = course.trouble if course.begins_s <= at_s < course.ends_s else None
            octets = self._octets(at_s, count, trouble)
            count += 1
            if trouble is not None and trouble.kind == "p1_silence":
                continue
            characters = timed(octets, at_s, self.sent, trouble)
            free_s = characters[-1][0] + self.sent.bits / self.sent.baud
            yield characters, trouble

    def _octets(self, at_s: float, count: int, trouble: Trouble | None) -> bytes:
        utc = BEGIN_UTC + timedelta(seconds=at_s + self._course.clock_wrong_s)
        self._amperes = [max(0.2, ampere + self._chance.uniform(-0.4, 0.4)) for ampere in self._amperes]
        self._kwh += 0.001
        flow = GridFlow((230.1, 229.4, 231.2), (self._amperes[0], self._amperes[1], self._amperes[2]), self._kwh, 0.0)
        made = sent_octets(self._form, flow, utc + timedelta(hours=1), count, trouble=trouble, chance=self._chance)
        if trouble is None or trouble.kind != "p1_frozen":
            self._frozen = made
        return made if self._frozen is None else self._frozen


def run_course(course: Course) -> Told:
    """Plays the course. Nothing waits: an hour takes seconds."""
    return _Reading(course).told()


class _Reading:
    def __init__(self, course: Course) -> None:
        self._course = course
        self._meter = _Meter(course)
        self._port = HanPort(course.plan, bridged=course.bridge is not None)
        self._told = Told()
        self._looked_s = 0.0
        self._settings = self._port.settings

    def told(self) -> Told:
        self._port.opened(0.0)
        for characters, trouble in self._meter.transmissions():
            self._look_until(characters[0][0])
            left = characters
            while left:
                left = self._heard(left, trouble)
        self._look_until(self._course.seconds)
        return self._told

    def _heard(self, characters: list[tuple[float, int]], trouble: Trouble | None) -> list[tuple[float, int]]:
        """Hands over what is read, up to where the line is set anew. Gives the characters that begin after that."""
        settings = self._settings
        for at_s, piece in _pieces(read_octets(characters, self._meter.sent, self._receiver(), trouble)):
            self._look_until(at_s)
            if self._settings != settings:
                return left_after(characters, self._meter.sent, at_s)
            for event in self._port.feed(piece, at_s):
                if isinstance(event, Telegram):
                    self._told.telegrams_s.append(at_s)
                    utc = BEGIN_UTC + timedelta(seconds=at_s)
                    self._port.told(event.clock or "", Instant(at_s, utc, UtcTrust.SYNCHRONISED))
        return []

    def _receiver(self) -> Receiver:
        if self._course.bridge is not None:
            return self._course.bridge
        settings = self._port.settings
        if settings is None:
            return self._course.receiver
        receiver = self._course.receiver
        return Receiver(Setting(settings.baud, 8, settings.parity), receiver.resyncs, receiver.faulty, receiver.slow_s)

    def _look_until(self, now_s: float) -> None:
        while self._looked_s + LOOK_S <= now_s:
            self._looked_s += LOOK_S
            sight = self._port.look(self._looked_s)
            if self._port.settings != self._settings:
                self._settings = self._port.settings
                self._port.closed(self._looked_s, lost=False)
                self._port.opened(self._looked_s)
            told = self._told
            if not told.changes or told.changes[-1][1] is not sight.finding.diagnosis:
                told.changes.append((self._looked_s, sight.finding.diagnosis))
            if sight.settled and told.settled_s is None:
                told.settled_s = self._looked_s
            told.last = sight


def _pieces(read: list[tuple[float, int]]) -> Iterator[tuple[float, bytes]]:
    """As an adapter hands octets over: what came within 4 ms together, or 62 octets."""
    piece = bytearray()
    begun_s = last_s = 0.0
    for at_s, octet in read:
        if piece and (at_s - begun_s > PIECE_S or len(piece) >= 62):
            yield last_s, bytes(piece)
            piece.clear()
        if not piece:
            begun_s = at_s
        piece.append(octet)
        last_s = at_s
    if piece:
        yield last_s, bytes(piece)
