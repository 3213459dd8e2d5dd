"""The grid meter falls silent, and later repeats one telegram: stale and fallback at the times of the design, no raise
meanwhile, and trust again after three good telegrams.

A telegram's moment is when its last byte left the cabinet. What the gateway believes is read from `grid/state`, what it
does from the writes that reach the boxes. Just before each fault the house draws less, so that a raise is under way.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess
from tests.campaigns._gateway_process import Ear, GatewayProcess, setpoints, wait_until, without_faults

STALE_S = {10.0: 25.0, 1.0: 3.0}
"""max(3 s, min(2.5 x interval, 25 s)) for the meters played here."""
FALLBACK_AFTER_S = 5.0
BLIND_S = 300.0
GOOD_TELEGRAMS = 3
TICK_S = 1.0
SLACK_S = 0.3
"""Clock of a tick against the telegram's, and the way over the broker."""
SAFE_A = 6.5
"""20 A less the 7 A that the config gives the house, for two boxes."""


class Meter:
    """One run with one meter interval."""

    def __init__(self, interval_s: float, cabinet: CabinetProcess, ear: Ear) -> None:
        self.interval_s = interval_s
        self.stale_s = STALE_S[interval_s]
        self.wrong: list[str] = []
        self._cabinet = cabinet
        self._ear = ear

    def settle(self) -> None:
        """Waits until both boxes have more than fallback leaves them."""
        wait_until(
            lambda: len(self._told()) == 2 and min(self._told().values()) > SAFE_A, 200.0, "both boxes above 6.5 A"
        )

    def fault(self, kind: str, for_s: float, *, blind: bool = False) -> None:
        """Plays one fault and judges it."""
        name = f"{self.interval_s:.0f} s meter, {kind}"
        self._cabinet.tell(fault="house_step", add_a=[-1, -1, -1])
        self._await_telegrams(2)
        begun_ns = self._tell("fault", kind)
        time.sleep(for_s)
        ended_ns = self._tell("end", kind)
        self._cabinet.tell(end="house_step")
        wait_until(lambda: self._believed_since("fresh", ended_ns) is not None, 60.0, f"{name}: fresh again")
        self._judge(name, begun_ns, ended_ns, blind=blind)

    def _judge(self, name: str, begun_ns: int, ended_ns: int, *, blind: bool) -> None:
        telegrams = [int(str(line["t_ns"])) for line in self._cabinet.events() if line["kind"] == "telegram"]
        last_ns = max(t_ns for t_ns in telegrams if t_ns < begun_ns)
        good = [t_ns for t_ns in telegrams if t_ns > ended_ns]
        first_frozen = [t_ns for t_ns in telegrams if begun_ns < t_ns < ended_ns][:1]
        if first_frozen:  # the first of the repeated ones is the last that moved
            last_ns = first_frozen[0]
        steps = [("stale", self.stale_s), ("fallback", self.stale_s + FALLBACK_AFTER_S)]
        if blind:
            steps.append(("blind", BLIND_S))
        figures = []
        stale_ns = last_ns
        for word, due_s in steps:
            said_ns = self._believed_since(word, last_ns)
            if said_ns is None:
                self.wrong.append(f"{name}: never {word}")
                continue
            if word == "stale":
                stale_ns = said_ns
            took_s = (said_ns - last_ns) / 1e9
            figures.append(f"{word} after {took_s:.2f} s (due {due_s:.0f})")
            if not due_s - SLACK_S <= took_s <= due_s + TICK_S + SLACK_S:
                self.wrong.append(f"{name}: {word} after {took_s:.2f} s, due at {due_s:.1f} s")
        fresh_ns = self._believed_since("fresh", ended_ns)
        assert fresh_ns is not None
        needed = sum(t_ns <= fresh_ns for t_ns in good)
        after_s = (fresh_ns - good[needed - 1]) / 1e9 if needed else 0.0
        figures.append(f"fresh {after_s:.2f} s after good telegram {needed}")
        if needed != GOOD_TELEGRAMS or after_s > TICK_S + SLACK_S:
            self.wrong.append(f"{name}: fresh after {needed} good telegrams and {after_s:.2f} s")
        figures += self._judge_writes(name, last_ns, stale_ns, fresh_ns, blind=blind)
        print(f"{name}: {'; '.join(figures)}")

    def _judge_writes(self, name: str, last_ns: int, stale_ns: int, fresh_ns: int, *, blind: bool) -> Iterator[str]:
        """No raise between stale and fresh; down to the safe currents at fallback, to 0 when blind.

        A raise that was decided while fresh may still be on its way: it keeps clear of a telegram that is due, for a
        tick at most.
        """
        decided_ns = stale_ns + int(TICK_S * 1e9)
        told: dict[str, float] = {}
        lowered_ns: dict[str, int] = {}
        stopped_ns: dict[str, int] = {}
        raises = 0
        for write in setpoints(self._cabinet.events()):
            before_a = told.get(write.owner, 0.0)
            told[write.owner] = write.current_a
            if not stale_ns < write.t_ns < fresh_ns:
                continue
            raises += write.current_a > before_a and write.t_ns > decided_ns
            if write.current_a <= SAFE_A:
                lowered_ns.setdefault(write.owner, write.t_ns)
            if write.current_a == 0.0:
                stopped_ns.setdefault(write.owner, write.t_ns)
        yield f"{raises} raises meanwhile"
        if raises:
            self.wrong.append(f"{name}: {raises} raises while not fresh")
        due = [("at most 6.5 A", lowered_ns, self.stale_s + FALLBACK_AFTER_S)]
        if blind:
            due.append(("0 A", stopped_ns, BLIND_S))
        for what, moments, due_s in due:
            took_s = sorted((t_ns - last_ns) / 1e9 for t_ns in moments.values())
            yield f"{what} written after {', '.join(f'{each:.2f}' for each in took_s)} s (due {due_s:.0f})"
            if len(took_s) != 2 or not due_s - SLACK_S <= took_s[0] <= took_s[-1] <= due_s + TICK_S + SLACK_S:
                self.wrong.append(f"{name}: {what} after {took_s} s, due for two boxes at {due_s:.1f} s")

    def _told(self) -> dict[str, float]:
        return {write.owner: write.current_a for write in setpoints(self._cabinet.events())}

    def _believed_since(self, freshness: str, after_ns: int) -> int | None:
        """When the gateway first said so after a moment."""
        for said in self._ear.of("grid/state"):
            if said.t_ns > after_ns and said.words["freshness"] == freshness:
                return said.t_ns
        return None

    def _await_telegrams(self, count: int) -> None:
        def sent() -> int:
            return sum(line["kind"] == "telegram" for line in self._cabinet.events())

        begun = sent()
        wait_until(lambda: sent() >= begun + count, 3 * count * self.interval_s, f"{count} telegrams")

    def _tell(self, word: str, fault: str) -> int:
        """Begins or ends a fault; gives the moment when it did."""
        kind = "fault_begun" if word == "fault" else "fault_ended"

        def moments() -> list[int]:
            events = self._cabinet.events()
            return [int(str(line["t_ns"])) for line in events if line["kind"] == kind and line["fault"] == fault]

        known = len(moments())
        self._cabinet.tell(**{word: fault})
        wait_until(lambda: len(moments()) > known, 5.0, f"{kind} {fault}")
        return moments()[-1]


