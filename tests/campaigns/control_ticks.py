"""Random cabinets through `decide`, second by second, until a million ticks are over: `--sample` for half a minute.

Each run draws a tree of fuses, 1 to 64 sockets of every kind, a policy, priorities and minimum energies, how often and
how late meters tell, and a script of cars, people, house load and faults. The laws, at every tick:

- whatever is raised or admitted fits, with all reservations, on every fuse phase; what is told never exceeds a rating
  that can be kept, nor a steady limit for longer than the minimum currents make it;
- without faults, an overload that shedding can cure is gone within 10 s of the telegram that shows it;
- with endless cars and a steady house everybody's turn comes, by every policy;
- below a fuse that allows so many sessions no more charge;
- a box is switched between one phase and three only while nothing flows;
- a restart at any tick keeps the order of the line;
- a wall clock that steps by an hour changes no wish.

The cabinet itself asserts that nothing is energised without a durable begin record.
"""

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gateway.clock import UtcTrust
from gateway.control.decide import decide
from gateway.control.grants import EXCESS_A, PATIENCE_S
from gateway.control.past import OpenSession, Past, QueuedSession
from gateway.control.recovery import recover
from gateway.control.state import ControlState, SessionPhase
from gateway.ids import FuseId, SessionId, SocketId
from gateway.quantities import PHASES, Phase
from gateway.site.topology import Policy, Site
from gateway.site.wishes import SaveCheckpoint
from tests.campaigns._random_cabinet import PATIENCE_OVER_S, SERVING, SLICE_S, cabinet_of
from tests.control.cabinet_seen import start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import MAIN, instant
from tests.control.test_laws import check_nothing_is_given_twice, disturb

TICKS = 1_000_000
SAMPLE_TICKS = 9000
TICKS_PER_RUN = 900
GONE_S_MAX = 10.0
CLOCK_EVERY = 40
RESTART_EVERY = 60
OVER_A = 0.3


class LawBroken(Exception):  # noqa: N818 - it names what happened, like the errors of the house
    """What was promised did not hold."""


@dataclass(slots=True)
class Worst:
    """The figures of a campaign so far."""

    ticks: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    sockets: int = 0
    overload_s: float = 0.0
    overload_seed: int = 0
    heat: float = 0.0
    heat_seed: int = 0
    wait_s: float = 0.0
    wait_seed: int = 0
    restarts: int = 0
    clock_steps: int = 0


Places = set[tuple[FuseId, Phase]]


def told_a(site_: Site, state: ControlState) -> tuple[dict[tuple[FuseId, Phase], float], Places, Places]:
    """Base load and what charging sessions may draw on each fuse phase, where any draws, and where one may draw more
    than the least."""
    total = {(name, phase): one.allocated_a[phase] for name, one in state.fuses.items() for phase in PHASES}
    drawn, above_least = Places(), Places()
    for name, own in state.sockets.items():
        socket, session = site_.sockets[name], own.session
        charging = session is not None and session.phase is SessionPhase.CHARGING and own.obeys
        for k, phase in enumerate(socket.phases):
            counted_a = own.reserved_a[k]
            told = own.granted_a if charging and socket.wallbox is not None and counted_a else 0.0
            told = counted_a if charging and socket.wallbox is None else told
            for above in site_.fuses_above(name):
                total[above.id, phase] += told - counted_a
                if told > 0.0:
                    drawn.add((above.id, phase))
                if socket.wallbox is not None and told > socket.wallbox.minimum_a:
                    above_least.add((above.id, phase))
    return total, drawn, above_least


