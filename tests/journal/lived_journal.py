"""A journal as a whole life writes it, kept as SQL text for the versions to come.

`python -m tests.journal.lived_journal` writes `journals/schema-N.sql` of the schema of today. A file that is there is
never written again: it is what a user of that version has on the disk.
"""

import asyncio
import sqlite3
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder, hand_over
from gateway.clock import UtcTrust
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.site.because import Because, Why
from gateway.site.wishes import EndKind, NoteEvent, NoteQueued, NoteWithdrawn, SaveCheckpoint
from tests.ledger.ledger_bench import SOCKETS, HandClock, begin, end, reading, station

JOURNALS: Final = Path(__file__).parent / "journals"
WAITS: Final = Because(Why.QUEUED)


def text_of(file: Path) -> str:
    """The whole database as SQL, what its header says among it."""
    connection = sqlite3.connect(file)
    pragmas = [
        (name, connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version")
    ]
    lines = [*connection.iterdump(), *(f"PRAGMA {name} = {value};" for name, value in pragmas)]
    connection.close()
    return "\n".join(lines) + "\n"


def laid_out(text: str, folder: Path) -> None:
    """The state folder of somebody who has this journal, without its key."""
    folder.mkdir(mode=0o700)
    file = folder / JOURNAL_FILE
    file.touch(0o600)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.executescript(text)
    connection.close()


async def lived(folder: Path) -> None:
    """Sessions completed, recovered and still open, a meter exchanged, a clock lost and stepped, a key handed over."""
    clock = HandClock()
    p1, p2, p3 = SOCKETS
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station())
    for at, name in enumerate(("first", "second")):
        queued = begin(name, reading(clock, f"{10 + 5 * at}.00"))
        await ledger.note(NoteQueued(p1, queued.session, queued.token, None, WAITS))
        await ledger.record_begin(queued)
        clock.pass_s(3600.0)
        if at:
            clock.trust = UtcTrust.INFORMATIVE
        await ledger.note(SaveCheckpoint(f'{{"queue":[{at}]}}', WAITS))
        await ledger.record_end(end(name, reading(clock, f"{13 + 5 * at}.50")))
        await ledger.book_outside(p1, reading(clock, f"{14 + 5 * at}.00"))
    gone = begin("gone", reading(clock, "0.00"), socket=p2)
    await ledger.note(NoteQueued(p2, gone.session, None, None, WAITS))
    await ledger.note(NoteWithdrawn(p2, gone.session, Because(Why.COMMAND)))
    await ledger.note(NoteEvent(p2, Because(Why.OVERLOAD, current_a=17.5)))
    await ledger.record_begin(begin("exchanged", reading(clock, "7.00", "A1"), socket=p2))
    clock.trust = UtcTrust.SYNCHRONISED
    clock.utc += timedelta(hours=1)
    await ledger.record_begin(begin("doubted", reading(clock, "3.00", "C1"), socket=p3))
    clock.trust = UtcTrust.UNKNOWN
    await ledger.record_end(end("exchanged", reading(clock, "0.50", "B1"), socket=p2))
    clock.pass_s(60.0)
    clock.trust = UtcTrust.SYNCHRONISED
    await ledger.record_end(end("doubted", reading(clock, "4.25", "C1"), socket=p3, kind=EndKind.RECOVERED))
    await ledger.shut_down()
    await hand_over(folder, clock.now())
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station("boot-2"))
    await ledger.record_begin(begin("open", reading(clock, "20.00")))
    clock.trust = UtcTrust.UNKNOWN
    await ledger.record_begin(begin("beside", reading(clock, "5.00", "C1"), socket=p3))
    await ledger.note(NoteQueued(p2, gone.session, None, None, WAITS))
    await ledger.shut_down()


def main() -> int:
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room) / "state"
        asyncio.run(lived(folder))
        text = text_of(folder / JOURNAL_FILE)
    version = text.rpartition("user_version = ")[2].partition(";")[0]
    file = JOURNALS / f"schema-{version}.sql"
    if file.exists():
        print(f"{file.name} is there already and stays as it is")
        return 1
    file.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
