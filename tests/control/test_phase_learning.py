"""A socket on other phases than the config says is named; a right one never, and balanced currents prove nothing."""

from dataclasses import replace
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.control.checkpoint import ControlCheckpoint, phases_kept, phases_known
from gateway.control.past import Past
from gateway.control.phase_evidence import (
    SAYS_MOST,
    WEIGHT_MAX,
    HouseNoise,
    PhaseAmps,
    PhaseEvidence,
    PhaseVerdict,
    Step,
    rotations,
    weighed,
)
from gateway.control.recovery import recover
from gateway.ids import SocketId
from gateway.quantities import PHASES, Phase
from gateway.site.because import Why
from gateway.site.requests import ForgetPhases
from gateway.site.topology import Site
from gateway.site.wishes import NoteEvent, SaveCheckpoint
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, instant, site, wallbox

L1, L2, L3 = PHASES
QUIET = (HouseNoise(), HouseNoise(), HouseNoise())
A = SocketId("a")
B = SocketId("b")


class WiredCabinet(Cabinet):
    """The world is wired otherwise than the config says."""

    wired: dict[str, tuple[Phase, ...]]

    def main_a(self) -> list[float]:
        total = list(self.house_a)
        for name, place in self.places.items():
            phases = self.wired.get(str(name), place.socket.phases)
            for own, current_a in enumerate(place.phase_currents()):
                total[phases[own]] += current_a
        return total


def cabinet(told: Site, **wired: tuple[Phase, ...]) -> WiredCabinet:
    made = WiredCabinet(told, house_a=[2.0, 3.0, 1.0])
    made.wired = wired
    made.run(60)
    return made


def visit(world: Cabinet, name: str, phases: int, seconds: float = 60.0) -> None:
    """A car comes, charges for a while, and leaves."""
    world.plug(name, Car(limit_a=13.0, phases=phases))
    world.run(seconds)
    world.place(name).car = None
    world.run(60)


def events(world: Cabinet) -> list[NoteEvent]:
    told = [wish for _, wish in world.log if isinstance(wish, NoteEvent)]
    return [wish for wish in told if wish.because.why is Why.PHASES_CROSSED]


def single(name: str, phase: Phase) -> Site:
    return site(wallbox(name, phases=(phase,)), fuses=(fuse(rating_a=25.0),))


def test_a_socket_on_another_phase_than_the_config_says_is_named_once_with_the_phase() -> None:
    world = cabinet(single("a", L1), a=(L3,))
    for _ in range(6):
        visit(world, "a", 1)
    (event,) = events(world)
    assert event.socket == A
    assert event.because.phase is L3
    problem = world.state.sockets[A].problem
    assert problem is not None
    assert problem.why is Why.PHASES_CROSSED
    assert world.state.phases[A].verdict((L1,)) is PhaseVerdict.CROSSED


def test_a_right_socket_is_proven_and_never_named() -> None:
    world = cabinet(single("a", L2))
    for _ in range(6):
        visit(world, "a", 1)
    assert not events(world)
    assert world.state.phases[A].verdict((L2,)) is PhaseVerdict.PROVEN
    assert world.state.phases[A].on(0, L2) > 0.999


def test_balanced_three_phase_starts_leave_a_crossed_socket_unproven() -> None:
    world = cabinet(site(wallbox("a"), fuses=(fuse(rating_a=25.0),)), a=(L2, L3, L1))
    for _ in range(6):
        visit(world, "a", 3)
    assert not events(world)
    evidence = world.state.phases[A]
    assert evidence.verdict((L1, L2, L3)) is PhaseVerdict.UNPROVEN
    assert evidence.steps == 0
    assert evidence.balanced >= 6


def test_a_single_phase_car_shows_the_first_phase_of_a_three_phase_socket() -> None:
    world = cabinet(site(wallbox("a"), fuses=(fuse(rating_a=25.0),)), a=(L2, L3, L1))
    for _ in range(6):
        visit(world, "a", 1)
    (event,) = events(world)
    assert event.because.phase is L2
    assert world.state.phases[A].likeliest() == (L2, None, None)


