"""The power fails after every single system call: no acknowledged row is lost, and nothing wrong is taken for right.

strace records what a life of the ledger writes, truncates, links, unlinks and syncs, and when it acknowledges. A model
of the medium then makes, for every point between two calls, images of what a disk may hold: what was synced is there;
of what was not, each 512-byte sector is there or not, and of the names that were made or removed a first part. Each
image is opened by the real store. Its rows must be the first rows of the undisturbed run, bit for bit, with every row
that had been acknowledged; some images are lived on in, and judged like after a kill.
"""

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged
from tests.campaigns._medium import Call, Medium, recorded
from tests.campaigns.strace_kills import Story, clean_life, one_life


def recorded_life(folder: Path, story: Story) -> list[Call]:
    """Lives once under strace, undisturbed; every call that it made."""
    calls, said = recorded(folder.parent / "strace.log", one_life(folder, story))
    story.hear(said)
    return calls


def rows_of(folder: Path) -> list[tuple[int, str, bytes]]:
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    try:
        return connection.execute("SELECT seq, row, hash FROM journal ORDER BY seq").fetchall()
    finally:
        connection.close()


def examined(image: Path, whole: list[tuple[int, str, bytes]], said: list[str]) -> list[str]:
    """What is wrong with an image, opened by the real store."""
    store = None
    try:
        store = JournalStore.open(image)
        for _ in store.facts():
            pass
    except (JournalDamaged, DeviceError, ConfigMistake) as problem:
        return [f"refused: {problem}"]
    finally:
        if store is not None:
            store.close_now()
    rows = rows_of(image)
    if rows != whole[: len(rows)]:
        return ["rows that were never written so, and nobody noticed"]
    texts = [text for _, text, _ in rows]
    wrong = [f"lost: {line}" for line in said if not _is_kept(line, texts)]
    connection = sqlite3.connect(image / JOURNAL_FILE)
    waiting = {at for (at,) in connection.execute("SELECT id FROM outbox")}
    ever = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'outbox'").fetchone()[0] or 0
    connection.close()
    told = {int(line.split()[1]) for line in said if line.startswith("published ")}
    return wrong + [f"message {at} lost" for at in range(1, ever + 1) if at not in waiting | told]


def _is_kept(line: str, texts: list[str]) -> bool:
    words = line.split(" ")
    if words[0] == "durable":
        signed = f'"page":{words[3]},'
        return any('"kind":"PageSigned"' in text and signed in text for text in texts)
    if words[0] == "queued":
        return any('"kind":"SessionQueued"' in text and f'"session":"{words[1]}"' in text for text in texts)
    if words[0] == "quarter":
        row = f'"place":"{words[1]}","register_wh":"{words[2]}"'
        return any('"kind":"PeriodsSigned"' in text and row in text for text in texts)
    return True


@dataclass
class Replay:
    """The campaign over one recorded life."""

    room: Path
    chance: random.Random
    variants: int
    every: int
    live_every: int
    points: int = 0
    images: int = 0
    lived: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self, story: Story, start: Path | None) -> None:
        state, image = self.room / "state", self.room / "image"
        shutil.rmtree(state, ignore_errors=True)
        if start is not None:
            shutil.copytree(start, state)
        medium = Medium(state)
        before = Story(story.lives, story.serial, list(story.said))
        calls = recorded_life(state, story)
        whole = rows_of(state)
        offset = self.chance.randrange(self.every)
        at = 0
        for call in calls:
            if not medium.take(call):
                continue
            at += 1
            if at % self.every != offset:
                continue
            self.points += 1
            for variant in range(self.variants):
                medium.image(image, self.chance if variant else None)
                self.images += 1
                said = [*before.said, *medium.said]
                if self.images % self.live_every == 0:
                    self._live_on(image, Story(story.lives, story.serial, said), f"point {at}, image {variant}")
                else:
                    found = examined(image, whole, said)
                    self.wrong += [f"point {at}, image {variant}: {problem}" for problem in found]

    def _live_on(self, image: Path, story: Story, where: str) -> None:
        self.lived += 1
        for line in story.said:
            if line.startswith("serial "):
                story.serial = line.split()[1]
        self.wrong += [f"{where}, lived on: {problem}" for problem in clean_life(image, story)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="every 18th point")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if shutil.which("strace") is None:
        print("SKIPPED: there is no strace here; apt-get install strace")
        return 0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-power-") as name:
        room = Path(name)
        replay = Replay(room, random.Random(args.seed), 6, 18 if args.sample else 1, 25)
        story = Story()
        replay.run(story, None)
        shutil.copytree(room / "state", room / "first")
        replay.run(story, room / "first")
    for problem in replay.wrong[:50]:
        print(f"WRONG: {problem}")
    print(f"{replay.points} points, {replay.images} images, {replay.lived} of them lived on in; seed {args.seed}")
    print(f"{len(replay.wrong)} wrong; {time.monotonic() - began_s:.0f} s")
    return 1 if replay.wrong or replay.points < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
