"""Finds sockets that lie on other phases than the config says: each start and stop is looked for in the grid meter.

A telegram with what every socket drew around it is a *sight*. It is clear if each drew evenly from `STEADY_S` before
the telegram, or longer where its learned delay asks for that, until it was read after it: then it does not matter how
long ago the meter measured. Two sights between which sockets changed make a step, if possible two clear ones; who was
on its way up or down blurs the phases that it may lie on. Two clear ones between which none changed tell how the house
changes by itself. What a step says is for `phase_evidence` to weigh. Nothing here changes what the config says: a
crossed socket is named, and people decide.
"""

from dataclasses import replace
from typing import Final

from gateway.control.draft import Draft, SocketDraft
from gateway.control.estimate import SOCKET_METER_QUIET_S, VOLTAGE_HIGHEST_V
from gateway.control.phase_evidence import (
    EXPORT_TOLD,
    EXPORT_UNTOLD,
    MOVES_A,
    PhaseAmps,
    PhaseEvidence,
    PhaseLearning,
    Sight,
    Step,
    apart,
    weighed,
)
from gateway.ids import SocketId
from gateway.meters.readings import GridReading
from gateway.quantities import PHASES, PerPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness

STEADY_S: Final = 5.0
"""A telegram may show what was up to so long ago (HAN meters measure each 1 to 10 s and send within 3 s)."""
STEADY_A: Final = 0.7
MEASURED_BEFORE_S: Final = 1.0
"""The most likely moment, where the delay is not learned yet."""
STEADY_BEFORE_S: Final = 2.0
"""Evenly from so long before the earliest moment that a telegram may have been measured."""
PATIENCE_S: Final = 20.0
"""So long a clear sight is waited for."""
READ_AFTER_S: Final = 3.0
"""By then the sockets have been read after the telegram."""
READ_BEFORE_S: Final = 1.5
"""A socket that is read seldom counts as read at the telegram if it was so shortly before."""
STEP_S_MAX: Final = 90.0
"""Over a longer time the house has changed too much."""
NOISE_S: Final = 30.0
SIGHTS_KEPT: Final = 8
NOMINAL_V: Final = 230.0


def learn_phases(draft: Draft) -> None:
    """Takes in the tick's telegrams, one at a time: the next is taken up when the last has been weighed."""
    learning = draft.memory.phases
    waiting = learning.waiting
    if draft.freshness is not Freshness.FRESH:
        if waiting is not None or learning.sights:
            draft.memory.phases = replace(learning, waiting=None, sights=())
        return
    if waiting is not None and draft.now_s - waiting.at.monotonic_s >= READ_AFTER_S:
        sight = _sight(draft, waiting)
        learning = replace(learning if sight is None else _seen(draft, learning, sight), waiting=None)
        waiting = None
    for reading in draft.snapshot.grid_readings:
        if waiting is None and not reading.refused and any(current is not None for current in reading.current_a):
            waiting = reading
    if waiting is not learning.waiting:
        learning = replace(learning, waiting=waiting)
    draft.memory.phases = learning


def forget_phases(draft: Draft, it: SocketDraft) -> None:
    """The wiring was corrected: what was learned of one socket is dropped, and a step that is under way with it."""
    learning = draft.memory.phases
    evidence = {name: one for name, one in learning.evidence.items() if name != it.socket.id}
    draft.memory.phases = replace(learning, evidence=evidence, sights=(), waiting=None)
    draft.note(it, Because(Why.PHASES_FORGOTTEN))


def _sight(draft: Draft, reading: GridReading) -> Sight | None:
    """The telegram with what every socket drew; None if one was not read then."""
    at_s = reading.at.monotonic_s
    least_s, most_s = draft.memory.delay.span_s
    measured_s = at_s - (MEASURED_BEFORE_S if draft.memory.delay.known.learned_s is None else (least_s + most_s) / 2)
    steady_s = at_s - max(STEADY_S, most_s + STEADY_BEFORE_S)
    sockets: dict[SocketId, PerPhase] = {}
    blur_a: dict[SocketId, float] = {}
    for it in draft.each():
        if not it.socket.metered or it.meter_age_s > SOCKET_METER_QUIET_S:
            continue  # what nobody sees is the house
        drawn = _drawn(it, at_s, measured_s, steady_s)
        if drawn is None:
            return None
        sockets[it.socket.id], apart_a = drawn
        if apart_a > STEADY_A:
            blur_a[it.socket.id] = apart_a
    amps: list[float | None] = []
    signed: list[bool] = []
    for p in PHASES:
        value, has_sign = phase_a(reading, p)
        amps.append(value)
        signed.append(has_sign)
    exports = reading.export_w is not None and reading.export_w > 0.0
    return Sight(
        at_s,
        (amps[0], amps[1], amps[2]),
        (signed[0], signed[1], signed[2]),
        EXPORT_TOLD if exports else EXPORT_UNTOLD,
        sockets,
        blur_a,
    )


