"""How often somebody may try a card or a code: so many at once, then one after each rest, whatever the place.

What can be guessed (PIN, one-time code) is counted over the whole site as well, since who tries may go from socket to
socket. A try is counted before it is judged and given back to who is known, so that a power cut in between gives none
for free; after a restart a count goes on from where it stood when it was last stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.site.requests import Source


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many wrong tries at once, and one more after each `rest_s`."""

    at_once: int
    rest_s: float


SECRET: Final = Allowance(5, 600.0)
SECRET_OF_SITE: Final = Allowance(20, 1800.0)
"""Who guesses PINs of six digits without a pause, where twenty users have one, gets in once in about three years."""
CARD: Final = Allowance(20, 30.0)
GUESSABLE: Final = frozenset({Source.PIN, Source.CODE})
SITE: Final = "site"


@dataclass(slots=True)
class Tries:
    """spent: tries that still count, by place, as they stood at `at_s` (monotonic seconds)."""

    at_s: float
    spent: dict[str, float] = field(default_factory=dict)

    def wait_s(self, place: str, means: Source, now_s: float) -> float:
        """0: a try is free now; else how long until one is."""
        self._recover(now_s)
        return max(
            max(0.0, self.spent.get(name, 0.0) + 1.0 - allowance.at_once) * allowance.rest_s
            for name, allowance in _counts(place, means)
        )

    def spend(self, place: str, means: Source) -> None:
        """Counts one try."""
        for name, _ in _counts(place, means):
            self.spent[name] = self.spent.get(name, 0.0) + 1.0

    def give_back(self, place: str, means: Source) -> None:
        """It was no wrong one."""
        for name, _ in _counts(place, means):
            self.spent[name] = max(0.0, self.spent.get(name, 0.0) - 1.0)

    def lasting(self) -> dict[str, float]:
        """What has to survive a restart: the counts of what can be guessed."""
        return {name: spent for name, spent in self.spent.items() if name.endswith(_GUESSED) and spent > 0.0}

    def _recover(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self.at_s)
        self.at_s = now_s
        for name, spent in self.spent.items():
            self.spent[name] = max(0.0, spent - passed_s / _rest_s(name))


_GUESSED: Final = " guessable"


def _rest_s(name: str) -> float:
    if not name.endswith(_GUESSED):
        return CARD.rest_s
    return (SECRET_OF_SITE if name == f"{SITE}{_GUESSED}" else SECRET).rest_s


def _counts(place: str, means: Source) -> Iterable[tuple[str, Allowance]]:
    if means in GUESSABLE:
        return ((f"{place}{_GUESSED}", SECRET), (f"{SITE}{_GUESSED}", SECRET_OF_SITE))
    return ((f"{place} card", CARD),)


def tries_after(stored: Mapping[str, float], now_s: float) -> Tries:
    """The counts after a restart: nothing has recovered meanwhile, since nobody knows how long it was."""
    return Tries(now_s, {name: min(max(0.0, spent), float(SECRET_OF_SITE.at_once)) for name, spent in stored.items()})


def all_spent(now_s: float) -> Tries:
    """Nothing that can be guessed is free: what was counted is not known."""
    return tries_after({f"{SITE}{_GUESSED}": SECRET_OF_SITE.at_once}, now_s)
