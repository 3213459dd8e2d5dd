"""One try at one socket: what the gateway's own topics showed before, while and after it was switched on, and what that
proves. Pure: the walk hands in what was heard, and when.

A meter moves if a phase rises by half an ampere, or the power by 100 W. A meter that was dark before, as one on the
load side of an open contactor is, rises from nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.control.state import ContactorState
from gateway.ids import FuseId, SocketId
from gateway.publish.commission_words import Finding, Verdict
from gateway.publish.words import Language, reason
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.topology import Site, Socket

MOVES_A: Final = 0.5
MOVES_W: Final = 100.0
LIVE_V: Final = 150.0
DARK_V: Final = 50.0
SETTLE_S: Final = 4.0
"""So long after the first meter moved the others have been polled and published too (`publish.rates`: every second)."""
OFFERS_NOTHING_A: Final = 0.5

_CONTACTOR_WRONG: Final = frozenset({Why.CONTACTOR_WELDED, Why.CONTACTOR_NOT_CLOSED, Why.AUXILIARY_DISAGREES})
_BOX_WRONG: Final = frozenset({Why.WALLBOX_DISOBEYS, Why.WALLBOX_SILENT})
_RIGHT_METER: Final = frozenset({Verdict.RIGHT, Verdict.WRONG_PHASES, Verdict.FAULT})
_EXPLAINED: Final = frozenset(
    {
        *(Verdict.FAULT, Verdict.CONTACTOR, Verdict.DISOBEYS, Verdict.NOTHING, Verdict.NOT_STARTED, Verdict.LOCKED),
        Verdict.DRAWS_UNASKED,
    }
)
"""Elsewhere what the gateway says of the socket is a consequence, or the same in other words."""

Triple = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class SocketSeen:
    """One socket as its topic shows it; None is unknown. stands: its start/stop switch is on; busy: it has a session,
    also one that is ending; plugged: what its wallbox says."""

    current_a: Triple = ()
    power_w: float | None = None
    voltage_v: Triple = ()
    stands: bool = False
    busy: bool = False
    session: str | None = None
    setpoint_a: float | None = None
    applied_a: float | None = None
    closed: bool | None = None
    contactor: ContactorState | None = None
    plugged: bool | None = None
    locked: bool = False
    problem: Why | None = None
    because: Because | None = None

    @property
    def heard(self) -> bool:
        """Whether its meter tells a current or a power at all."""
        return self.power_w is not None or any(amps is not None for amps in self.current_a)

    @property
    def draws(self) -> bool:
        return moved(SocketSeen(), self)


def seen_of(thing: Mapping[str, object]) -> SocketSeen:
    """A socket's state message as values; what is missing or of another kind is unknown."""
    why = _why(thing.get("because_code"))
    fuse, phase = thing.get("because_fuse"), thing.get("because_phase")
    said = thing.get("contactor_state")
    session = thing.get("session_id")
    return SocketSeen(
        current_a=_triple(thing.get("current_a")),
        power_w=_number(thing.get("power_w")),
        voltage_v=_triple(thing.get("voltage_v")),
        stands=thing.get("charge") == "ON",
        busy=thing.get("session_phase") not in (None, "ended"),
        session="".join(sign for sign in session if sign.isprintable()) if isinstance(session, str) else None,
        setpoint_a=_number(thing.get("setpoint_a")),
        applied_a=_number(thing.get("applied_a")),
        closed=_switch(thing.get("contactor")),
        contactor=next((state for state in ContactorState if state.value == said), None),
        plugged=_switch(thing.get("plug")),
        locked=thing.get("locked") is True,
        problem=_why(thing.get("problem_code")),
        because=None
        if why is None
        else Because(
            why,
            FuseId(fuse) if isinstance(fuse, str) and fuse.isprintable() else None,
            next((one for one in Phase if one.name == phase), None),
            _number(thing.get("because_current_a")),
        ),
    )


def rises_a(before: SocketSeen, now: SocketSeen) -> tuple[float, ...]:
    """By how much each of its own phases draws more; what is unknown now has not risen."""
    earlier = (*before.current_a, *(None,) * len(now.current_a))
    return tuple(
        0.0 if amps is None else abs(amps) - abs(was or 0.0) for was, amps in zip(earlier, now.current_a, strict=False)
    )


