"""What is seen of a complaint that is played, and the checks that give what went wrong in it, or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from hil.bench.judge import Verdict
from hil.world.phases import Triple

HIGH_S = 60
"""Seconds above the rating that a step of the house may cost in these scenarios: one telegram late, one obeyed."""


@dataclass
class Seen:
    """What was seen, second by second: offers, currents, the main fuse's phases, what boxes were told."""

    offered: list[Mapping[str, float]] = field(default_factory=list)
    drawn: list[Mapping[str, float]] = field(default_factory=list)
    told: list[Mapping[str, float]] = field(default_factory=list)
    closed: list[Mapping[str, bool]] = field(default_factory=list)
    main: list[Triple] = field(default_factory=list)
    phase_switchings: int = 0
    phase_switchings_hot: int = 0
    verdict: Verdict | None = None

    def offers(self, name: str, from_s: int, to_s: int | None = None) -> list[float]:
        return [each[name] for each in self.offered[from_s:to_s]]

    def draws(self, name: str, from_s: int, to_s: int | None = None) -> list[float]:
        return [each[name] for each in self.drawn[from_s:to_s]]

    def over_s(self, rating_a: float, from_s: int = 0) -> int:
        return sum(max(each) > rating_a * 1.01 for each in self.main[from_s:])

    def switched(self, name: str) -> int:
        """How often the contactor moved."""
        states = [each[name] for each in self.closed]
        return sum(a != b for a, b in pairwise(states))


Check = Callable[[Seen], str]


def never_over(seen: Seen, allowed_s: int = 0) -> str:
    over_s = seen.over_s(25.0)
    return f"{over_s} s above the rating" if over_s > allowed_s else ""


def throttles(seen: Seen) -> str:
    least_a = min(seen.offers("p1", 300))
    return "" if least_a >= 6.0 else f"offered {least_a:g} A though 9 A were free"


def few_switchings(seen: Seen) -> str:
    assert seen.verdict is not None
    cuts = seen.verdict.switchings
    return f"switched off {cuts} times in an hour" if cuts > 10 else ""


def gets(name: str, least_a: float, from_s: int) -> Check:
    def check(seen: Seen) -> str:
        drawn = seen.draws(name, from_s, from_s + 300)
        got_a = sum(drawn) / len(drawn)
        return "" if got_a >= least_a else f"{name} draws {got_a:.1f} A, {least_a:g} A were there"

    return check


def all_of(*checks: Check) -> Check:
    return lambda seen: "; ".join(words for check in checks if (words := check(seen)))


def safe_when_blind(most_a: float, from_s: int, to_s: int) -> Check:
    def check(seen: Seen) -> str:
        highest = max(seen.offers("p1", from_s, to_s))
        return f"offers {highest:g} A without knowing the house" if highest > most_a else ""

    return check


def whole_amperes(seen: Seen) -> str:
    odd = {amperes for each in seen.told for amperes in each.values() if abs(amperes - round(amperes)) > 1e-6}
    return f"tells a box of whole amperes {min(odd):.2f} A" if odd else ""


def calm(seen: Seen) -> str:
    changes = 0
    for name in seen.offered[0]:
        offers = seen.offers(name, 1200)
        changes += sum(a != b for a, b in pairwise(offers))
    return f"{changes} changes in 20 minutes though nothing happens" if changes > 8 else ""


def one_step_down(seen: Seen) -> str:
    least_a = min(seen.offers("p1", 700, 900))
    return "" if least_a >= 9.0 else f"came down to {least_a:g} A where 10 A fit"


def no_relay_loop(most: int) -> Check:
    def check(seen: Seen) -> str:
        moves = seen.switched("p1")
        return f"its contactor moved {moves} times" if moves > most else ""

    return check


def started(*names: str, by_s: int) -> Check:
    def check(seen: Seen) -> str:
        late = [name for name in names if max(seen.draws(name, 0, by_s)) < 5.0]
        return f"{', '.join(late)} had nothing by {by_s} s" if late else ""

    return check


def switches_phases(least: int, most: int) -> Check:
    def check(seen: Seen) -> str:
        if seen.phase_switchings_hot:
            return "phases were switched under load"
        within = least <= seen.phase_switchings <= most
        return "" if within else f"phases were switched {seen.phase_switchings} times"

    return check
