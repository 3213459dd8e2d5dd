"""A meter's delay is learned from the sockets' steps, within bounds that hold, and the estimate never falls for it."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.checkpoint import ControlCheckpoint
from gateway.control.memory import Memory
from gateway.control.past import Past
from gateway.control.recovery import recover
from gateway.control.telegram_delay import (
    DELAY_S_MAX,
    DELAYS_S,
    STEPS_KEPT,
    STEPS_MIN,
    USUAL_S,
    WRONG_ONE_IN,
    DelayLearning,
    DelaySight,
    TelegramDelay,
    step_bounds,
)
from gateway.quantities import PerPhase
from gateway.site.wishes import SaveCheckpoint
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, instant, site, wallbox

QUIET = (0.3, 0.3, 0.3)


def cabin(every_s: int, delay_s: int) -> Cabinet:
    boxes = wallbox("p0", rating_a=16.0), wallbox("p1", rating_a=16.0)
    told = site(*boxes, fuses=(fuse(rating_a=50.0),), house_load_a_max=(20.0, 20.0, 20.0))
    return Cabinet(told, house_a=[4.0, 5.0, 3.0], telegram_every_s=every_s, telegram_lag_s=delay_s)


def visits(world: Cabinet, number: int, seed: int = 1, noise_a: float = 0.0) -> None:
    """Cars come and go; the house swings around what it was."""
    chance = Random(seed)
    house_a = list(world.house_a)

    def swing(cabinet: Cabinet) -> None:
        if noise_a and chance.random() < 0.2:
            cabinet.house_a = [max(0.0, one + chance.gauss(0.0, noise_a)) for one in house_a]

    for turn in range(number):
        name = f"p{turn % 2}"
        world.plug(name, Car(limit_a=chance.choice((10.0, 13.0, 16.0)), phases=chance.choice((1, 3))))
        world.run(chance.randint(60, 75), swing)
        world.place(name).car = None
        world.run(chance.randint(30, 45), swing)


@pytest.mark.parametrize("every_s", [1, 10])
@pytest.mark.parametrize("delay_s", [0, 2, 6, 10])
def test_the_delay_is_learned_within_two_seconds(every_s: int, delay_s: int) -> None:
    world = cabin(every_s, delay_s)
    visits(world, 14, seed=delay_s, noise_a=0.7)
    learned = world.state.grid_delay_s
    assert learned is not None
    least_s, most_s = learned
    assert least_s <= delay_s <= most_s
    assert most_s - least_s <= 6.0


def test_kettles_and_stoves_make_the_span_wider_and_not_wrong() -> None:
    world, chance = cabin(10, 6), Random(7)
    house_a = list(world.house_a)
    kettles_a = [0.0, 0.0, 0.0]

    def cook(cabinet: Cabinet) -> None:
        for phase in range(3):
            if chance.random() < 0.01:
                kettles_a[phase] = 0.0 if kettles_a[phase] else chance.choice((4.0, 9.0, 13.0))
            cabinet.house_a[phase] = house_a[phase] + kettles_a[phase] + chance.uniform(0.0, 0.8)

    for turn in range(16):
        name = f"p{turn % 2}"
        world.plug(name, Car(limit_a=chance.choice((10.0, 13.0, 16.0)), phases=chance.choice((1, 3))))
        world.run(chance.randint(60, 75), cook)
        world.place(name).car = None
        world.run(chance.randint(30, 45), cook)
    learned = world.state.grid_delay_s
    assert learned is not None
    assert learned[0] <= 6.0 <= learned[1]


def test_until_there_are_enough_steps_the_usual_span_holds() -> None:
    world = cabin(10, 6)
    visits(world, 2)
    assert world.state.grid_delay_s is None
    assert world.state.memory.delay.span_s == USUAL_S
    assert 0 < len(world.state.memory.delay.known.steps) < STEPS_MIN


def test_what_was_learned_is_kept_over_a_restart_and_dropped_when_another_meter_speaks() -> None:
    known = TelegramDelay("m1", ((4.0, 7.0),) * STEPS_MIN)
    text = replace(ControlCheckpoint(), delay_meter="m1", delay_steps=known.steps).to_text()
    told = site(wallbox("p0"))
    state = recover(told, Past((), (), text), instant(0.0))
    assert state.memory.delay == DelayLearning.of(known)
    assert state.grid_delay_s == (3.0, 8.0)
    assert known.of_meter("") is known
    assert known.of_meter("m1") is known
    assert known.of_meter("m2") == TelegramDelay("m2")
    assert TelegramDelay("", known.steps).of_meter("m1") == known


def test_a_learned_step_is_saved_at_once_and_an_older_checkpoint_knows_none() -> None:
    world = cabin(10, 6)
    visits(world, 2)
    saved = [wish for _, wish in world.log if isinstance(wish, SaveCheckpoint)][-1]
    assert ControlCheckpoint.from_text(saved.text).delay_steps == world.state.memory.delay.known.steps
    assert '"delay_steps":[],' in ControlCheckpoint().to_text()
    text = ControlCheckpoint().to_text().replace('"delay_steps":[],', "").replace('"delay_meter":"",', "")
    assert ControlCheckpoint.from_text(text) == ControlCheckpoint()


def sight(at_s: float, amps: float, drawn: dict[float, float]) -> DelaySight:
    """drawn: what flowed from each moment on (s, A), the same for all phases."""
    rows: list[PerPhase] = []
    for delay_s in DELAYS_S:
        flows = [current_a for since_s, current_a in drawn.items() if since_s <= at_s - delay_s]
        rows.append((flows[-1], flows[-1], flows[-1]))
    return DelaySight(at_s, (amps, amps, amps), (), tuple(rows), tuple(rows))


def test_a_step_says_between_which_delays_it_is_explained() -> None:
    drawn = {-100.0: 0.0, 97.0: 10.0}
    before, between, after = sight(90.0, 5.0, drawn), sight(100.0, 5.0, drawn), sight(110.0, 15.0, drawn)
    assert step_bounds(before, between, QUIET) is None
    assert step_bounds(between, after, QUIET) == (3.5, 13.0)


def test_a_step_of_the_house_or_of_a_silent_socket_says_nothing() -> None:
    drawn = {-100.0: 0.0}
    before, after = sight(90.0, 5.0, drawn), sight(100.0, 15.0, drawn)
    assert step_bounds(before, after, QUIET) is None
    assert step_bounds(before, replace(after, amps=(None, None, None)), QUIET) is None
    drawn = {-100.0: 0.0, 97.0: 10.0}
    before, after = sight(90.0, 5.0, drawn), sight(100.0, 15.0, drawn)
    assert step_bounds(before, after, QUIET) == (0.0, 3.0)
    assert step_bounds(before, replace(after, silent=(next(iter(cabin(10, 0).places)),)), QUIET) is None


@given(st.integers(0, 30), st.integers(0, 2**32), st.integers(0, STEPS_KEPT // WRONG_ONE_IN))
def test_one_delay_lies_within_what_is_learned_of_it_though_one_step_in_twenty_is_wrong(
    grains: int, seed: int, wrong: int
) -> None:
    chance, delay_s = Random(seed), grains / 2
    known = TelegramDelay()
    for turn in range(STEPS_KEPT):
        shown_s = chance.uniform(0.0, 10.0)
        bounds = max(0.0, delay_s - shown_s), min(DELAY_S_MAX, delay_s + 10.0 - shown_s)
        if turn < wrong:
            wrong_s = chance.uniform(0.0, DELAY_S_MAX)
            bounds = wrong_s, wrong_s
        known = known.told(bounds, again=False)
    learned = known.learned_s
    assert learned is not None
    least_s, most_s = learned
    assert 0.0 <= least_s <= delay_s <= most_s <= DELAY_S_MAX


def test_a_delay_that_varies_is_as_wide_as_its_steps_say() -> None:
    known = TelegramDelay()
    for turn in range(STEPS_KEPT):
        known = known.told((2.0, 3.0) if turn % 2 else (8.0, 9.0), again=False)
    assert known.learned_s == (2.0, 9.0)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 2**32),
    st.integers(0, 15).flatmap(lambda most: st.tuples(st.integers(0, most), st.just(most))),
    st.sampled_from([1, 2, 10]),
)
def test_the_estimate_of_a_steady_house_never_falls_below_it_wherever_in_its_bounds_the_delay_lies(
    seed: int, span: tuple[int, int], every_s: int
) -> None:
    """What was learned may be wrong by as much as it says; cars come, go, and change their currents all the time."""
    chance = Random(seed)
    delay_s = chance.randint(*span)
    world = cabin(every_s, delay_s)
    known = TelegramDelay("", ((float(span[0]), float(span[1])),) * 2)
    bounds = float(span[0]), float(span[1])
    learned = DelayLearning(known, bounds, likely_s=bounds)
    for place in world.places.values():
        place.setpoint_a = 0.0
    for _ in range(240):
        if chance.random() < 0.1:
            name = chance.choice(("p0", "p1"))
            car = Car(limit_a=chance.uniform(6.0, 16.0), phases=chance.choice((1, 3)))
            world.place(name).car = None if chance.random() < 0.3 else car
        world.state = replace(world.state, memory=_with(world, learned))
        world.step()
        for house_a, true_a in zip(world.state.house_a, world.house_a, strict=True):
            assert house_a is None or house_a >= true_a - 1e-6, (world.at_s, house_a, true_a, delay_s)


def _with(world: Cabinet, learned: DelayLearning) -> Memory:
    memory = world.state.memory.copy()
    memory.sockets = dict(world.state.memory.sockets)
    memory.delay = replace(learned, waiting=None)
    return memory


def test_a_few_steps_that_the_house_made_do_not_blur_what_is_likely() -> None:
    known = TelegramDelay()
    for turn in range(STEPS_KEPT):
        known = known.told((6.0, 8.5) if turn % 10 == 0 else (1.0, 3.5), again=False)
    assert known.learned_s == (0.0, 7.0)
    assert known.likely_s == (1.0, 3.5)


def test_of_a_delay_that_is_one_of_two_both_are_likely() -> None:
    known = TelegramDelay()
    for turn in range(STEPS_KEPT):
        known = known.told((2.0, 3.0) if turn % 2 else (8.0, 9.0), again=False)
    assert known.likely_s == (2.0, 9.0)