def moved(before: SocketSeen, now: SocketSeen) -> bool:
    """Whether this socket's meter shows a load that it did not show before."""
    rise_w = 0.0 if now.power_w is None else abs(now.power_w) - abs(before.power_w or 0.0)
    return rise_w >= MOVES_W or max(rises_a(before, now), default=0.0) >= MOVES_A


@dataclass(slots=True)
class Trial:
    """What has been heard since the load was to be plugged in. before: every socket at that moment.

    stood: whether a session was on; refused: the sentence with which the gateway said no; skipped: by the person;
    since_s: since when something shows.
    """

    site: Site
    own: Socket
    before: Mapping[SocketId, SocketSeen]
    now: dict[SocketId, SocketSeen] = field(default_factory=dict)
    stood: bool = False
    session: str | None = None
    refused: str | None = None
    skipped: bool = False
    since_s: float | None = None

    @property
    def controlled(self) -> bool:
        """Whether the gateway can switch it at all; one that it only measures is watched."""
        return self.own.contactor or self.own.wallbox is not None

    @property
    def own_seen(self) -> SocketSeen:
        return self.now.get(self.own.id, SocketSeen())

    def heard(self, socket: SocketId, seen: SocketSeen, now_s: float) -> None:
        """Takes in one state message."""
        self.now[socket] = seen
        if socket == self.own.id and seen.stands:
            self.stood, self.session = True, seen.session
        shows = bool(self.movers or self.boxes_that_saw)
        self.since_s = None if not shows else (self.since_s if self.since_s is not None else now_s)

    def settled(self, now_s: float) -> bool:
        """Whether something has moved for so long that the others would have been seen to move too."""
        return self.since_s is not None and now_s - self.since_s >= SETTLE_S

    @property
    def movers(self) -> tuple[SocketId, ...]:
        """The sockets whose meters show more than before, in the order of the config."""
        return tuple(
            name
            for name in self.site.sockets
            if name in self.now and moved(self.before.get(name, SocketSeen()), self.now[name])
        )

    @property
    def boxes_that_saw(self) -> tuple[SocketId, ...]:
        """Other sockets whose wallbox saw a cable come, while that of this socket saw none."""
        if self.own.wallbox is None or self.own_seen.plugged:
            return ()
        return tuple(
            name
            for name, seen in self.now.items()
            if name != self.own.id and seen.plugged and not self.before.get(name, SocketSeen()).plugged
        )

    @property
    def lit(self) -> tuple[SocketId, ...]:
        """Other sockets at whose meters voltage came although their own contactor was not to close."""
        own = _volts(self.own_seen)
        if own is not None and own >= LIVE_V:
            return ()
        return tuple(
            name
            for name, seen in self.now.items()
            if name != self.own.id and not seen.busy and _came_alive(self.before.get(name, SocketSeen()), seen)
        )


def judge(trial: Trial, language: Language) -> Finding:
    """The finding of a try that has settled, or whose time is over."""
    own, seen = trial.own.id, trial.own_seen
    verdict, others = _verdict(trial)
    phases = tuple(
        (phase, rise_a)
        for phase, rise_a in zip(trial.own.phases, rises_a(trial.before.get(own, SocketSeen()), seen), strict=False)
        if rise_a >= MOVES_A
    )
    return Finding(own, verdict, others, phases, _reason(trial, verdict, language), trial.session)


def after_stop(finding: Finding, *, still_draws: bool) -> Finding:
    """The same finding once the session was stopped; a meter that is right must fall as well as rise."""
    if not still_draws or finding.verdict not in _RIGHT_METER:
        return finding
    return replace(finding, verdict=Verdict.STAYS_ON)