def phase_a(reading: GridReading, phase: int) -> tuple[float | None, bool]:
    """A grid phase as what adds up: its active power as a current with sign; without that, the bare magnitude."""
    current_a = reading.current_a[phase]
    power_w = reading.net_power_w[phase]
    voltage_v = reading.voltage_v[phase] or NOMINAL_V
    if current_a is None:
        return None, False
    if power_w is None:
        return abs(current_a), False
    return power_w / min(max(voltage_v, NOMINAL_V / 2), VOLTAGE_HIGHEST_V), True


def _drawn(it: SocketDraft, at_s: float, measured_s: float, steady_s: float) -> tuple[PerPhase, float] | None:
    """What a socket most likely drew when the telegram was measured, and by how much it changed around it; None if it
    was not read then."""
    samples = it.memory.samples
    if not samples or samples[-1].at_s < at_s - READ_BEFORE_S:
        return None
    around = []
    for sample in reversed(samples):
        around.append(sample)
        if sample.at_s <= steady_s:
            break
    else:
        return None
    drawn = min(around, key=lambda sample: abs(sample.at_s - measured_s)).current_a
    apart_a = 0.0
    for sample in around:
        if sample.current_a != drawn:
            for was, now in zip(sample.current_a, drawn, strict=True):
                apart_a = max(apart_a, abs(was - now))
    return drawn, apart_a


def _seen(draft: Draft, learning: PhaseLearning, sight: Sight) -> PhaseLearning:
    """After one sight: a step is weighed; without one the house has shown how it changes."""
    sights = learning.sights
    if not sights or sight.at_s - sights[-1].at_s > STEP_S_MAX:
        return replace(learning, sights=(sight,))
    before = sights[-1]
    if sight.blur_a and sight.at_s - before.at_s < PATIENCE_S:
        return learning
    steps = _steps(draft, before, sight)
    if steps:
        known = {name: learning.evidence.get(name) or _nothing(draft, name) for name in steps}
        blur_a = {name: max(before.blur_a.get(name, 0.0), sight.blur_a.get(name, 0.0)) for name in steps}
        weighed_now = weighed(known, Step(steps, blur_a, _grid(before, sight)), learning.noise)
        judged = {name: one.judged(draft.sockets[name].socket.phases) for name, one in weighed_now.items()}
        return replace(learning, evidence={**learning.evidence, **judged}, sights=(sight,))
    old = next((one for one in sights if sight.at_s - one.at_s <= NOISE_S), before)
    noise = tuple(
        heard.heard(now_a - was_a) if was_a is not None and now_a is not None else heard
        for heard, was_a, now_a in zip(learning.noise, old.amps, sight.amps, strict=True)
    )
    return replace(learning, noise=(noise[0], noise[1], noise[2]), sights=(*sights[1 - SIGHTS_KEPT :], sight))


def _nothing(draft: Draft, name: SocketId) -> PhaseEvidence:
    return PhaseEvidence.none(len(draft.sockets[name].socket.phases))


def _steps(draft: Draft, before: Sight, after: Sight) -> dict[SocketId, PerPhase]:
    """What each socket that changed has changed by, in its own phases."""
    steps: dict[SocketId, PerPhase] = {}
    for name, now in after.sockets.items():
        was = before.sockets.get(name)
        blurred = name in before.blur_a or name in after.blur_a
        if was is None or (was == now and not blurred):
            continue
        step = (now[0] - was[0], now[1] - was[1], now[2] - was[2])
        phases = len(draft.sockets[name].socket.phases)
        if blurred or apart(step, phases) >= MOVES_A or max(abs(one) for one in step) >= MOVES_A:
            steps[name] = step
    return steps


def _grid(before: Sight, after: Sight) -> list[PhaseAmps | None]:
    out: list[PhaseAmps | None] = []
    for p in PHASES:
        was, now = before.amps[p], after.amps[p]
        if was is None or now is None:
            out.append(None)
            continue
        signed = before.signed[p] and after.signed[p]
        if not signed:
            was, now = abs(was), abs(now)
        out.append(PhaseAmps(was, now, signed, (before.exported, after.exported)))
    return out
