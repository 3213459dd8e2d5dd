"""The HAN parsers against bytes that nobody sent, and the rules of plausibility against checksums that lie.

    python -m tests.campaigns.han_fuzz [--sample] [--seed N] [--minutes N] [--parser NAME] [--mutants N]

First, for each parser: coverage-guided search (atheris) from the small corpus in `tests/wire/corpus`, so many minutes
each. Nothing may be raised, no call may take 100 ms of processor time, every byte is answered for, memory stays flat.
Then mutants of true telegrams whose checksum is made right: what the rules catch and what they miss, and how far below
the truth a missed one puts the house's current. One wrong register never passes the bound that the rules leave it. The
missed ones that go farthest are then driven through the whole of control: none may raise a limit beyond that bound.

The sample needs no atheris: a seeded search without guidance stands in, and says so. With atheris it does both.
"""

import argparse
import importlib.util
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaigns import _han_limits, _han_mutants, _han_targets

MINUTES: Final = 20.0
MUTANTS: Final = 1_000_000
MUTANTS_SAMPLED: Final = 20_000
DRIVEN: Final = _han_mutants.KEPT
DRIVEN_SAMPLED: Final = 1
"""Missed mutants of each kind that are driven through control."""
CALLS_SAMPLED: Final = 1_200
GUIDED_RUNS_SAMPLED: Final = 500
RSS_GROWTH_MB_MAX: Final = 10.0
STALL_S: Final = 120
"""libFuzzer counts seconds of the wall, also those that a busy machine gives to others: this finds endless calls. Slow
ones are found by processor time, see `_han_targets.call`."""
INPUT_BYTES_MAX: Final = 3000
CORPUS: Final = Path(__file__).parents[1] / "wire" / "corpus"
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Guided:
    """What libFuzzer says of one run. failures: artifacts, such as crash-… and timeout-…."""

    runs: int
    edges: int
    inputs: int
    rss_mb: int
    failures: tuple[Path, ...]


def corpus(parser: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / parser).glob("*.bin"))]


def rss_mb() -> float:
    """Resident memory of this process."""
    kilobytes = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    assert kilobytes is not None
    return int(kilobytes[1]) / 1024