def test_currents_without_a_sign_are_weighed_as_import_and_as_export() -> None:
    """The roof feeds 20 A into each phase: every start makes the magnitude fall."""
    evidence = {A: PhaseEvidence.none(1)}
    for _ in range(6):
        grid = [PhaseAmps(20.0, 20.0, False, (0.5, 0.5)) for _ in PHASES]
        grid[L2] = PhaseAmps(20.0, 7.0, False, (0.5, 0.5))
        evidence |= weighed(evidence, Step({A: (13.0, 0.0, 0.0)}, {}, grid), QUIET)
    assert evidence[A].verdict((L2,)) is PhaseVerdict.PROVEN


def test_two_sockets_that_always_start_together_are_told_apart_by_what_they_draw() -> None:
    evidence = {A: PhaseEvidence.none(1), B: PhaseEvidence.none(1)}
    for _ in range(8):
        grid = [PhaseAmps(2.0, 2.0 + step_a, True) for step_a in (13.0, 0.0, 8.0)]
        evidence |= weighed(evidence, Step({A: (8.0, 0.0, 0.0), B: (13.0, 0.0, 0.0)}, {}, grid), QUIET)
    assert evidence[A].verdict((L3,)) is PhaseVerdict.PROVEN
    assert evidence[B].verdict((L1,)) is PhaseVerdict.PROVEN


def test_two_sockets_that_always_start_together_alike_stay_unproven() -> None:
    evidence = {A: PhaseEvidence.none(1), B: PhaseEvidence.none(1)}
    for _ in range(30):
        grid = [PhaseAmps(2.0, 2.0 + step_a, True) for step_a in (10.0, 0.0, 10.0)]
        evidence |= weighed(evidence, Step({A: (10.0, 0.0, 0.0), B: (10.0, 0.0, 0.0)}, {}, grid), QUIET)
    for phase in (L1, L3):
        assert evidence[A].judged((phase,)).verdict((phase,)) is PhaseVerdict.UNPROVEN
    assert evidence[A].on(0, L2) < 0.01


def test_more_sockets_at_once_than_can_be_told_apart_are_unclear() -> None:
    names = [SocketId(f"s{n}") for n in range(8)]
    evidence = {name: PhaseEvidence.none(3) for name in names}
    grid = [PhaseAmps(0.0, 40.0, True) for _ in PHASES]
    after = weighed(evidence, Step(dict.fromkeys(names, (10.0, 0.0, 0.0)), {}, grid), QUIET)
    assert all(after[name].unclear == 1 and not any(after[name].weights) for name in names)


def test_a_cabinet_that_is_wired_anew_is_believed_after_a_dozen_steps_and_the_alarm_ends() -> None:
    evidence = PhaseEvidence.none(1)
    for _ in range(500):
        evidence = evidence.told((0.0, -9.0, -9.0)).judged((L2,))
    assert evidence.named
    steps = 0
    while evidence.named:
        evidence = evidence.told((-9.0, 0.0, -9.0)).judged((L2,))
        steps += 1
    assert steps <= 2 * WEIGHT_MAX / SAYS_MOST


def test_a_config_that_is_corrected_ends_the_alarm_at_once() -> None:
    world = cabinet(single("a", L1), a=(L3,))
    for _ in range(6):
        visit(world, "a", 1)
    texts = [wish.text for _, wish in world.log if isinstance(wish, SaveCheckpoint)]
    past = Past((), (), texts[-1])
    same = recover(single("a", L1), past, instant(0.0))
    corrected = recover(single("a", L3), past, instant(0.0))
    assert same.phases[A].verdict((L1,)) is PhaseVerdict.CROSSED
    assert corrected.phases[A].verdict((L3,)) is PhaseVerdict.PROVEN
    assert not recover(site(wallbox("a")), past, instant(0.0)).phases


def test_nothing_is_learned_from_a_port_that_is_not_fresh() -> None:
    world = cabinet(single("a", L1), a=(L3,))
    world.grid_refused = ("power",)
    for _ in range(6):
        visit(world, "a", 1)
    assert not world.state.phases


