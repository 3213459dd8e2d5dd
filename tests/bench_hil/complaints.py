"""Twenty complaints about load management, collected from the issue lists of the trade, as scenarios by name.

Each is a small trace with wires, and a check that gives what went wrong, or nothing. Any policy can be put to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from hil.bench.cabinet import Fault, Wires
from hil.bench.judge import Verdict
from hil.bench.site_texts import FuseText
from hil.bench.traces import Trace
from hil.world.phases import Triple
from tests.bench_hil.stages import Play, car, plain, socket, trace

QUIET: Triple = (5.0, 5.0, 5.0)
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


@dataclass(frozen=True)
class Complaint:
    """One of the twenty. source: where people complain; falls: the peers whose rule is known to fall for it."""

    number: int
    source: str
    played: Trace
    check: Check
    wires: Wires = field(default_factory=Wires)
    falls: tuple[str, ...] = ()
    until_s: int = 1500


def play(complaint: Complaint, policy: str) -> str:
    """What went wrong, or nothing."""
    seen = Seen()

    def look(stage: Play) -> None:
        places = stage.cabinet.places
        seen.offered.append({name: place.offered_a for name, place in places.items()})
        seen.drawn.append({name: max(place.amperes) for name, place in places.items()})
        seen.told.append({name: place.told_a for name, place in places.items()})
        seen.closed.append({name: place.closed for name, place in places.items()})
        seen.main.append(stage.main_a())

    stage = Play(complaint.played, policy, complaint.wires)
    seen.verdict = stage.run(complaint.until_s, look)
    places = stage.cabinet.places.values()
    seen.phase_switchings = sum(place.phase_switchings for place in places)
    seen.phase_switchings_hot = sum(place.phase_switchings_hot for place in places)
    return complaint.check(seen)


def _never_over(seen: Seen, allowed_s: int = 0) -> str:
    over_s = seen.over_s(25.0)
    return f"{over_s} s above the rating" if over_s > allowed_s else ""


def _steps(*steps: tuple[float, Triple]) -> list[tuple[float, Triple]]:
    return list(steps)


def _toggling(low_a: float, high_a: float, every_s: int, seconds: int) -> list[tuple[float, Triple]]:
    return [
        (float(at_s), (high_a,) * 3 if (at_s // every_s) % 2 else (low_a,) * 3) for at_s in range(0, seconds, every_s)
    ]


def _throttles(seen: Seen) -> str:
    least_a = min(seen.offers("p1", 300))
    return "" if least_a >= 6.0 else f"offered {least_a:g} A though 9 A were free"


def _few_switchings(seen: Seen) -> str:
    assert seen.verdict is not None
    cuts = seen.verdict.switchings
    return f"switched off {cuts} times in an hour" if cuts > 10 else ""


def _gets(name: str, least_a: float, from_s: int) -> Check:
    def check(seen: Seen) -> str:
        drawn = seen.draws(name, from_s, from_s + 300)
        got_a = sum(drawn) / len(drawn)
        return "" if got_a >= least_a else f"{name} draws {got_a:.1f} A, {least_a:g} A were there"

    return check


def _all(*checks: Check) -> Check:
    return lambda seen: "; ".join(words for check in checks if (words := check(seen)))


def _safe_when_blind(most_a: float, from_s: int, to_s: int) -> Check:
    def check(seen: Seen) -> str:
        highest = max(seen.offers("p1", from_s, to_s))
        return f"offers {highest:g} A without knowing the house" if highest > most_a else ""

    return check


def _whole_amperes(seen: Seen) -> str:
    odd = {amperes for each in seen.told for amperes in each.values() if abs(amperes - round(amperes)) > 1e-6}
    return f"tells a box of whole amperes {min(odd):.2f} A" if odd else ""


def _calm(seen: Seen) -> str:
    changes = 0
    for name in seen.offered[0]:
        offers = seen.offers(name, 1200)
        changes += sum(a != b for a, b in pairwise(offers))
    return f"{changes} changes in 20 minutes though nothing happens" if changes > 8 else ""


def _one_step_down(seen: Seen) -> str:
    least_a = min(seen.offers("p1", 700, 900))
    return "" if least_a >= 9.0 else f"came down to {least_a:g} A where 10 A fit"


def _no_relay_loop(most: int) -> Check:
    def check(seen: Seen) -> str:
        moves = seen.switched("p1")
        return f"its contactor moved {moves} times" if moves > most else ""

    return check


def _started(*names: str, by_s: int) -> Check:
    def check(seen: Seen) -> str:
        late = [name for name in names if max(seen.draws(name, 0, by_s)) < 5.0]
        return f"{', '.join(late)} had nothing by {by_s} s" if late else ""

    return check


def _switches_phases(least: int, most: int) -> Check:
    def check(seen: Seen) -> str:
        if seen.phase_switchings_hot:
            return "phases were switched under load"
        within = least <= seen.phase_switchings <= most
        return "" if within else f"phases were switched {seen.phase_switchings} times"

    return check


_STEP_UP = _steps((0.0, QUIET), (600.0, (15.0, 15.0, 15.0)))
_BLIND = (Fault("han_silent", 600, 1200),)
_TWO = [socket("p1"), socket("p2")]

COMPLAINTS: dict[str, Complaint] = {
    "starts at full power with 6.8 A free": Complaint(
        1, "evcc 26380", trace([car("p1", 200)], [(0.0, (18.2, 18.2, 18.2))], house_a_max=(20, 20, 20)), _never_over
    ),
    "gives the same room twice while a slow car ramps": Complaint(
        2,
        "evcc 19166",
        trace([car("p1", 200, kind="slow"), car("p2", 203)], [(0.0, (6.0, 6.0, 6.0))], sockets=_TWO),
        lambda seen: _never_over(seen, 5),
        falls=("evcc",),
    ),
    "cuts to nothing instead of throttling": Complaint(
        3, "evcc 13750", trace([car("p1")], _steps((0.0, QUIET), (900.0, (16.0, 16.0, 16.0)))), _throttles
    ),
    "starts and stops for ever at the limit": Complaint(
        4,
        "evcc 18263",
        trace([car("p1")], _toggling(18.4, 19.6, 45, 3700)),
        _few_switchings,
        falls=("evcc", "openwb", "fifo"),
        until_s=3600,
    ),
    "stops a car on L1 for a load on L3": Complaint(
        5,
        "evcc 29532",
        trace([car("p1", phases=1)], [(0.0, (3.0, 3.0, 24.0))], sockets=[socket("p1", "L1")]),
        _gets("p1", 14.0, 900),
        falls=("evcc",),
    ),
    "counts three cars on three phases as one": Complaint(
        6,
        "evcc 18522",
        trace(
            [car("p1", phases=1), car("p2", phases=1), car("p3", phases=1)],
            fuses=(FuseText("main", 25), FuseText("garage", 20, "main")),
            sockets=[
                socket("p1", "L1", "L2", "L3", fuse="garage"),
                socket("p2", "L2", "L3", "L1", fuse="garage"),
                socket("p3", "L3", "L1", "L2", fuse="garage"),
            ],
        ),
        _all(*(_gets(name, 15.0, 1800) for name in ("p1", "p2", "p3"))),
        falls=("evcc", "everest"),
        until_s=2150,
    ),
    "goes on at full power when the meter is gone": Complaint(
        7,
        "evcc 14248",
        trace([car("p1")], _STEP_UP),
        _safe_when_blind(13.0, 680, 1190),
        Wires(faults=_BLIND),
        falls=("hass-evse",),
    ),
    "rises to the maximum when currents are missing": Complaint(
        8,
        "evcc 22839",
        trace([car("p1")], _STEP_UP),
        _safe_when_blind(13.0, 680, 1190),
        Wires(faults=(Fault("han_without_currents", 600, 1200),)),
        falls=("hass-evse",),
    ),
    "lets one stale meter freeze everything": Complaint(
        9,
        "evcc 33395",
        trace([car("p1"), car("p2")], _steps((0.0, (1.0, 1.0, 1.0)), (800.0, (9.0, 9.0, 9.0))), sockets=_TWO),
        lambda seen: "the fuse is passed for good" if seen.over_s(25.0, 840) else "",
        Wires(faults=(Fault("meter_silent", 400, 3600, "p2"),)),
    ),
    "lets the third car wait though all fit at 6 A": Complaint(
        10,
        "evcc 30340",
        trace([car("p1"), car("p2", 700), car("p3", 1300)]),
        _started("p1", "p2", "p3", by_s=1500),
        falls=("fifo",),
    ),
    "takes export for load": Complaint(
        11,
        "evcc 30204",
        trace([car("p1")], [(0.0, (-10.0, -10.0, -10.0))], (FuseText("main", 16),)),
        _gets("p1", 15.0, 1200),
    ),
    "tells whole-ampere boxes fractions": Complaint(
        12,
        "evcc 14261",
        trace([car("p1")], [(0.0, (15.3, 15.3, 15.3))], house_a_max=(16, 16, 16)),
        _all(_whole_amperes, _never_over),
    ),
    "does not start a single-phase car where one phase has room": Complaint(
        13,
        "evcc 24932",
        trace([car("p1", phases=1)], [(0.0, (3.0, 21.0, 21.0))], sockets=[socket("p1")]),
        _all(_gets("p1", 15.0, 1800), _never_over),
        falls=("evcc", "openwb", "fifo"),
        until_s=2150,
    ),
    "does not go on on one phase when two lose their room": Complaint(
        13,
        "evcc 24932",
        trace(
            [car("p1")],
            _steps((0.0, QUIET), (600.0, (3.0, 21.0, 21.0)), (1800.0, QUIET)),
            sockets=[socket("p1", phase_pause_s=10)],
        ),
        _all(_gets("p1", 14.0, 1400), _gets("p1", 15.0, 2800), _switches_phases(2, 2)),
        falls=("evcc", "openwb"),
        until_s=3150,
    ),
    "switches phases back and forth": Complaint(
        16,
        "openWB PR 3319",
        trace(
            [car("p1")],
            [(0.0, (3.0, 21.0, 21.0))]
            + [(60.0 * n, (3.0, 21.0, 21.0) if n % 2 else (3.0, 5.0, 5.0)) for n in range(1, 60)],
            sockets=[socket("p1", phase_pause_s=10)],
        ),
        _switches_phases(1, 2),
        until_s=3600,
    ),
    "puts three phases' power on one after a switch": Complaint(
        20,
        "EVerest 1038",
        trace(
            [car("p1", limit_a=32)],
            _steps((0.0, (12.0, 3.0, 3.0)), (600.0, (15.0, 21.0, 21.0))),
            sockets=[socket("p1", rating_a=32, phase_pause_s=10)],
            house_a_max=(15, 15, 15),
        ),
        _all(_gets("p1", 8.0, 1400), lambda seen: _never_over(seen, HIGH_S), _switches_phases(1, 1)),
        until_s=1800,
    ),
    "swings wildly with several cars on one feeder": Complaint(
        14,
        "openWB 1605",
        trace([car(f"p{n}", 100 + 7 * n) for n in range(1, 4)], [(0.0, (2.0, 2.0, 2.0))]),
        _all(_calm, lambda seen: _never_over(seen, HIGH_S)),
        until_s=2400,
    ),
    "never notices that the meter only repeats itself": Complaint(
        15,
        "openWB discussion 3931",
        trace([car("p1")], _steps((0.0, QUIET), (605.0, (15.0, 15.0, 15.0)))),
        _safe_when_blind(13.0, 720, 1190),
        Wires(faults=(Fault("han_frozen", 600, 1200),)),
        falls=("evcc", "openwb", "hass-evse", "fifo"),
    ),
    "moves its relay for nothing": Complaint(
        16,
        "openWB PR 3319",
        trace(
            [car("p1", kind="plain", phases=1, limit_a=8, kwh=9)],
            _toggling(4.0, 9.0, 30, 3700),
            sockets=[plain("p1", "L1")],
        ),
        _all(_no_relay_loop(2), _started("p1", by_s=600)),
        until_s=3600,
    ),
    "steps down again before the first step is seen": Complaint(
        17,
        "SmartEVSE-3 123",
        trace([car("p1")], _steps((0.0, QUIET), (701.0, (15.0, 15.0, 15.0)))),
        _one_step_down,
        Wires(telegram_delay_s=2),
    ),
    "wears its contactor out at the limit": Complaint(
        18,
        "SmartEVSE-3.5 167",
        trace(
            [car("p1", kind="plain", phases=1, limit_a=8, kwh=9)],
            _toggling(14.0, 18.5, 60, 3700),
            sockets=[plain("p1", "L1")],
        ),
        _all(_no_relay_loop(16), lambda seen: _never_over(seen, 240)),
        until_s=3600,
    ),
    "lets a car fall asleep that could have kept 6 A": Complaint(
        19,
        "OpenEVSE 512",
        trace(
            [car("p1"), car("p2", 150, kind="sleeper")],
            _steps((0.0, QUIET), (600.0, (12.5, 12.5, 12.5)), (2400.0, QUIET)),
            sockets=_TWO,
        ),
        _gets("p2", 6.0, 3000),
        falls=("fifo",),
        until_s=3350,
    ),
    "puts the power for three phases on one": Complaint(
        20,
        "EVerest 1038",
        trace(
            [car("p1", phases=1, limit_a=32)],
            [(0.0, (15.0, 3.0, 3.0))],
            sockets=[socket("p1", rating_a=32)],
            house_a_max=(15, 15, 15),
        ),
        _never_over,
        falls=("hass-evse",),
    ),
    "counts a child's load twice and never raises again": Complaint(
        21,
        "evcc 23074, TWC 644, hass-evse 60",
        trace(
            [car("p1")],
            _steps((0.0, QUIET), (700.0, (17.0, 17.0, 17.0)), (1000.0, QUIET)),
            (FuseText("main", 25), FuseText("garage", 20, "main")),
            [socket("p1", fuse="garage")],
        ),
        _gets("p1", 15.0, 2400),
        until_s=2750,
    ),
}
