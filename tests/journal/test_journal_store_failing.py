"""The journal on a real file when something fails: a write, the medium, the process, the room; and what is found."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.devices.journal_file import (
    JOURNAL_FILE,
    opened_for_reading,
    verified_facts,
)
from gateway.devices.journal_store import JOBS_MAX, JournalStore
from gateway.errors import DeviceError, JournalDamaged
from gateway.journal.facts import JournalBegun
from tests.journal.store_bench import NOW, note, with_store


def test_after_one_error_nothing_is_ever_written_again(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        await store.append([JournalBegun(NOW)])
        assert store.accepts_sessions
        with pytest.raises(JournalDamaged):
            await store.append([JournalBegun(NOW)])
        assert (store.accepts, store.accepts_sessions) == (False, False)
        for _ in range(2):
            with pytest.raises(JournalDamaged, match="not tried again"):
                await store.append([note()])
        with pytest.raises(JournalDamaged):
            await store.pending_outbox(1)

    with_store(tmp_path / "state", work)
    with opened_for_reading(tmp_path / "state") as connection:
        assert list(verified_facts(connection)) == [JournalBegun(NOW)]


def test_jobs_that_waited_behind_an_error_are_refused_too(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        await store.append([JournalBegun(NOW)])
        answers = await asyncio.gather(
            store.append([JournalBegun(NOW)]), store.append([note()]), store.append([note()]), return_exceptions=True
        )
        assert all(isinstance(answer, JournalDamaged) for answer in answers)

    with_store(tmp_path / "state", work)


def test_a_writer_that_does_not_keep_up_is_said_to_be_so(tmp_path: Path) -> None:
    async def run() -> None:
        store = JournalStore.open(tmp_path / "state")  # its facts are not read, so its writer has not started
        waiting = [asyncio.ensure_future(store.append([note()])) for _ in range(JOBS_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(DeviceError, match="keep up"):
            await store.append([note()])
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await store.close()
        with pytest.raises(JournalDamaged, match="closed"):
            await store.append([note()])

    asyncio.run(run())


def test_a_caller_that_gave_up_does_not_hurt_the_writer(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        for _ in range(20):
            asking = asyncio.ensure_future(store.pending_outbox(1))
            await asyncio.sleep(0)
            asking.cancel()
        assert len(await store.append([note()])) == 1

    with_store(tmp_path / "state", work)


def test_below_the_reserve_no_session_begins_but_facts_are_taken(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        assert store.accepts
        assert not store.accepts_sessions
        await store.append([note()])

    with_store(tmp_path / "state", work, reserve_bytes=2**62)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE journal SET row = replace(row, 'two', 'six') WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 1",
        "UPDATE journal SET hash = zeroblob(32) WHERE seq = 3",
        "UPDATE journal SET seq = 9 WHERE seq = 3",
    ],
)
def test_rows_cannot_be_changed_and_a_change_behind_our_back_is_found(tmp_path: Path, harm: str) -> None:
    async def work(store: JournalStore) -> None:
        await store.append([note("one"), note("two"), note("three")])

    folder = tmp_path / "state"
    with_store(folder, work)
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(harm)
    connection.execute("DROP TRIGGER journal_rows_are_never_changed")
    connection.execute("DROP TRIGGER journal_rows_are_never_deleted")
    connection.execute(harm)
    connection.commit()
    connection.close()
    store = JournalStore.open(folder)
    with pytest.raises(JournalDamaged):
        list(store.facts())
    store.close_now()


def test_a_torn_page_in_the_middle_is_found(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        for at in range(200):
            await store.append([note(f"{at} " + "text " * 50)])

    folder = tmp_path / "state"
    with_store(folder, work)
    file = folder / JOURNAL_FILE
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 512] = bytes(512)
    file.write_bytes(content)
    with pytest.raises(JournalDamaged):
        list(JournalStore.open(folder).facts())


KILLED = """
import asyncio, os, sys
from pathlib import Path
from gateway.devices.journal_store import JournalStore
from tests.journal.store_bench import note

async def run():
    store = JournalStore.open(Path(sys.argv[1]))
    list(store.facts())
    for at in range(50):
        await store.append([note(str(at))])
        os.write(1, b"%d\\n" % at)
        if at == int(sys.argv[2]):
            os.kill(os.getpid(), 9)

asyncio.run(run())
"""


STARVED = """
import asyncio, os, resource, signal, sys
from pathlib import Path
from gateway.errors import JournalDamaged
from gateway.devices.journal_store import JournalStore
from tests.journal.store_bench import note

async def run():
    store = JournalStore.open(Path(sys.argv[1]))
    list(store.facts())
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    acknowledged = 0
    try:
        while True:
            await store.append([note(str(acknowledged) + " x" * 500)])
            acknowledged += 1
    except JournalDamaged:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        await store.append([note("after")])
    except JournalDamaged:
        print(acknowledged, store.accepts)
    await store.close()

asyncio.run(run())
"""


def test_a_medium_that_refuses_a_write_ends_the_store_for_good_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-c", STARVED, str(folder)], capture_output=True, text=True, env=environment(), check=True
    )
    acknowledged, accepts = done.stdout.split()
    assert int(acknowledged) > 10
    assert accepts == "False", "room came back, but nothing is tried again on that connection"
    store = JournalStore.open(folder)
    found = list(store.facts())
    assert found[: int(acknowledged)] == [note(str(at) + " x" * 500) for at in range(int(acknowledged))]
    assert note("after") not in found
    store.close_now()


def environment() -> dict[str, str]:
    paths = [path for path in (str(Path.cwd()), *sys.path) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.mark.parametrize("last", [0, 7, 33])
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path, last: int) -> None:
    folder = tmp_path / "state"
    command = [sys.executable, "-c", KILLED, str(folder), str(last)]
    done = subprocess.run(command, capture_output=True, env=environment(), check=False)
    assert done.returncode == -9, done.stderr
    acknowledged = [int(line) for line in done.stdout.split()]
    assert acknowledged[-1] == last
    store = JournalStore.open(folder)
    assert list(store.facts()) == [note(str(at)) for at in acknowledged]
    store.close_now()
