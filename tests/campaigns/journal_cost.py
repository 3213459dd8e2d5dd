"""What the journal costs the memory card: bytes and syncs of a day at 16 sockets.

The day is lived by the real ledger on a real disk, in virtual time: three sessions on each socket, T0 booked every
hour, every quarter hour of every socket and of the site signed twice, control's memory saved every minute, messages
taken by the broker. strace counts what the process writes and
syncs. What years of such days cost is measured by `journal_scale`.
"""

import argparse
import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from gateway.app.faults import FaultLog
from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.app.load_profile import LoadProfile
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.ids import SessionId, SocketId
from gateway.site.wishes import NoteQueued, SaveCheckpoint
from tests.campaigns._journal_years import CHARGES_MIN, MINUTES, SESSIONS_A_DAY, SOCKETS, STATION, WAITS, checkpoint
from tests.campaigns.strace_kills import forked, heard
from tests.ledger.ledger_bench import HandClock, begin, end, reading
from tests.ledger.profile_bench import BenchMeters, site_reading

BYTES_A_DAY_MAX = 100_000_000
SYNCS_A_DAY_MAX = 20_000


async def day(folder: Path) -> None:
    """24 hours of 16 sockets, minute by minute."""
    chance, clock = random.Random(1), HandClock()
    registers = {socket: Decimal("1000.00") for socket in SOCKETS}
    running: dict[SocketId, str] = {}
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, STATION)
    meters = BenchMeters(clock, SOCKETS, kwh={str(socket): kwh for socket, kwh in registers.items()})
    profile = LoadProfile(ledger, meters, clock, identities=STATION.meters, faults=FaultLog(), most_w={})
    for minute in range(MINUTES):
        clock.pass_s(60.0)
        await ledger.note(SaveCheckpoint(checkpoint(chance), WAITS))
        for number, socket in enumerate(SOCKETS):
            turn = (minute + 29 * number) % (MINUTES // SESSIONS_A_DAY)
            if turn == 0:
                running[socket] = f"day-{minute}-{socket}"
                await ledger.note(NoteQueued(socket, SessionId(running[socket]), None, None, WAITS))
                await ledger.record_begin(begin(running[socket], reading(clock, registers[socket]), socket=socket))
            elif turn == CHARGES_MIN and socket in running:
                registers[socket] += Decimal(chance.randrange(500, 5000)) / 100
                await ledger.record_end(end(running.pop(socket), reading(clock, registers[socket]), socket=socket))
            elif minute % 60 == 0 and socket not in running:
                registers[socket] += Decimal(chance.randrange(3)) / 100
                await ledger.book_outside(socket, reading(clock, registers[socket]))
        meters.kwh.update({str(socket): kwh for socket, kwh in registers.items()})
        meters.poll()
        meters.grid_energy = site_reading(clock, f"{9000 + minute / 100:.3f}")
        await profile.look()
        pending = await ledger.pending_outbox(50)
        if pending:
            await ledger.outbox_delivered([message.id for message in pending])
    await profile.close()
    await ledger.shut_down()


def cost_of_a_day(folder: Path) -> tuple[int, int, int]:
    """Bytes written, syncs, and bytes that the journal grew by."""
    log = folder.parent / "strace.log"
    gate_r, gate_w = os.pipe()
    pid, pipe = forked(lambda _: asyncio.run(day(folder)), gate_r)
    calls = "trace=pwrite64,write,fsync,fdatasync"
    tracer = subprocess.Popen(
        ["strace", "-f", "-e", calls, "-s", "1", "-o", str(log), "-p", str(pid)], stderr=subprocess.PIPE
    )
    assert tracer.stderr is not None
    if b"attached" not in tracer.stderr.readline():
        raise RuntimeError("strace could not attach")
    os.write(gate_w, b"!")
    heard(pipe)
    _, status = os.waitpid(pid, 0)
    tracer.communicate()
    if status != 0:
        raise RuntimeError("the day did not end well")
    text = log.read_text()
    written = sum(int(size) for size in re.findall(r"(?:write|pwrite64)(?:\(| resumed>).*= (\d+)$", text, re.MULTILINE))
    syncs = len(re.findall(r"(?:fsync|fdatasync)\(", text))
    return written, syncs, (folder / JOURNAL_FILE).stat().st_size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="the same: a day takes seconds")
    parser.add_argument("--seed", type=int, default=1, help="nothing here is left to chance")
    parser.parse_args()
    if shutil.which("strace") is None:
        print("SKIPPED: there is no strace here; apt-get install strace")
        return 0
    with tempfile.TemporaryDirectory(prefix="laddvakt-cost-") as name:
        written, syncs, grown = cost_of_a_day(Path(name) / "day")
    print(f"a day at {len(SOCKETS)} sockets: {written} bytes written, {syncs} syncs; the file is {grown} bytes")
    return 0 if written <= BYTES_A_DAY_MAX and syncs <= SYNCS_A_DAY_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
