"""Takes telegrams and the sockets' readings around them as sights for `telegram_delay`, one at a time."""

from dataclasses import replace
from typing import Final

from gateway.control.draft import Draft, SocketDraft
from gateway.control.estimate import SOCKET_METER_QUIET_S, at_moment
from gateway.control.phase_learning import phase_a
from gateway.control.telegram_delay import (
    DELAY_S_MAX,
    DELAYS_S,
    DelayLearning,
    DelaySight,
    step_bounds,
)
from gateway.ids import SocketId
from gateway.meters.readings import GridReading
from gateway.quantities import PHASES, PerPhase
from gateway.site.freshness import Freshness

READ_AFTER_S: Final = 3.0
"""By then the sockets have been read after the telegram."""
STEADY_S: Final = DELAY_S_MAX + READ_AFTER_S + 2.0
"""Who has drawn evenly for so long counts as it is now."""
MOVERS_MAX: Final = 16
"""If more change at a time they tell little, and cost much."""
BEFORE_S: Final = 12.0
"""Sights are compared over so long: a car has come up by then, and the house has changed little."""
BEFORE_S_MAX: Final = 40.0
SIGHTS_KEPT: Final = 5
AGAIN_S: Final = 20.0
"""A step so soon after another may be the same one seen again."""


def learn_delay(draft: Draft) -> None:
    """Takes in the tick's telegrams, one at a time: the next is taken up when the last has been compared."""
    learning = draft.memory.delay
    waiting = learning.waiting
    if draft.freshness is not Freshness.FRESH:
        if waiting is not None or learning.sights:
            draft.memory.delay = replace(learning, waiting=None, sights=())
        return
    if waiting is not None and draft.now_s - waiting.at.monotonic_s >= READ_AFTER_S:
        learning = _seen(draft, learning, _sight(draft, waiting))
        waiting = None
    for reading in draft.snapshot.grid_readings:
        if not reading.refused and any(current is not None for current in reading.current_a):
            waiting = waiting or reading
            learning = _of_meter(learning, reading.meter_id)
    if waiting is not learning.waiting:
        learning = replace(learning, waiting=waiting)
    draft.memory.delay = learning


def _of_meter(learning: DelayLearning, meter: str) -> DelayLearning:
    known = learning.known.of_meter(meter)
    if known is learning.known:
        return learning
    return replace(DelayLearning.of(known), waiting=learning.waiting)


def _seen(draft: Draft, learning: DelayLearning, sight: DelaySight | None) -> DelayLearning:
    """After one sight, compared with the oldest that is near enough."""
    if sight is None or any(one.named for one in draft.memory.phases.evidence.values()):
        return replace(learning, waiting=None, sights=())
    sights = learning.sights
    near = [one for one in sights if sight.at_s - one.at_s <= BEFORE_S] or list(sights[-1:])
    kept = (*sights[1 - SIGHTS_KEPT :], sight)
    learning = replace(learning, waiting=None, sights=kept)
    if not near or sight.at_s - near[0].at_s > BEFORE_S_MAX:
        return learning
    bounds = step_bounds(near[0], sight, [noise.usual_a for noise in draft.memory.phases.noise])
    if bounds is None:
        return learning
    known = learning.known.told(bounds, again=sight.at_s - learning.told_s <= AGAIN_S)
    return replace(DelayLearning.of(known), sights=kept, told_s=sight.at_s)


def _sight(draft: Draft, reading: GridReading) -> DelaySight | None:
    """The telegram with what every socket drew before it; None if that is not known, or too many changed."""
    at_s = reading.at.monotonic_s
    silent: list[SocketId] = []
    movers: list[SocketDraft] = []
    still = [0.0, 0.0, 0.0]
    for it in draft.each():
        if not it.socket.metered:
            continue
        if it.draw_a is None or it.meter_age_s > SOCKET_METER_QUIET_S:
            silent.append(it.socket.id)
        elif draft.now_s - it.memory.steady_since_s > STEADY_S:
            for own, phase in enumerate(it.socket.phases):
                still[phase] += it.draw_a[own]
        else:
            movers.append(it)
    if len(movers) > MOVERS_MAX or any(it.memory.samples[0].at_s > at_s - DELAY_S_MAX for it in movers):
        return None
    least = [list(still) for _ in DELAYS_S]
    most = [list(still) for _ in DELAYS_S]
    for it in movers:
        around = [*reversed(it.memory.samples)]
        for own, phase in enumerate(it.socket.phases):
            values = [sample.current_a[own] for sample in around]
            for k, delay_s in enumerate(DELAYS_S):
                low, high = at_moment(around, values, at_s - delay_s)
                least[k][phase] += low
                most[k][phase] += high
    amps = [_amps(reading, phase) for phase in PHASES]
    return DelaySight(at_s, (amps[0], amps[1], amps[2]), tuple(silent), _triples(least), _triples(most))


def _amps(reading: GridReading, phase: int) -> float | None:
    """Import positive; None where the sign is not known."""
    value, has_sign = phase_a(reading, phase)
    exports = reading.export_w is not None and reading.export_w > 0.0
    return None if exports and not has_sign else value


def _triples(rows: list[list[float]]) -> tuple[PerPhase, ...]:
    return tuple((row[0], row[1], row[2]) for row in rows)