def _verdict(trial: Trial) -> tuple[Verdict, tuple[SocketId, ...]]:
    own = trial.own.id
    if trial.skipped:
        return Verdict.SKIPPED, ()
    if trial.boxes_that_saw:
        return Verdict.BOX_CROSSED, trial.boxes_that_saw
    others = tuple(name for name in trial.movers if name != own)
    charging = tuple(name for name in others if trial.now[name].busy)
    if charging:
        return Verdict.DISTURBED, charging
    if others:
        return (Verdict.DOUBLE if own in trial.movers else Verdict.CROSSED), others
    return _of_its_own(trial) if own in trial.movers else _of_nothing(trial)


def _of_its_own(trial: Trial) -> tuple[Verdict, tuple[SocketId, ...]]:
    """Only its own meter moved. What the gateway found out by itself is taken at its word."""
    seen = trial.own_seen
    if trial.controlled and not trial.stood:
        return Verdict.DRAWS_UNASKED, ()
    if _contactor_disagrees(trial):
        return Verdict.CONTACTOR, ()
    if seen.problem in _BOX_WRONG:
        return Verdict.DISOBEYS, ()
    if seen.problem is Why.PHASES_CROSSED:
        return Verdict.WRONG_PHASES, ()
    return (Verdict.RIGHT if seen.problem is None else Verdict.FAULT), ()


def _of_nothing(trial: Trial) -> tuple[Verdict, tuple[SocketId, ...]]:
    """No meter moved."""
    seen = trial.own_seen
    if trial.controlled and not trial.stood:
        if seen.locked:
            return Verdict.LOCKED, ()
        if trial.own.wallbox is not None and seen.plugged is False:
            return Verdict.NO_CAR, ()
        return Verdict.NOT_STARTED, ()
    if trial.lit:
        return Verdict.ELSEWHERE, trial.lit
    if not seen.heard:
        return Verdict.METER_SILENT, ()
    if _contactor_disagrees(trial):
        return Verdict.CONTACTOR, ()
    if seen.problem in _BOX_WRONG or _offers_nothing(trial):
        return Verdict.DISOBEYS, ()
    if trial.controlled and (seen.setpoint_a is None or seen.setpoint_a <= 0.0):
        return Verdict.NOT_STARTED, ()
    return Verdict.NOTHING, ()


def _contactor_disagrees(trial: Trial) -> bool:
    seen = trial.own_seen
    wrong = seen.problem in _CONTACTOR_WRONG or seen.contactor in (ContactorState.WELDED, ContactorState.NOT_CLOSED)
    carries = trial.own.id in trial.movers and seen.closed is False
    return trial.own.contactor and (wrong or carries)


def _offers_nothing(trial: Trial) -> bool:
    """The wallbox has been told a current, and says itself that it offers none."""
    box, seen = trial.own.wallbox, trial.own_seen
    if box is None or seen.setpoint_a is None or seen.applied_a is None:
        return False
    return seen.setpoint_a >= box.minimum_a and seen.applied_a < OFFERS_NOTHING_A


def _reason(trial: Trial, verdict: Verdict, language: Language) -> str | None:
    """What the gateway says of this socket, where that tells more than the verdict."""
    if verdict not in _EXPLAINED:
        return None
    seen = trial.own_seen
    if seen.problem is not None and seen.problem is not Why.WALLBOX_DISOBEYS:
        return reason(Because(seen.problem), language)
    if verdict is not Verdict.NOT_STARTED:
        return None
    return trial.refused if seen.because is None or trial.refused is not None else reason(seen.because, language)


def _came_alive(before: SocketSeen, now: SocketSeen) -> bool:
    earlier, volts = _volts(before), _volts(now)
    return earlier is not None and earlier < DARK_V and volts is not None and volts >= LIVE_V


def _volts(seen: SocketSeen) -> float | None:
    return max((volts for volts in seen.voltage_v if volts is not None), default=None)


def _why(said: object) -> Why | None:
    return next((why for why in Why if why.value == said), None)


def _number(said: object) -> float | None:
    return float(said) if isinstance(said, (int, float)) and not isinstance(said, bool) else None


def _triple(said: object) -> Triple:
    return tuple(_number(one) for one in said) if isinstance(said, list) else ()


def _switch(said: object) -> bool | None:
    return {"ON": True, "OFF": False}.get(said) if isinstance(said, str) else None
