"""The machine's clock is trusted only as far as its discipline vouches for it, and never through a step."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import UtcTrust
from gateway.devices.system_clock import DISTRUST_S, TRUST_KEPT_S, UNCERTAINTY_S_MAX, KernelBound, SystemClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Machine:
    """Both clocks and what the kernel says of them."""

    monotonic_s: float = 100.0
    utc: datetime = NOON
    bound_s: float | None = 0.02
    asked: int = 0

    def pair(self) -> tuple[float, datetime]:
        return self.monotonic_s, self.utc

    def bound(self) -> float | None:
        self.asked += 1
        return self.bound_s

    def pass_s(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.utc += timedelta(seconds=seconds)

    def clock(self) -> SystemClock:
        return SystemClock(self.pair, self.bound)


@pytest.mark.parametrize(
    ("bound_s", "year", "trust"),
    [
        (0.02, 2026, UtcTrust.SYNCHRONISED),
        (UNCERTAINTY_S_MAX, 2026, UtcTrust.SYNCHRONISED),
        (UNCERTAINTY_S_MAX + 0.001, 2026, UtcTrust.INFORMATIVE),
        (None, 2026, UtcTrust.INFORMATIVE),
        (0.02, 1970, UtcTrust.UNKNOWN),
        (None, 1970, UtcTrust.UNKNOWN),
    ],
)
def test_only_a_bounded_error_and_a_possible_year_are_trusted(
    bound_s: float | None, year: int, trust: UtcTrust
) -> None:
    assert Machine(utc=NOON.replace(year=year), bound_s=bound_s).clock().now().utc_trust is trust


def test_a_clock_that_is_set_by_hand_loses_its_trust_at_once_and_not_after_seconds() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now().utc_trust is UtcTrust.SYNCHRONISED
    machine.pass_s(0.1)
    machine.utc += timedelta(hours=1)
    machine.bound_s = None  # the kernel forgets its bound when anybody sets the clock
    assert clock.now().utc_trust is UtcTrust.INFORMATIVE


def test_a_step_of_a_vouched_for_clock_is_doubted_until_it_has_earned_its_trust_anew() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now().utc_trust is UtcTrust.SYNCHRONISED
    machine.utc -= timedelta(seconds=1)
    assert clock.now().utc_trust is UtcTrust.INFORMATIVE
    machine.pass_s(DISTRUST_S - 1)
    assert clock.now().utc_trust is UtcTrust.INFORMATIVE
    machine.pass_s(1)
    assert clock.now().utc_trust is UtcTrust.SYNCHRONISED


def test_the_step_that_first_sets_the_clock_right_is_no_ground_for_doubt() -> None:
    machine = Machine(utc=NOON.replace(year=1970), bound_s=None)
    clock = machine.clock()
    assert clock.now().utc_trust is UtcTrust.UNKNOWN
    machine.utc, machine.bound_s = NOON, 0.05
    assert clock.now().utc_trust is UtcTrust.SYNCHRONISED


def test_the_kernel_is_asked_every_few_seconds_and_not_at_every_look() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(50):
        clock.now()
        machine.pass_s(0.01)
    assert machine.asked == 1
    machine.pass_s(TRUST_KEPT_S)
    machine.bound_s = None
    assert clock.now().utc_trust is UtcTrust.INFORMATIVE


def test_the_discipline_names_its_bound_or_that_there_is_none() -> None:
    machine = Machine()
    assert machine.clock().discipline().uncertainty_s == 0.02
    machine.bound_s = None
    assert (machine.clock().discipline().source, machine.clock().discipline().uncertainty_s) == ("none", None)


def test_the_machine_that_runs_this_has_both_clocks() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.monotonic_s <= second.monotonic_s <= time.monotonic()
    assert abs(first.utc - datetime.now(UTC)) < timedelta(seconds=10)
    bound_s = KernelBound().uncertainty_s()
    assert bound_s is None or bound_s < 16.0
    assert first.utc_trust is not UtcTrust.SYNCHRONISED or bound_s is not None
