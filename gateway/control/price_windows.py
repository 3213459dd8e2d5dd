"""Charging waits for cheap electricity, where the config says so and the prices are known.

Without a price for now, or while nobody knows what time it is, charging goes on as if there were no rule, and people
are told. A session that was told to charge now, or a socket that the config exempts, waits for no price.

Where its plan says when a session leaves, that comes before the price:

| until it leaves                                      | it charges                                      |
|------------------------------------------------------|-------------------------------------------------|
| it should have left, or nothing can be cheap         | now                                             |
| less cheap time than its minimum energy may take     | now, until that is left which cheap time allows |
| enough                                               | in cheap time; of `cheapest_h` until it leaves  |

Waiting for a price is not waiting in line: it takes nothing of anybody's patience.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from gateway.clock import UtcTrust
from gateway.control.draft import Draft, SocketDraft
from gateway.control.ranking import VOLTS, missing_kwh, wait_outside_the_line
from gateway.control.restraint_state import PriceState
from gateway.control.state import SessionPhase
from gateway.site.because import Because, Why
from gateway.site.prices import PriceRule, PriceSeries

HOUR: Final = timedelta(hours=1)
QUARTERS: Final = tuple(timedelta(minutes=minutes) for minutes in (0, 15, 30, 45))
START_S: Final = 900.0
"""So long it may take until a session draws: others make way, the begin reading is taken and signed, the box obeys."""
Span = tuple[datetime, datetime]
WAITING: Final = frozenset({SessionPhase.QUEUED, SessionPhase.PAUSED, SessionPhase.CHARGING})


def wait_for_prices(draft: Draft) -> None:
    """Holds back the sessions that wait for a cheaper time, each with the time until it comes."""
    restraints = draft.tree.site.restraints
    rule = restraints.prices
    if rule is None:
        return
    _forget_ended(draft)
    series = draft.snapshot.outside.prices
    trusted = draft.now.utc_trust is UtcTrust.SYNCHRONISED
    slot = None if series is None or not trusted else series.at(draft.now.utc)
    was = draft.restraints.price
    state = PriceState(slot is not None, None if slot is None else slot.price, "" if series is None else series.unit)
    if series is None or slot is None:
        if was is not None and was.known:
            draft.note(None, Because(Why.PRICE_UNKNOWN))
        draft.restraints = replace(draft.restraints, price=state)
        return
    hours = _Hours(rule, series, restraints.time_zone, was.hours if was is not None and was.series is series else {})
    for it in draft.each():
        if it.phase in WAITING and it.socket.id not in draft.restraints.charge_now | restraints.price_exempt:
            turn = _turn(draft, it, rule, hours)
            if turn != draft.now.utc:
                until_s = None if turn is None else draft.now_s + (turn - draft.now.utc).total_seconds()
                it.restraint = it.restraint or Because(Why.PRICE_WAITS, until_s=until_s)
                wait_outside_the_line(draft, it)
    draft.restraints = replace(draft.restraints, price=replace(state, series=series, hours=hours.known))


def _forget_ended(draft: Draft) -> None:
    """`Charge now` holds for one session."""
    asked = draft.restraints.charge_now
    kept = frozenset(
        name
        for name in asked
        if draft.sockets[name].session is not None or draft.sockets[name].memory.successor is not None
    )
    if kept != asked:
        draft.restraints = replace(draft.restraints, charge_now=kept)


def _turn(draft: Draft, it: SocketDraft, rule: PriceRule, hours: "_Hours") -> datetime | None:
    """When the session may charge: now, later, or None if no time is known."""
    now = draft.now.utc
    leaves = it.memory.plan.departs_at
    if leaves is not None and leaves <= now:
        return now
    since = _since(it, now)
    cheap = _below(rule.below, hours.series, since) if rule.below is not None else hours.cheap(now, since, leaves)
    if leaves is not None:
        if rule.below is not None:
            cheap.append((hours.series.slots[-1].end, leaves))  # nobody is held back where no price is known
        cheap = [(begin, min(end, leaves)) for begin, end in cheap if begin < leaves]
    ahead = [(max(begin, now), end) for begin, end in cheap if end > now]
    if leaves is not None and (not cheap or _seconds(ahead) < _minimum_takes_s(it)):
        return now
    if not cheap and rule.below is None:
        return now
    return ahead[0][0] if ahead else None


def _since(it: SocketDraft, now: datetime) -> datetime:
    """From when on cheap time counts: plugging in. Where a plan says when the session leaves, its begin, for a plan may
    come when hours have gone by in which it did not charge."""
    session = it.session
    if session is None:
        return now
    begun = None if session.begin is None else session.begin.at
    at = session.asked_at if it.memory.plan.departs_at is None else begun
    return now if at is None or at.utc_trust is not UtcTrust.SYNCHRONISED else min(at.utc, now)


def _minimum_takes_s(it: SocketDraft) -> float:
    """How long the rest of its minimum energy may take at the least current, with its start; 0 if it has that."""
    rest_kwh = missing_kwh(it)
    phases = max(1, sum(it.used[: len(it.places)]))
    return 0.0 if rest_kwh <= 0.0 else START_S + 3600.0 * rest_kwh / (it.need_a * phases * VOLTS / 1000.0)


def _seconds(spans: list[Span]) -> float:
    return sum((end - begin).total_seconds() for begin, end in spans)


def _below(below: float, series: PriceSeries, since: datetime) -> list[Span]:
    """When the price is at most that, in order."""
    return [(slot.begin, slot.end) for slot in series.slots if slot.end > since and slot.price <= below]


def _hour_of(utc: datetime) -> datetime:
    return utc.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


class _Hours:
    """Clock hours with the mean of their prices; lives for one tick, what it has worked out is kept with the series."""

    def __init__(
        self, rule: PriceRule, series: PriceSeries, time_zone: tzinfo, known: Mapping[datetime, float | None]
    ) -> None:
        self.rule = rule
        self.series = series
        self.known = dict(known)
        self._zone = time_zone
        self._chosen: dict[tuple[datetime, datetime], frozenset[datetime]] = {}

    def cheap(self, now: datetime, since: datetime, leaves: datetime | None) -> list[Span]:
        """The chosen hours in order; none if no hour's price is known, or it leaves before a whole one is over."""
        return [(hour, hour + HOUR) for hour in sorted(self.chosen(now, since, leaves))]

    def chosen(self, now: datetime, since: datetime, leaves: datetime | None = None) -> frozenset[datetime]:
        """The cheapest hours between then, or the last departure, and the next departure; of those that are over before
        the session leaves, where that is known."""
        depart = self._departure(now)
        first = _hour_of(max(since, self._departure_before(depart)))
        if leaves is not None:
            depart = min(depart, _hour_of(leaves))
        if (first, depart) not in self._chosen:
            priced = []
            hour = first
            while hour < depart:
                mean = self._mean(hour)
                if mean is not None:
                    priced.append((mean, hour))
                hour += HOUR
            priced.sort()
            self._chosen[first, depart] = frozenset(hour for _, hour in priced[: self.rule.cheapest_h])
        return self._chosen[first, depart]

    def _departure(self, now: datetime) -> datetime:
        """The next departure after now (UTC)."""
        local = now.astimezone(self._zone)
        today = local.replace(hour=self.rule.depart.hour, minute=self.rule.depart.minute, second=0, microsecond=0)
        return (today if today > local else today + timedelta(days=1)).astimezone(UTC)

    def _departure_before(self, depart: datetime) -> datetime:
        """The one a calendar day earlier (UTC): 23 or 25 hours where the clock is changed."""
        return (depart.astimezone(self._zone) - timedelta(days=1)).astimezone(UTC)

    def _mean(self, hour: datetime) -> float | None:
        """Of the hour's quarters; None where one is not known."""
        if hour not in self.known:
            slots = [self.series.at(hour + quarter) for quarter in QUARTERS]
            prices = [slot.price for slot in slots if slot is not None]
            self.known[hour] = sum(prices) / len(QUARTERS) if len(prices) == len(QUARTERS) else None
        return self.known[hour]
