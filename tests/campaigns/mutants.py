"""Changes the code of `metering/` and `journal/`, one place at a time, and asks the tests to notice (mutmut).

    python -m tests.campaigns.mutants [--sample] [--seed N] [--count N] [--file FILE …] [--score N]

A mutant counts as noticed only if a test fails: one that no test reaches, one that makes the tests run for ever and one
that ends the process are survivors, like those that nobody notices. Every survivor is listed, with what was changed.

The sample takes one file by chance, six of its mutants, and the tests of its room alone.
"""

import argparse
import contextlib
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Final

from mutmut.__main__ import create_mutants
from mutmut.configuration import reset_config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, walk_mutatable_files

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = ("gateway", "hil", "tests", "deploy", "udev", "README.md", "LICENSE", "pyproject.toml", "uv.lock")
ROOMS: Final = ("metering", "journal")
SCORE_MIN: Final = 90.0
SAMPLED: Final = 6
SAMPLE_SCORE_MIN: Final = 50.0
LINES_MIN: Final = 60
"""A file that is shorter is not drawn for the sample."""


def written(room: Path) -> dict[str, Path]:
    """Writes the mutants of the room's copy below `mutants/`; gives the names of all, each with its file."""
    os.environ.pop("PYTHONPATH", None)
    with contextlib.chdir(room), contextlib.redirect_stdout(io.StringIO()):
        reset_config()
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(os.cpu_count() or 1)
        names: dict[str, Path] = {}
        for path in walk_mutatable_files():
            found = SourceFileMutationData(path=path)
            found.load()
            names |= dict.fromkeys(found.exit_code_by_key, path)
        return names


def judged(room: Path, names: list[str]) -> dict[str, str]:
    """What the tests say of each mutant: killed, survived, no tests, timeout, crashed."""
    asked, told = room / "asked.json", room / "told.json"
    asked.write_text(json.dumps(names), "utf-8")
    words = tomllib.loads((room / "pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    arguments = [*words["pytest_add_cli_args"], *words["pytest_add_cli_args_test_selection"]]
    judge = [sys.executable, "-m", "tests.campaigns._mutant_judge", str(asked), str(told), str(room / "temporary")]
    said = subprocess.run(
        [*judge, *arguments], cwd=room / "mutants", capture_output=True, text=True, errors="replace", check=False
    )
    if not told.exists():
        raise RuntimeError(f"the tests cannot judge mutants:\n{said.stdout[-3000:]}\n{said.stderr[-3000:]}")
    verdicts: dict[str, str] = json.loads(told.read_text("utf-8"))
    return verdicts


def files_of_rooms() -> list[Path]:
    paths = (path for room in ROOMS for path in sorted((ROOT / "gateway" / room).glob("*.py")))
    return [path.relative_to(ROOT) for path in paths]


def narrowed(text: str, files: list[Path], tests: list[str]) -> str:
    """The project's file with other words for what is mutated and which tests are asked."""
    quoted = ", ".join(f'"{path}"' for path in files)
    text = re.sub(r"^only_mutate = .*$", f"only_mutate = [{quoted}]", text, count=1, flags=re.MULTILINE)
    wanted = ", ".join(f'"{path}"' for path in tests)
    pattern = r"^pytest_add_cli_args_test_selection = .*$"
    return re.sub(pattern, f"pytest_add_cli_args_test_selection = [{wanted}]", text, count=1, flags=re.MULTILINE)


def copied(room: Path) -> None:
    for name in COPIED:
        kept = ROOT / name
        if kept.is_dir():
            shutil.copytree(kept, room / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(kept, room / name)


def change(room: Path, name: str, path: Path) -> str:
    """The lines that a mutant has other than the code."""
    with contextlib.chdir(room):
        shown = get_diff_for_mutant(name, path=path).splitlines()
    return "\n".join(f"    {line}" for line in shown if re.match(r"[-+](?![-+])", line))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sample", action="store_true")
    options.add_argument("--seed", type=int, default=20260101)
    options.add_argument("--count", type=int, help=f"so many by chance; in the sample {SAMPLED}, else all")
    options.add_argument("--file", type=Path, action="append", default=[], help="this file alone")
    options.add_argument("--score", type=float, help="the least share that must be noticed, per cent")
    asked = options.parse_args()
    count = asked.count or (SAMPLED if asked.sample else None)
    least = asked.score if asked.score is not None else SAMPLE_SCORE_MIN if count else SCORE_MIN
    files, tests = asked.file, [f"tests/{room}" for room in (*ROOMS, "ledger")]
    if asked.sample and not files:
        long = [path for path in files_of_rooms() if (ROOT / path).read_text("utf-8").count("\n") >= LINES_MIN]
        files = [random.Random(asked.seed).choice(long)]
        tests = [f"tests/{files[0].parts[1]}"]
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-mutants-") as folder:
        room = Path(folder)
        copied(room)
        if files:
            project = room / "pyproject.toml"
            project.write_text(narrowed(project.read_text("utf-8"), files, tests), "utf-8")
        files_of = written(room)
        names = sorted(files_of)
        chosen = sorted(random.Random(asked.seed).sample(names, count)) if count and count < len(names) else names
        print(f"{len(chosen)} of {len(names)} mutants, written after {time.monotonic() - begin_s:.0f} s", flush=True)
        told = judged(room, chosen)
        by_file: dict[str, Counter[str]] = {}
        for name in chosen:
            by_file.setdefault(".".join(name.split(".")[1:3]), Counter())[told[name]] += 1
            if told[name] != "killed":
                print(f"{told[name]}: {name}\n{change(room, name, files_of[name])}")
    for file, counts in by_file.items():
        print(f"{file:<28}{counts['killed']:>5} of {counts.total():>5} noticed")
    noticed = sum(counts["killed"] for counts in by_file.values())
    score = 100 * noticed / len(chosen)
    print(f"{noticed} of {len(chosen)} mutants noticed: {score:.1f} %, at least {least:g} % is asked")
    print(f"seed {asked.seed}, {time.monotonic() - begin_s:.0f} s")
    return 0 if score >= least else 1


if __name__ == "__main__":
    sys.exit(main())
