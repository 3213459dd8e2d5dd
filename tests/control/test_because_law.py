"""Whoever waits or gets less than could be has a reason with its figures, in both languages, at every tick."""

import random
from collections import Counter

import pytest

from gateway.control.state import SessionPhase, SocketState
from gateway.ids import SocketId
from gateway.publish.words import Language, reason
from gateway.site.because import Because, Why
from gateway.site.topology import Socket
from tests.campaigns._random_cabinet import cabinet_of
from tests.control.cabinet_world import Cabinet
from tests.control.test_laws import disturb

WAITS = frozenset({SessionPhase.QUEUED, SessionPhase.PAUSED})
NAMES_A_PHASE = frozenset(
    {Why.FUSE_BINDS, Why.QUEUED, Why.QUEUED_BEHIND, Why.OVERLOAD, Why.HEAT, Why.POWER_WAITS, Why.ROOM_LOST}
)
NAMES_AMPERES = NAMES_A_PHASE - {Why.QUEUED_BEHIND, Why.HEAT} | {Why.LIMIT_BY_COMMAND}
NAMES_A_TIME = frozenset({Why.MINIMUM_OFF, Why.RAISE_WAITS, Why.RESTART_WAITS})
NO_REASON_TO_WAIT = frozenset({Why.IDLE, Why.FULL_SPEED, Why.FUSE_BINDS})
NO_REASON_FOR_LESS = frozenset({Why.IDLE, Why.FULL_SPEED, Why.RESERVED})


def complaints(cabinet: Cabinet, socket: Socket, own: SocketState) -> list[str]:
    """What is wrong with the reason of one socket."""
    because = own.because
    phase = None if own.session is None else own.session.phase
    wrong = []
    if phase in WAITS and because.why in NO_REASON_TO_WAIT:
        wrong.append(f"waits because {because.why}")
    cap_a = min(socket.rating_a, own.limit_by_command_a or socket.rating_a)
    limited = phase is SessionPhase.CHARGING and socket.wallbox is not None and own.granted_a < cap_a - 0.01
    if limited and because.why in NO_REASON_FOR_LESS:
        wrong.append(f"gets {own.granted_a} of {cap_a} A because {because.why}")
    if phase in WAITS or limited:
        wrong += lacking(because, cabinet.at_s)
    return wrong


def lacking(because: Because, now_s: float) -> list[str]:
    """The figures that a reason should have and has not."""
    wrong = []
    if because.why in NAMES_A_PHASE and (because.fuse is None or because.phase is None):
        wrong.append(f"{because.why} names no fuse phase")
    if because.why in NAMES_AMPERES and because.current_a is None:
        wrong.append(f"{because.why} names no amperes")
    if because.why in NAMES_A_TIME and (because.until_s is None or because.until_s < now_s):
        wrong.append(f"{because.why} names no time to come: {because.until_s} at {now_s}")
    if because.why is Why.SESSIONS_MAX and because.fuse is None:
        wrong.append("sessions_max names no fuse")
    for language in Language:
        text = reason(because, language, now_s)
        if not text or "{" in text or (because.why in NAMES_AMPERES and ("okänd" in text or "unknown" in text)):
            wrong.append(f"{because.why} reads {text!r}")
    return wrong


@pytest.mark.parametrize(("seed", "faults"), [(seed, seed % 2 == 0) for seed in range(12)])
def test_whoever_waits_or_gets_less_has_a_reason_with_its_figures(seed: int, faults: bool) -> None:
    chance = random.Random(seed)
    cabinet = cabinet_of(chance, 12)
    wrong: Counter[str] = Counter()
    first: dict[str, tuple[float, SocketId]] = {}
    for _ in range(400):
        disturb(cabinet, chance, faults=faults)
        cabinet.step()
        for name, own in cabinet.state.sockets.items():
            for complaint in complaints(cabinet, cabinet.site.sockets[name], own):
                wrong[complaint.split(":")[0]] += 1
                first.setdefault(complaint, (cabinet.at_s, name))
    assert not wrong, (wrong.most_common(8), list(first.items())[:6])


def test_the_law_sees_a_reason_without_its_figures() -> None:
    assert lacking(Because(Why.QUEUED), 0.0)
    assert lacking(Because(Why.MINIMUM_OFF, until_s=5.0), 10.0)
    assert not lacking(Because(Why.GRID_FALLBACK), 0.0)
