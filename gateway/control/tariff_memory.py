"""The peaks of the month, and the interval that runs, over restarts: a part of the control checkpoint."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.control.restraint_state import Meanwhile, RestraintState, TariffState
from gateway.ids import TariffId
from gateway.site.power_tariffs import Peak, PeakBook
from gateway.site.restraints import Restraints

SAVED_EVERY_S: Final = 300
"""The running interval is saved so often; what a restart loses of it is taken to have drawn the target."""


def tariff_facts(state: RestraintState) -> tuple[object, ...]:
    """What is saved when it changes: the peaks, and the running interval where it counts, in steps of time."""
    return tuple(
        (name, one.book, one.interval.begin, int(one.interval.seen_s // SAVED_EVERY_S))
        if one.counts and one.interval is not None
        else (name, one.book)
        for name, one in state.tariffs.items()
    )


def saved_tariffs(state: RestraintState) -> dict[str, dict[str, Any]]:
    """As JSON can hold it."""
    return {str(name): _saved(one) for name, one in state.tariffs.items()}


def _saved(state: TariffState) -> dict[str, Any]:
    interval = state.interval
    running = None
    if interval is not None and not interval.doubtful:
        running = {
            "begin": interval.begin.isoformat(),
            "seen_wh": round(interval.seen_wh, 1),
            "seen_s": round(interval.seen_s, 1),
            "register_wh": interval.register_wh,
        }
    return {
        "scope": state.book.scope,
        "peaks": [[peak.day.isoformat(), str(peak.power_w)] for peak in state.book.peaks],
        "interval": running,
    }


def checked_tariffs(said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The same text again, known to be readable. Raises ValueError, KeyError or TypeError if it is not."""
    for one in said.values():
        try:
            _read(one)
        except InvalidOperation as wrong:
            raise ValueError(f"a peak is no number: {one}") from wrong
    return {str(name): dict(one) for name, one in said.items()}


def recovered_tariffs(restraints: Restraints, saved: Mapping[str, Mapping[str, Any]]) -> RestraintState:
    """What is remembered of those tariffs that the config still has."""
    known: dict[TariffId, TariffState] = {
        tariff.id: _read(saved[tariff.id]) for tariff in restraints.tariffs if tariff.id in saved
    }
    return replace(RestraintState(), tariffs=known)


def _read(one: Mapping[str, Any]) -> TariffState:
    peaks = tuple(Peak(date.fromisoformat(day), Decimal(power_w)) for day, power_w in one["peaks"])
    running = one["interval"]
    interval = None
    if running is not None:
        register_wh = running["register_wh"]
        interval = Meanwhile(
            datetime.fromisoformat(running["begin"]),
            float(running["seen_wh"]),
            float(running["seen_s"]),
            None if register_wh is None else float(register_wh),
        )
    return TariffState(PeakBook(str(one["scope"]), peaks), interval)