def test_a_house_that_moves_as_much_as_the_car_proves_nothing_quickly() -> None:
    """An oven of 13 A on L3 that comes with the first start of a car on L1 is one step, and worth no more than one."""
    noisy = HouseNoise(usual_a=1.0, large=0.3)
    evidence = {A: PhaseEvidence.none(1)}
    grid = [PhaseAmps(2.0, 2.0 + step_a, True) for step_a in (0.0, 0.0, 13.0)]
    evidence |= weighed(evidence, Step({A: (13.0, 0.0, 0.0)}, {}, grid), (noisy, noisy, noisy))
    assert evidence[A].judged((L1,)).verdict((L1,)) is PhaseVerdict.UNPROVEN
    assert min(evidence[A].weights) >= -SAYS_MOST


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([1, 3]).flatmap(lambda n: st.sampled_from(list(permutations(PHASES, n)))),
    st.integers(0, 10_000),
)
def test_whatever_the_rotation_its_own_steps_never_speak_against_it(rotation: tuple[Phase, ...], seed: int) -> None:
    chance = Random(seed)
    evidence = {A: PhaseEvidence.none(len(rotation))}
    for _ in range(20):
        step = [chance.uniform(-16.0, 16.0) if own < len(rotation) else 0.0 for own in range(3)]
        change = [chance.gauss(0.0, 0.3) for _ in PHASES]
        for own, phase in enumerate(rotation):
            change[phase] += step[own] * chance.uniform(0.98, 1.02)
        grid = [PhaseAmps(20.0, 20.0 + change[phase], True) for phase in PHASES]
        evidence |= weighed(evidence, Step({A: (step[0], step[1], step[2])}, {}, grid), QUIET)
    assert evidence[A].judged(rotation).verdict(rotation) is PhaseVerdict.PROVEN
    assert evidence[A].likeliest() == rotation
    assert sum(evidence[A].probabilities()) == pytest.approx(1.0)


@given(
    st.sampled_from([1, 3]),
    st.lists(st.integers(-2000, 0), min_size=6, max_size=6),
    st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    st.booleans(),
)
def test_evidence_comes_back_from_a_checkpoint_as_it_went(
    phases: int, weights: list[int], counts: list[int], named: bool
) -> None:
    number = len(rotations(phases))
    scale = tuple(one / 100.0 for one in weights[:number])
    went = PhaseEvidence(scale, counts[0], counts[1], counts[2], named)
    text = ControlCheckpoint(phases={"a": phases_kept(went)}).to_text()
    assert phases_known(ControlCheckpoint.from_text(text).phases["a"]) == went


@pytest.mark.parametrize("kept", [[], [1, 2, 3], [1, 2, 3, 0, 0, 0], [1, 2, 3, 0, 5, 0, 0]])
def test_evidence_that_is_none_is_forgotten(kept: list[int]) -> None:
    assert phases_known(kept) is None


def test_a_checkpoint_of_an_older_version_has_no_evidence() -> None:
    text = ControlCheckpoint().to_text().replace('"phases":{},', "")
    assert '"phases"' not in text
    assert not ControlCheckpoint.from_text(text).phases


def test_a_wrong_phase_is_told_only_while_the_config_is_called_wrong() -> None:
    evidence = PhaseEvidence((0.0, -20.0, -20.0))
    assert evidence.wrong_phase((L2,)) is None
    assert replace(evidence, named=True).wrong_phase((L2,)) is L1


def test_what_was_learned_is_forgotten_by_command_and_learned_anew() -> None:
    world = cabinet(single("a", L1), a=(L3,))
    for _ in range(6):
        visit(world, "a", 1)
    assert world.state.phases[A].named
    world.wired = {}
    world.ask(ForgetPhases(A))
    world.run(2)
    assert A not in world.state.phases
    assert world.state.sockets[A].problem is None
    saved = [wish for _, wish in world.log if isinstance(wish, SaveCheckpoint)][-1]
    assert ControlCheckpoint.from_text(saved.text).phases == {}
    for _ in range(6):
        visit(world, "a", 1)
    assert world.state.phases[A].verdict((L1,)) is PhaseVerdict.PROVEN


@pytest.mark.parametrize(("phase", "verdict"), [(L1, PhaseVerdict.CROSSED), (L3, PhaseVerdict.PROVEN), (L2, None)])
def test_evidence_of_an_old_rotation_never_counts_against_a_new_one(phase: Phase, verdict: PhaseVerdict | None) -> None:
    """The socket was seen on L3 while the config said L1. Who corrects the config to that keeps the proof; who rewires
    it to anything else starts anew."""
    world = cabinet(single("a", L1), a=(L3,))
    for _ in range(6):
        visit(world, "a", 1)
    saved = [wish for _, wish in world.log if isinstance(wish, SaveCheckpoint)][-1]
    again = recover(single("a", phase), Past((), (), saved.text), instant(1e6))
    known = again.phases.get(A)
    assert (None if known is None else known.verdict((phase,))) is verdict
