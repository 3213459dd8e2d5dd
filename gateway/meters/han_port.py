"""One HAN port from octets to telegrams: framed, sniffed and diagnosed. Fed with octets and the seconds they came at.

The shell opens the line as `settings` says, feeds what comes, asks `look` about twice a second, and opens the line
anew whenever `settings` has changed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.clock import Instant
from gateway.meters.han_bursts import Burst, Bursts
from gateway.meters.han_diagnosis import (
    AIR_TIMES_MAX,
    SLOWEST_LINE,
    TELLS,
    VERY_LATE_S,
    Diagnosis,
    Finding,
    PortWatch,
    air_octet_s,
)
from gateway.meters.han_sniffer import Sniffer, candidates
from gateway.meters.meter_clock import ClockSight, MeterClock
from gateway.wire.ciphering import MeterKeys
from gateway.wire.forms import framer_of
from gateway.wire.likeness import (
    OF_WHOLE_FRAMES,
    PROVEN,
    SETTINGS_RIGHT,
    TELEGRAM_BYTES_MIN,
    Likeness,
    is_surely_slower,
    likeness_of,
)
from gateway.wire.line import LineSettings
from gateway.wire.telegram import Discarded, Event, Form, Telegram

if TYPE_CHECKING:
    from gateway.wire.dlms import OtherWalk

DOUBT_AFTER_S: Final = 300.0
"""After so long a silence somebody may have changed the meter: it is sniffed again."""
STRAYS_MAX: Final = 64
STRAYS_ENOUGH: Final = 16
STRAYS_S: Final = 8.0
FAST_BAUD: Final = 115200
EXCUSED_ENOUGH: Final = 2
"""So many bursts were laid to settings that did not fit. With one more, damaged where the setting fits, or noise at the
last parity of a speed that was seen, three have come and none whole; a fourth would come later than 30 s after the
first where the interval is 10 s."""


@dataclass(frozen=True, slots=True)
class HanPlan:
    """What a person says of the port. form: None to find it; baud, parity: None to find them; kamstrup_energy_wh: 1 or
    10, None by the meter's type number; other_walk: a second reader for DLMS messages unknown to the own one."""

    form: Form | None = None
    baud: int | None = None
    parity: str | None = None
    allow_without_crc: bool = False
    kamstrup_energy_wh: int | None = None
    other_walk: "OtherWalk | None" = None
    keys: MeterKeys | None = None


@dataclass(frozen=True, slots=True)
class HanSight:
    """The port at one moment. line: how it is set, None behind a bridge; settled: telegrams come so; form, ident: of
    the newest telegram; interval_s: between telegrams; octets, dropped, telegrams: counts since the start; clock: the
    meter's against the host's."""

    finding: Finding
    line: LineSettings | None
    settled: bool
    form: Form | None
    ident: str | None
    interval_s: float | None
    octets: int
    dropped: int
    telegrams: int
    clock: ClockSight | None