def play(interval_s: float, seed: int, *, blind: bool) -> list[str]:
    """One meter: silence, frozen telegram, and if asked a silence until blind."""
    with tempfile.TemporaryDirectory(prefix="laddvakt-silent-") as name:
        folder = Path(name)
        scenario = without_faults("han-silent", folder, interval_s=interval_s, arrive_s=0.2, raise_after_s=1)
        with (
            BrokerProcess(folder) as broker,
            Ear(broker.port) as ear,
            CabinetProcess(str(scenario), folder, mqtt_port=broker.port, more=("--seed", str(seed))) as cabinet,
            GatewayProcess(cabinet.config, folder / "gateway.log") as gateway,
        ):
            meter = Meter(interval_s, cabinet, ear)
            try:
                meter.settle()
                for_s = meter.stale_s + FALLBACK_AFTER_S + 2.0
                meter.fault("p1_silence", for_s)
                meter.settle()
                meter.fault("p1_frozen", for_s + interval_s)
                if blind:
                    meter.settle()
                    meter.fault("p1_silence", BLIND_S + 5.0, blind=True)
            except TimeoutError as late:
                meter.wrong.append(str(late))
            melted = cabinet.report()["melted"]
            if melted:
                meter.wrong.append(f"melted: {melted}")
            if (code := gateway.stop()) != 0:
                meter.wrong.append(f"the orderly stop ended with {code}")
            if meter.wrong:
                sys.stderr.write("".join(gateway.log.read_text().splitlines(keepends=True)[-40:]))
            return meter.wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sample", action="store_true", help="a telegram a second only, and no five minutes of silence"
    )
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began_s = time.monotonic()
    wrong = play(1.0, args.seed, blind=not args.sample)
    if not args.sample:
        wrong += play(10.0, args.seed, blind=False)
    for problem in wrong:
        print(f"WRONG: {problem}")
    print(f"seed {args.seed}, {time.monotonic() - began_s:.0f} s; {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