def check_told(cabinet: Cabinet, over_since_s: dict[tuple[FuseId, Phase], float]) -> None:
    """Told currents and house stay below the limit; at the least currents of all, for a while, below the rating."""
    state = cabinet.state
    total, drawn, above_least = told_a(cabinet.site, state)
    for at, amps in total.items():
        fuse_id, phase = at
        one, rating_a = state.fuses[fuse_id], cabinet.site.fuses[fuse_id].rating_a
        if at not in drawn or amps <= one.limit_a[phase] + EXCESS_A + 0.001:
            over_since_s.pop(at, None)
            continue
        since_s = over_since_s.setdefault(at, cabinet.at_s)
        if at in above_least or amps > rating_a + EXCESS_A or cabinet.at_s - since_s > PATIENCE_S + 2.0:
            raise LawBroken(
                f"{cabinet.at_s}: {fuse_id} {phase.name}: told and base {amps:.2f} A of {one.limit_a[phase]}"
            )


def check_sessions(cabinet: Cabinet) -> None:
    """As many sessions below each fuse as it allows."""
    for one in cabinet.site.fuses.values():
        if one.sessions_max is None:
            continue
        below = charging_below(cabinet, one.id)
        if len(below) > one.sessions_max:
            raise LawBroken(f"{cabinet.at_s}: {len(below)} sessions charge below {one.id}, {one.sessions_max} may")


def charging_below(cabinet: Cabinet, fuse_id: FuseId) -> list[SocketId]:
    """The sockets below a fuse whose sessions charge."""
    return [
        name
        for name, own in cabinet.state.sockets.items()
        if own.session is not None and own.session.phase is SessionPhase.CHARGING and own.granted_a > 0.0
        if any(above.id == fuse_id for above in cabinet.site.fuses_above(name))
    ]


def unswitched_a(cabinet: Cabinet) -> list[float]:
    """What no order takes away: the house, and sockets that have a meter but neither contactor nor box."""
    total = list(cabinet.house_a)
    for place in cabinet.places.values():
        if not place.socket.contactor and place.socket.wallbox is None:
            for phase, amps in zip(place.socket.phases, place.phase_currents(), strict=False):
                total[phase] += amps
    return total


@dataclass(slots=True)
class Overload:
    """The main fuse above its rating, from the telegram that shows it."""

    shown_s: float | None = None
    fell_s: float = 0.0
    houses_a: list[list[float]] = field(default_factory=list)
    house_shown_a: list[float] = field(default_factory=list)
    drawn_a: dict[SocketId, float] = field(default_factory=dict)

    def follow(self, cabinet: Cabinet, *, telegram: bool) -> float:
        """How long ago it was shown (s), 0 if there is none; a telegram taken while a car comes down shows nobody's,
        and what the house adds after it is shown by the next."""
        now_a = {name: place.current_a for name, place in cabinet.places.items()}
        if any(now_a[name] < was - 0.4 for name, was in self.drawn_a.items()):
            self.fell_s = cabinet.at_s
        self.drawn_a = now_a
        rating_a = cabinet.site.fuses[MAIN].rating_a
        house_a = unswitched_a(cabinet)
        self.houses_a = [*self.houses_a, house_a][-1 - cabinet.telegram_lag_s :]
        if telegram:
            self.house_shown_a = self.houses_a[0]
        grown = any(now > shown for now, shown in zip(house_a, self.house_shown_a, strict=False))
        if grown or max(cabinet.main_a()) <= rating_a + OVER_A or max(house_a) > rating_a:
            self.shown_s = None
        elif self.shown_s is None and telegram and max(cabinet.flowed[0]) > rating_a + OVER_A:
            calm = cabinet.at_s - cabinet.telegram_lag_s - self.fell_s > 4.0
            self.shown_s = cabinet.at_s if calm else None
        return 0.0 if self.shown_s is None else cabinet.at_s - self.shown_s


def check_clock(cabinet: Cabinet) -> None:
    """The same moment with the wall clock an hour off, and untrusted."""
    snapshot = cabinet._snapshot(())
    now = instant(cabinet.at_s + 1.0)
    wishes = decide(snapshot, cabinet.state, now).wishes
    for hours in (-1, 1):
        stepped = replace(now, utc=now.utc + timedelta(hours=hours), utc_trust=UtcTrust.UNKNOWN)
        if decide(snapshot, cabinet.state, stepped).wishes != wishes:
            raise LawBroken(f"a wall clock that stepped by {hours} h changed what is wished")