class HanPort:
    """See the module. bridged: behind a `socket://` bridge, where no speed or parity can be set."""

    def __init__(self, plan: HanPlan, *, bridged: bool) -> None:
        self._plan = plan
        self._framer = framer_of(
            plan.form,
            allow_without_crc=plan.allow_without_crc,
            keys=plan.keys,
            kamstrup_energy_wh=plan.kamstrup_energy_wh,
            other_walk=plan.other_walk,
        )
        self._bursts = Bursts()
        self._watch = PortWatch()
        self._clock = MeterClock()
        self._sniffer = None if bridged else Sniffer(candidates(plan.form, plan.baud, plan.parity))
        self._answered = 0
        self._dropped = 0
        self._telegrams = 0
        self._newest: Telegram | None = None
        self._last_s: float | None = None
        self._damaged: list[Likeness] = []
        self._excused = 0
        self._strays = bytearray()
        self._strays_since_s = 0.0

    @property
    def settings(self) -> LineSettings | None:
        """How the line shall be open; None behind a bridge."""
        return None if self._sniffer is None else self._sniffer.settings

    def opened(self, now_s: float) -> None:
        """The line is open, as `settings` says."""
        self._bursts.opened(now_s)
        self._watch.opened(now_s)

    def closed(self, now_s: float, *, lost: bool) -> list[Event]:
        """The line was closed, by us or (lost) by the world. Gives what was half read."""
        events = self._framer.finish()
        for event in events:
            self._answer(event, now_s)
        self._answered = self._bursts.place
        if lost:
            self._watch.lost(now_s)
        return events

    def feed(self, octets: bytes, now_s: float) -> list[Event]:
        """Events that these octets complete, in wire order."""
        burst = self._bursts.came(octets, now_s)
        if burst is not None:
            self._judge(burst, now_s)
        self._watch.came(len(octets), now_s)
        self._last_s = now_s
        events = self._framer.feed(octets)
        for event in events:
            self._answer(event, now_s)
        return events

    def told(self, meter_time: str, at: Instant) -> None:
        """The meter's own time in the newest telegram, and when that came."""
        self._clock.told(meter_time, at)

    def look(self, now_s: float) -> HanSight:
        """Lets time pass."""
        burst = self._bursts.look(now_s)
        if burst is None and self._sniffer is not None and not self._sniffer.settled:
            burst = self._bursts.conclude() if is_surely_slower(self._bursts.kept) else None
        if burst is not None:
            self._judge(burst, now_s)
        if self._sniffer is not None and self._last_s is not None and now_s - self._last_s >= DOUBT_AFTER_S:
            self._sniffer.doubt()
        return self._sight(now_s)

    def conclude(self, now_s: float) -> tuple[list[Event], HanSight]:
        """The end of a file: what is left, and what can be said from the little that there is."""
        burst = self._bursts.conclude()
        events = self.closed(now_s, lost=False)
        if burst is not None and not burst.telegrams:
            told = TELLS.get(self._likeness(burst.octets))
            if told is not None:
                self._watch.sure(told, burst.ends)
        self._watch.ended()
        return events, self._sight(now_s)

    def _sight(self, now_s: float) -> HanSight:
        newest = self._newest
        return HanSight(
            finding=self._watch.finding(now_s),
            line=self.settings,
            settled=newest is not None and (self._sniffer is None or self._sniffer.settled),
            form=None if newest is None else newest.form,
            ident=None if newest is None else newest.ident,
            interval_s=self._watch.interval_s,
            octets=self._bursts.place,
            dropped=self._dropped,
            telegrams=self._telegrams,
            clock=self._clock.sight(),
        )

    def _answer(self, event: Event, now_s: float) -> None:
        begin = self._answered
        if isinstance(event, Discarded):
            self._answered += event.count
            self._dropped += event.count
            told = OF_WHOLE_FRAMES.get(event.reason)
            if told is not None and begin >= self._bursts.begins:
                self._damaged.append(told)
            return
        self._answered += event.size
        begun_s = self._bursts.taken(begin, self._answered)
        self._telegrams += 1
        self._newest = event
        self._strays.clear()
        if self._sniffer is not None:
            self._sniffer.succeeded()
        octet_s = air_octet_s(event.form, self.settings)
        self._watch.telegram(event, begin=begin, ends=self._answered, begun_s=begun_s, now_s=now_s, octet_s=octet_s)

    def _judge(self, burst: Burst, now_s: float) -> None:
        """A burst has ended. One that was joined midway is no witness, nor is one that a telegram took whole."""
        damaged, self._damaged = self._damaged, []
        if burst.telegrams:
            for likeness in damaged:
                self._watch.bad(TELLS[likeness], burst.ends)
            if len(burst.octets) < TELEGRAM_BYTES_MIN:
                return
        likeness = self._likeness(burst.octets)
        if likeness in SETTINGS_RIGHT and (burst.unending or self._is_slow(burst)):
            self._watch.sure(Diagnosis.DRIBBLING, burst.ends)
        elif not burst.whole:
            return
        elif likeness is Likeness.STRAY:
            self._stray(burst, now_s)
        else:
            self._weigh(burst, likeness)

    def _weigh(self, burst: Burst, likeness: Likeness) -> None:
        """A whole burst is a witness against the line's setting, or against the line."""
        excused = self._sniffer is not None and self._sniffer.failed(likeness)
        told = TELLS.get(likeness)
        if told is None or excused:
            self._excused += excused
            return
        searched = self._excused >= EXCUSED_ENOUGH and (likeness in SETTINGS_RIGHT or likeness is Likeness.NOISE)
        if self._newest is None and (likeness in PROVEN or searched):
            self._watch.sure(told, burst.ends)
        else:
            self._watch.bad(told, burst.ends)

    def _is_slow(self, burst: Burst) -> bool:
        """Whether it came far slower than the line's speed, without a telegram: so it need not have been seen whole."""
        octet_s = SLOWEST_LINE.octet_s if self.settings is None else self.settings.octet_s
        slow_s = max(VERY_LATE_S, AIR_TIMES_MAX * len(burst.octets) * octet_s)
        return not burst.telegrams and burst.lasted_s > slow_s

    def _stray(self, burst: Burst, now_s: float) -> None:
        """A few octets by themselves tell nothing; many such do: a telegram that dribbles in, or noise."""
        if not self._strays or now_s - self._strays_since_s > STRAYS_S * 4:
            self._strays.clear()
            self._strays_since_s = now_s
        self._strays += burst.octets[: STRAYS_MAX - len(self._strays)]
        if len(self._strays) >= STRAYS_ENOUGH and now_s - self._strays_since_s >= STRAYS_S:
            text = all(octet in b"\r\n" or 0x20 <= octet < 0x7F for octet in self._strays)
            self._watch.sure(Diagnosis.DRIBBLING if text else Diagnosis.ONLY_NOISE, burst.ends)
            self._strays.clear()

    def _likeness(self, octets: bytes) -> Likeness:
        settings = self.settings
        return likeness_of(
            octets,
            slow_line=settings is None or settings.baud < FAST_BAUD,
            keys=self._plan.keys,
            allow_without_crc=self._plan.allow_without_crc,
        )
