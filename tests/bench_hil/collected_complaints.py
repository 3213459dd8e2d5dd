"""Twenty complaints about load management, collected from the issue lists of the trade, as scenarios by name.

Each is a small trace with wires, and a check that gives what went wrong, or nothing. Any policy can be put to it.
"""

from dataclasses import dataclass, field

from hil.bench.cabinet import Fault, Wires
from hil.bench.site_texts import FuseText
from hil.bench.traces import Trace
from hil.world.phases import Triple
from tests.bench_hil.complaint_checks import (
    HIGH_S,
    Check,
    Seen,
    all_of,
    calm,
    few_switchings,
    gets,
    never_over,
    no_relay_loop,
    one_step_down,
    safe_when_blind,
    started,
    switches_phases,
    throttles,
    whole_amperes,
)
from tests.bench_hil.stages import Play, car, plain, socket, trace

QUIET: Triple = (5.0, 5.0, 5.0)


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


def steps(*changes: tuple[float, Triple]) -> list[tuple[float, Triple]]:
    return list(changes)


def toggling(low_a: float, high_a: float, every_s: int, seconds: int) -> list[tuple[float, Triple]]:
    return [
        (float(at_s), (high_a,) * 3 if (at_s // every_s) % 2 else (low_a,) * 3) for at_s in range(0, seconds, every_s)
    ]


STEP_UP = steps((0.0, QUIET), (600.0, (15.0, 15.0, 15.0)))
BLIND = (Fault("han_silent", 600, 1200),)
TWO = [socket("p1"), socket("p2")]

COMPLAINTS: dict[str, Complaint] = {
    "starts at full power with 6.8 A free": Complaint(
        1, "evcc 26380", trace([car("p1", 200)], [(0.0, (18.2, 18.2, 18.2))], house_a_max=(20, 20, 20)), never_over
    ),
    "gives the same room twice while a slow car ramps": Complaint(
        2,
        "evcc 19166",
        trace([car("p1", 200, kind="slow"), car("p2", 203)], [(0.0, (6.0, 6.0, 6.0))], sockets=TWO),
        lambda seen: never_over(seen, 5),
        falls=("evcc",),
    ),
    "cuts to nothing instead of throttling": Complaint(
        3, "evcc 13750", trace([car("p1")], steps((0.0, QUIET), (900.0, (16.0, 16.0, 16.0)))), throttles
    ),
    "starts and stops for ever at the limit": Complaint(
        4,
        "evcc 18263",
        trace([car("p1")], toggling(18.4, 19.6, 45, 3700)),
        few_switchings,
        falls=("evcc", "openwb", "fifo"),
        until_s=3600,
    ),
    "stops a car on L1 for a load on L3": Complaint(
        5,
        "evcc 29532",
        trace([car("p1", phases=1)], [(0.0, (3.0, 3.0, 24.0))], sockets=[socket("p1", "L1")]),
        gets("p1", 14.0, 900),
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
        all_of(*(gets(name, 15.0, 1800) for name in ("p1", "p2", "p3"))),
        falls=("evcc", "everest"),
        until_s=2150,
    ),
    "goes on at full power when the meter is gone": Complaint(
        7,
        "evcc 14248",
        trace([car("p1")], STEP_UP),
        safe_when_blind(13.0, 680, 1190),
        Wires(faults=BLIND),
        falls=("hass-evse",),
    ),
    "rises to the maximum when currents are missing": Complaint(
        8,
        "evcc 22839",
        trace([car("p1")], STEP_UP),
        safe_when_blind(13.0, 680, 1190),
        Wires(faults=(Fault("han_without_currents", 600, 1200),)),
        falls=("hass-evse",),
    ),
    "lets one stale meter freeze everything": Complaint(
        9,
        "evcc 33395",
        trace([car("p1"), car("p2")], steps((0.0, (1.0, 1.0, 1.0)), (800.0, (9.0, 9.0, 9.0))), sockets=TWO),
        lambda seen: "the fuse is passed for good" if seen.over_s(25.0, 840) else "",
        Wires(faults=(Fault("meter_silent", 400, 3600, "p2"),)),
    ),
    "lets the third car wait though all fit at 6 A": Complaint(
        10,
        "evcc 30340",
        trace([car("p1"), car("p2", 700), car("p3", 1300)]),
        started("p1", "p2", "p3", by_s=1500),
        falls=("fifo",),
    ),
    "takes export for load": Complaint(
        11,
        "evcc 30204",
        trace([car("p1")], [(0.0, (-10.0, -10.0, -10.0))], (FuseText("main", 16),)),
        gets("p1", 15.0, 1200),
    ),
    "tells whole-ampere boxes fractions": Complaint(
        12,
        "evcc 14261",
        trace([car("p1")], [(0.0, (15.3, 15.3, 15.3))], house_a_max=(16, 16, 16)),
        all_of(whole_amperes, never_over),
    ),
    "does not start a single-phase car where one phase has room": Complaint(
        13,
        "evcc 24932",
        trace([car("p1", phases=1)], [(0.0, (3.0, 21.0, 21.0))], sockets=[socket("p1")]),
        all_of(gets("p1", 15.0, 1800), never_over),
        falls=("evcc", "openwb", "fifo"),
        until_s=2150,
    ),
    "does not go on on one phase when two lose their room": Complaint(
        13,
        "evcc 24932",
        trace(
            [car("p1")],
            steps((0.0, QUIET), (600.0, (3.0, 21.0, 21.0)), (1800.0, QUIET)),
            sockets=[socket("p1", phase_pause_s=10)],
        ),
        all_of(gets("p1", 14.0, 1400), gets("p1", 15.0, 2800), switches_phases(2, 2)),
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
        switches_phases(1, 2),
        until_s=3600,
    ),
    "puts three phases' power on one after a switch": Complaint(
        20,
        "EVerest 1038",
        trace(
            [car("p1", limit_a=32)],
            steps((0.0, (12.0, 3.0, 3.0)), (600.0, (15.0, 21.0, 21.0))),
            sockets=[socket("p1", rating_a=32, phase_pause_s=10)],
            house_a_max=(15, 15, 15),
        ),
        all_of(gets("p1", 8.0, 1400), lambda seen: never_over(seen, HIGH_S), switches_phases(1, 1)),
        until_s=1800,
    ),
    "swings wildly with several cars on one feeder": Complaint(
        14,
        "openWB 1605",
        trace([car(f"p{n}", 100 + 7 * n) for n in range(1, 4)], [(0.0, (2.0, 2.0, 2.0))]),
        all_of(calm, lambda seen: never_over(seen, HIGH_S)),
        until_s=2400,
    ),
    "never notices that the meter only repeats itself": Complaint(
        15,
        "openWB discussion 3931",
        trace([car("p1")], steps((0.0, QUIET), (605.0, (15.0, 15.0, 15.0)))),
        safe_when_blind(13.0, 720, 1190),
        Wires(faults=(Fault("han_frozen", 600, 1200),)),
        falls=("evcc", "openwb", "hass-evse", "fifo"),
    ),
    "moves its relay for nothing": Complaint(
        16,
        "openWB PR 3319",
        trace(
            [car("p1", kind="plain", phases=1, limit_a=8, kwh=9)],
            toggling(4.0, 9.0, 30, 3700),
            sockets=[plain("p1", "L1")],
        ),
        all_of(no_relay_loop(2), started("p1", by_s=600)),
        until_s=3600,
    ),
    "steps down again before the first step is seen": Complaint(
        17,
        "SmartEVSE-3 123",
        trace([car("p1")], steps((0.0, QUIET), (701.0, (15.0, 15.0, 15.0)))),
        one_step_down,
        Wires(telegram_delay_s=2),
    ),
    "wears its contactor out at the limit": Complaint(
        18,
        "SmartEVSE-3.5 167",
        trace(
            [car("p1", kind="plain", phases=1, limit_a=8, kwh=9)],
            toggling(14.0, 18.5, 60, 3700),
            sockets=[plain("p1", "L1")],
        ),
        all_of(no_relay_loop(16), lambda seen: never_over(seen, 240)),
        until_s=3600,
    ),
    "lets a car fall asleep that could have kept 6 A": Complaint(
        19,
        "OpenEVSE 512",
        trace(
            [car("p1"), car("p2", 150, kind="sleeper")],
            steps((0.0, QUIET), (600.0, (12.5, 12.5, 12.5)), (2400.0, QUIET)),
            sockets=TWO,
        ),
        gets("p2", 6.0, 3000),
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
        never_over,
        falls=("hass-evse",),
    ),
    "counts a child's load twice and never raises again": Complaint(
        21,
        "evcc 23074, TWC 644, hass-evse 60",
        trace(
            [car("p1")],
            steps((0.0, QUIET), (700.0, (17.0, 17.0, 17.0)), (1000.0, QUIET)),
            (FuseText("main", 25), FuseText("garage", 20, "main")),
            [socket("p1", fuse="garage")],
        ),
        gets("p1", 15.0, 2400),
        until_s=2750,
    ),
}
