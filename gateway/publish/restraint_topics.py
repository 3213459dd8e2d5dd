"""What holds charging back, as messages: one thing per external limit and per power tariff."""

from gateway.clock import UtcTrust
from gateway.control.derating import part_carried
from gateway.control.restraint_state import LimitState, TariffState
from gateway.control.state import ControlState
from gateway.ids import FuseId
from gateway.publish import topic_names
from gateway.publish.json_text import Thing, Value, rounded
from gateway.publish.words import Language, reason
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.power_tariffs import PeakBook, PowerTariff
from gateway.site.restraints import ExternalLimit
from gateway.site.topology import Site


def restraint_things(site: Site, state: ControlState, language: Language) -> dict[str, Thing]:
    """Topic to thing; every key always there, null where unknown or not limited."""
    gateway, seen = site.gateway_id, state.restraints
    things: dict[str, Thing] = {}
    for tariff in site.restraints.tariffs:
        kept = seen.tariffs.get(tariff.id) or TariffState(PeakBook(""))
        things[topic_names.tariff_state(gateway, tariff.id)] = _tariff(tariff, kept, state, language)
    if site.restraints.prices is not None:
        things[topic_names.prices_state(gateway)] = _prices(state)
    if site.restraints.temperature is not None:
        things[topic_names.cabinet_state(gateway)] = _cabinet(site, state)
    for limit in site.restraints.limits:
        shown = seen.limits.get(limit.id) or LimitState(None, None, None, calls=False, noted_s=None)
        things[topic_names.limit_state(gateway, limit.id)] = _limit(limit, shown, state, language)
    return things


def _tariff(tariff: PowerTariff, seen: TariffState, state: ControlState, language: Language) -> Thing:
    interval = seen.interval
    paused = state.at.utc_trust is not UtcTrust.SYNCHRONISED
    because = Because(Why.POWER_TARGET, power_w=seen.target_w) if seen.counts else None
    mean_w = seen.book.mean_w(tariff)
    return {
        "counts": "ON" if seen.counts else "OFF",
        "clock_problem": "ON" if paused else "OFF",
        "interval_begin": None if interval is None else interval.begin.isoformat(timespec="seconds"),
        "interval_min": tariff.interval_min,
        "so_far_kwh": None if interval is None else rounded(interval.seen_wh / 1000.0, 3),
        "expected_w": rounded(seen.expected_w, 0),
        "target_w": rounded(seen.target_w, 0),
        "allowed_w": rounded(seen.allowed_w, 0),
        "peak_mean_w": None if mean_w is None else rounded(float(mean_w), 0),
        "peaks": [{"day": peak.day.isoformat(), "w": peak.power_w} for peak in seen.book.counted(tariff)],
        "because_text": None if because is None else reason(because, language),
        "ts": state.at.utc.isoformat(timespec="seconds"),
    }


def dead_phase_facts(site: Site, fuse: FuseId, state: ControlState) -> dict[str, Value]:
    """Of a fuse's message: which of its phases have no voltage while others live."""
    first = 3 * list(site.fuses).index(fuse)
    dead = [phase.name for phase in Phase if first + phase in state.restraints.dead.places]
    return {"dead_phase": "ON" if dead else "OFF", "dead_phases": dead}


def _prices(state: ControlState) -> Thing:
    seen = state.restraints.price
    return {
        "price": None if seen is None else seen.price,
        "unit": None if seen is None else seen.unit,
        "unknown": "OFF" if seen is not None and seen.known else "ON",
        "waiting": sorted(name for name, one in state.sockets.items() if one.because.why is Why.PRICE_WAITS),
        "charge_now": sorted(state.restraints.charge_now),
        "ts": state.at.utc.isoformat(timespec="seconds"),
    }


def _cabinet(site: Site, state: ControlState) -> Thing:
    seen = state.restraints.temperature
    parts = [1.0 if seen is None else part_carried(fuse.kind, seen.celsius) for fuse in site.fuses.values()]
    return {
        "temperature_c": None if seen is None or seen.silent else rounded(seen.celsius, 1),
        "assumed_c": None if seen is None else rounded(seen.celsius, 1),
        "carried_pct": rounded(100.0 * min(parts), 1),
        "silent": "ON" if seen is None or seen.silent else "OFF",
        "ts": state.at.utc.isoformat(timespec="seconds"),
    }


def _limit(limit: ExternalLimit, seen: LimitState, state: ControlState, language: Language) -> Thing:
    now_s = state.at.monotonic_s
    expired = limit.wired_a is None and seen.calls
    why = Why.EXTERNAL_LIMIT_OLD if expired else Why.EXTERNAL_LIMIT
    lowers = seen.current_a is not None
    because = Because(why, limit.fuse, current_a=seen.current_a) if lowers else None
    return {
        "fuse": limit.fuse,
        "limit_a": rounded(seen.current_a, 2),
        "limit_w": rounded(seen.power_w, 0),
        "calls": "ON" if lowers or seen.power_w is not None else "OFF",
        "expired": "ON" if expired else "OFF",
        "left_s": None if seen.until_s is None else rounded(max(0.0, seen.until_s - now_s), 0),
        "because_text": None if because is None else reason(because, language),
        "ts": state.at.utc.isoformat(timespec="seconds"),
    }