def mutated(seed: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One input near a seed: bytes changed, cut, doubled, or crossed with another."""
    octets = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(octets) + 1)
        match chance.randrange(5):
            case 0:
                octets[at : at + 1] = chance.randbytes(1)
            case 1:
                del octets[at : at + chance.randint(1, 40)]
            case 2:
                octets[at:at] = octets[at : at + chance.randint(1, 200)]
            case 3:
                octets[at:at] = chance.choice((b"\x7e", b"!", b"/", b"\x68", b"\xff" * 8, chance.randbytes(30)))
            case _:
                other = chance.choice(others)
                octets[at:] = other[chance.randrange(len(other)) :]
    if octets and chance.random() < 0.3:
        octets[0] = chance.randrange(256)
    return bytes(octets[:INPUT_BYTES_MAX])


def unguided(parser: str, calls: int, seed: int) -> None:
    """A seeded search without guidance. Raises what a parser raises, and BrokenLawError."""
    chance = random.Random(f"{parser} {seed}")
    target, seeds = _han_targets.PARSERS[parser], corpus(parser)
    watch = _han_targets.Watch()
    for octets in seeds:
        _han_targets.call(target, octets, watch)
    before_mb = rss_mb()
    for _ in range(calls):
        _han_targets.call(target, mutated(chance.choice(seeds), seeds, chance), watch)
    growth_mb = rss_mb() - before_mb
    print(
        f"{parser:<6} {calls:>9} calls without guidance  slowest {watch.slowest_s * 1000:>5.1f} ms"
        f"  memory {growth_mb:+5.1f} MB  {watch.telegrams} telegrams",
        flush=True,
    )
    if growth_mb > RSS_GROWTH_MB_MAX:
        raise _han_targets.BrokenLawError(f"{parser}: memory grew by {growth_mb:.1f} MB")


def guided(parser: str, limit: str, seed: int, room: Path) -> Guided:
    """One coverage-guided run in its own process. limit: libFuzzer's -runs=… or -max_total_time=…."""
    grown, artifacts = room / parser, room / f"{parser}-failures"
    grown.mkdir()
    artifacts.mkdir()
    options = [
        limit,
        f"-seed={seed % 2**31 or 1}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-timeout={STALL_S}",
        "-rss_limit_mb=300",
    ]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "tests.campaigns._han_fuzzer", parser, str(grown), str(CORPUS / parser)),
            *options,
            *(f"-artifact_prefix={artifacts}/", "-print_final_stats=1"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    failures = tuple(sorted(artifacts.iterdir()))
    if ended.returncode and not failures:
        raise RuntimeError(f"the fuzzer of {parser} ended by itself:\n{ended.stderr[-2000:]}")
    for failure in failures:
        print(f"{failure.name}: {failure.read_bytes().hex()}\n{ended.stderr[-3000:]}")
    found = {
        name: max((int(each) for each in re.findall(pattern, ended.stderr)), default=0)
        for name, pattern in (
            ("runs", r"stat::number_of_executed_units:\s*(\d+)"),
            ("rss", r"stat::peak_rss_mb:\s*(\d+)"),
            ("edges", r"cov: (\d+)"),
            ("inputs", r"corp: (\d+)"),
        )
    }
    return Guided(found["runs"], found["edges"], found["inputs"], found["rss"], failures)


def search(parsers: list[str], limit: str, seed: int) -> bool:
    """All parsers, one after the other. Whether no law was broken."""
    well = True
    with tempfile.TemporaryDirectory() as folder:
        for parser in parsers:
            begin_s = time.monotonic()
            run = guided(parser, limit, seed, Path(folder))
            spent_s = time.monotonic() - begin_s
            hangs = sum(path.name.startswith(("timeout", "slow")) for path in run.failures)
            print(
                f"{parser:<6} {run.runs:>9} calls guided, {spent_s / 60:.1f} min, {run.edges} edges, {run.inputs} kept,"
                f" peak {run.rss_mb} MB, {len(run.failures) - hangs} crashes, {hangs} hangs",
                flush=True,
            )
            well = well and not run.failures
    return well


def judge_mutants(count: int, seed: int, driven: int) -> bool:
    """So many mutants, and of each kind so many missed ones through control. Whether none raised a limit too far."""
    begin_s = time.monotonic()
    tally = _han_mutants.mutants(count, seed)
    print("\n".join(_han_mutants.table(tally)))
    print(f"{time.monotonic() - begin_s:.0f} s", flush=True)
    worst_a, well, drops_a, judged = 0.0, True, 0.0, 0
    for name, kind in sorted(tally.kinds.items()):
        for missed in kind.lowest[:driven]:
            if all(current is None for current in missed.true.current_a):
                continue
            raised_a = _han_limits.raised_a(missed.true, missed.told)
            worst_a, drops_a, judged = max(worst_a, raised_a), max(drops_a, missed.drop_a), judged + 1
            if raised_a > max(_han_mutants.allowed_a(missed.true, phase) for phase in range(3)):
                well = False
                print(f"{name}: raised a limit by {raised_a:.1f} A: {missed.true} became {missed.told}")
    print(
        f"{judged} missed ones, up to {drops_a:.1f} A below the truth, through control: a limit raised by"
        f" {worst_a:.1f} A at most; {time.monotonic() - begin_s:.0f} s"
    )
    return well


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sample", action="store_true")
    options.add_argument("--seed", type=int, default=20260101)
    options.add_argument("--minutes", type=float, default=MINUTES, help="per parser")
    options.add_argument("--parser", choices=tuple(_han_targets.PARSERS), help="this one alone, and no mutants")
    options.add_argument("--mutants", type=int, help=f"{MUTANTS}, in the sample {MUTANTS_SAMPLED}; 0 for none")
    asked = options.parse_args()
    parsers = [asked.parser] if asked.parser else list(_han_targets.PARSERS)
    has_atheris = importlib.util.find_spec("atheris") is not None
    if asked.sample:
        for parser in parsers:
            unguided(parser, CALLS_SAMPLED, asked.seed)
    if not has_atheris:
        print("atheris is not installed: NO coverage guidance in this run (pip install 'laddvakt[fuzz]').", flush=True)
        if not asked.sample:
            return 1
    limit = f"-runs={GUIDED_RUNS_SAMPLED}" if asked.sample else f"-max_total_time={round(asked.minutes * 60)}"
    well = not has_atheris or search(parsers, limit, asked.seed)
    mutants = asked.mutants if asked.mutants is not None else MUTANTS_SAMPLED if asked.sample else MUTANTS
    if mutants and not asked.parser:
        well = judge_mutants(mutants, asked.seed, DRIVEN_SAMPLED if asked.sample else DRIVEN) and well
    print(f"seed {asked.seed}: {'no law was broken' if well else 'FAILED'}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