def check_restart(cabinet: Cabinet) -> None:
    """The line after a restart: those that ran, then those that waited, each in the order of before."""
    opens, queued = [], []
    successors: dict[SessionId, SessionId] = {}
    for name, own in cabinet.state.sockets.items():
        session = own.session
        if session is None or session.end_kind is not None:
            continue
        if session.begin_durable:
            successors[session.id] = SessionId(f"{session.id}-next")
            opens.append(OpenSession(session.id, name, None, successors[session.id]))
        elif session.phase is SessionPhase.QUEUED:
            queued.append(QueuedSession(session.id, name, None, None))
    texts = [wish.text for _, wish in cabinet.log if isinstance(wish, SaveCheckpoint)]
    after = recover(
        cabinet.site, Past(tuple(opens), tuple(queued), texts[-1] if texts else None), instant(cabinet.at_s)
    )
    known = [successors.get(one, one) for one in cabinet.state.queue]
    waited = [one for one in known if one in after.queue]
    if [one for one in after.queue if one in waited] != waited:
        raise LawBroken(f"the line was {waited}, after a restart it is {after.queue}")


def random_run(seed: int, worst: Worst, *, faults: bool, ticks: int, sockets_max: int) -> None:
    """Cars, people, house and faults by chance."""
    chance = random.Random(seed)
    cabinet = cabinet_of(chance, sockets_max)
    overload, over_since_s = Overload(), dict[tuple[FuseId, Phase], float]()
    for tick in range(ticks):
        disturb(cabinet, chance, faults=faults)
        before, sent = cabinet.state, cabinet.telegrams_sent
        cabinet.step()
        worst.ticks += 1
        check_nothing_is_given_twice(before, cabinet)
        check_told(cabinet, over_since_s)
        check_sessions(cabinet)
        if not faults:
            shown_s = overload.follow(cabinet, telegram=cabinet.telegrams_sent > sent)
            if shown_s > worst.overload_s:
                worst.overload_s, worst.overload_seed = shown_s, seed
            if shown_s > GONE_S_MAX:
                raise LawBroken(f"{cabinet.at_s}: an overload that shedding can cure lasts {shown_s} s")
        if tick % CLOCK_EVERY == 0:
            check_clock(cabinet)
            worst.clock_steps += 2
        if tick % RESTART_EVERY == 0:
            check_restart(cabinet)
            worst.restarts += 1
    worst.sockets = max(worst.sockets, len(cabinet.places))
    if cabinet.worst_heat > worst.heat and not faults:
        worst.heat, worst.heat_seed = cabinet.worst_heat, seed


def line_run(seed: int, worst: Worst, sockets_max: int) -> None:
    """Endless cars everywhere, a steady house: each that could start alone is served, turn by turn."""
    chance = random.Random(seed)
    cabinet = cabinet_of(chance, sockets_max, SERVING)
    number = len(cabinet.places)
    last_s = {}
    for name, place in cabinet.places.items():
        socket = place.socket
        need_a = socket.rating_a if socket.wallbox is None else socket.wallbox.minimum_a
        steady = {above.id: above.steady_a_max for above in cabinet.site.fuses_above(name)}
        house_a = max(cabinet.house_a)
        fits = all(need_a + (house_a if one == MAIN else 0.0) <= steady_a - 0.6 for one, steady_a in steady.items())
        if not fits or not (socket.contactor or socket.wallbox) or (socket.contactor and socket.wallbox):
            continue
        place.car = Car(limit_a=0.9 * socket.rating_a if socket.wallbox is None else 32.0, phases=len(socket.phases))
        last_s[name] = cabinet.at_s
        if socket.wallbox is None:
            cabinet.ask(start(str(name), f"{name}-{seed}"))
    bound_s = (number + 2) * (SLICE_S + 60.0) + 120.0
    if cabinet.site.rules.policy is not Policy.FIFO:
        bound_s += PATIENCE_OVER_S
    for _ in range(int(1.5 * bound_s)):
        cabinet.step()
        worst.ticks += 1
        for name, served_s in last_s.items():
            waits_s = 0.0 if cabinet.places[name].current_a > 0.5 else cabinet.at_s - served_s
            if waits_s == 0.0:
                last_s[name] = cabinet.at_s
            if waits_s > worst.wait_s:
                worst.wait_s, worst.wait_seed = waits_s, seed
            if waits_s > bound_s:
                because = cabinet.state.sockets[name].because
                raise LawBroken(f"{name} of {number} has waited for {bound_s:.0f} s: {because}")


