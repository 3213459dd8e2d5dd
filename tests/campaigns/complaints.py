"""The twenty complaints of the trade, one by one: what ours does and what each peer's policy does on the same scenario.

Wrong is a complaint that ours gives cause for. What went wrong with a peer is printed below the table; a dot is a
scenario that it passes, a cross one that it gives cause for.
"""

import argparse
import random
import time

from hil.bench.course import OURS, POLICIES
from tests.bench_hil.collected_complaints import COMPLAINTS, Complaint, play

SAMPLE = 4
WIDTH = 62


def chosen(sample: bool, seed: int) -> list[tuple[str, Complaint]]:
    """All in their order, or a few by seed."""
    everything = sorted(COMPLAINTS.items(), key=lambda item: item[1].number)
    if not sample:
        return everything
    return sorted(random.Random(seed).sample(everything, SAMPLE), key=lambda item: item[1].number)


def main() -> int:
    """Plays, prints the table, and gives 1 if ours gives cause for any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help=f"{SAMPLE} complaints, ours and one peer")
    parser.add_argument("--seed", type=int, default=1, help="which complaints a sample takes; the scenarios are fixed")
    parser.add_argument("--policy", default=",".join(POLICIES), help="the columns, separated by commas")
    args = parser.parse_args()
    policies = [OURS, "openwb"] if args.sample else args.policy.split(",")
    began_s = time.monotonic()
    told: list[str] = []
    causes = dict.fromkeys(policies, 0)
    print("  ".join([" #", f"{'complaint':{WIDTH}}", *policies]))
    for name, complaint in chosen(args.sample, args.seed):
        cells = []
        for policy in policies:
            wrong = play(complaint, policy)
            causes[policy] += bool(wrong)
            cells.append(("x" if wrong else ".").center(len(policy)))
            if wrong:
                told.append(f"{complaint.number:2d} {policy}: {wrong}")
        print("  ".join([f"{complaint.number:2d}", f"{name:{WIDTH}}", *cells]), flush=True)
    print(
        "  ".join(["  ", f"{'gives cause for':{WIDTH}}", *(str(causes[each]).center(len(each)) for each in policies)])
    )
    print("\n".join(["", *told]))
    print(f"{time.monotonic() - began_s:.0f} s; ours gives cause for {causes.get(OURS, 0)}")
    return 1 if causes.get(OURS) else 0


if __name__ == "__main__":
    raise SystemExit(main())