def one_run(seed: int, kind: str, worst: Worst, *, sample: bool) -> None:
    """A run by its own seed; in a sample with fewer sockets and ticks."""
    sockets_max, ticks = (12, 300) if sample else (64, TICKS_PER_RUN)
    if kind == "line":
        line_run(seed, worst, min(sockets_max, 3 if sample else 12))
    else:
        random_run(seed, worst, faults=kind == "faults", ticks=ticks, sockets_max=sockets_max)


def campaign(seed: int, ticks: int, minutes: float, *, sample: bool) -> int:
    """Runs of the three kinds in turn until ticks or seconds are over; prints the figures, gives the exit code."""
    worst = Worst()
    begun_s = time.monotonic()
    broken: list[str] = []
    run = 0
    while worst.ticks < ticks and len(broken) < 10 and time.monotonic() - begun_s < 60.0 * minutes:
        own = seed * 1_000_003 + run
        kind = ("faults", "no faults", "line")[run % 3]
        worst.runs[kind] += 1
        run += 1
        try:
            one_run(own, kind, worst, sample=sample)
        except (LawBroken, AssertionError) as problem:
            broken.append(f"run seed {own} ({kind}): {problem!r}")
    spent_s = time.monotonic() - begun_s
    runs = ", ".join(f"{number} {kind}" for kind, number in sorted(worst.runs.items()))
    print(f"seed {seed}: {worst.ticks} ticks in {spent_s:.0f} s, runs: {runs}; up to {worst.sockets} sockets")
    print(
        f"longest overload after its telegram: {worst.overload_s:.0f} s (run {worst.overload_seed}), "
        f"goal <= {GONE_S_MAX:.0f} s"
    )
    print(f"worst heat without faults, by control's own upper bound: {worst.heat:.2f} (run {worst.heat_seed})")
    print(f"longest wait of an endless line: {worst.wait_s:.0f} s at slices of {SLICE_S:.0f} s (run {worst.wait_seed})")
    print(
        f"restarts that kept the order: {worst.restarts}; steps of the wall clock without effect: {worst.clock_steps}"
    )
    for line in broken:
        print(f"BROKEN {line}")
    print("held" if not broken else f"{len(broken)} runs broke a law")
    return 1 if broken else 0


def main() -> int:
    """Reads the options and runs the campaign."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--sample", action="store_true", help=f"{SAMPLE_TICKS} ticks, the same on every machine")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--ticks", type=int, default=TICKS)
    options.add_argument("--minutes", type=float, default=24 * 60.0, help="no run is begun after this")
    options.add_argument("--run", type=int, help="one run by its own seed, as it stands in a BROKEN line")
    options.add_argument("--kind", choices=["faults", "no faults", "line"], default="no faults")
    chosen = options.parse_args()
    if chosen.run is not None:
        one_run(chosen.run, chosen.kind, Worst(), sample=chosen.sample)
        return 0
    ticks = min(chosen.ticks, SAMPLE_TICKS) if chosen.sample else chosen.ticks
    return campaign(chosen.seed, ticks, chosen.minutes, sample=chosen.sample)


if __name__ == "__main__":
    sys.exit(main())
