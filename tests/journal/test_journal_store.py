"""The journal on a real file: durable, alone, honest about its own death."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.devices.journal_file import (
    JOURNAL_FILE,
    newest_key,
    open_for_writing,
    opened_for_reading,
    require_integrity,
    rows_after,
    verified_facts,
)
from gateway.devices.journal_store import COMMITS_PER_CHECKPOINT, JOBS_MAX, JournalStore
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged
from gateway.journal.facts import ClockSeen, JournalBegun, KeyMade
from gateway.journal.outbox import Kind, Message

NOW = Instant(12.5, datetime(2026, 3, 1, 9, tzinfo=UTC), UtcTrust.SYNCHRONISED)


def note(text: str = "x") -> ClockSeen:
    return ClockSeen(NOW, text)


def with_store(folder: Path, work: Callable[[JournalStore], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def run() -> None:
        store = JournalStore.open(folder, **options)
        try:
            list(store.facts())
            await work(store)
        finally:
            await store.close()

    asyncio.run(run())


def test_facts_are_there_after_closing_and_the_chain_goes_on(tmp_path: Path) -> None:
    async def first(store: JournalStore) -> None:
        assert await store.append([note("a"), note("b")]) == (1, 2)

    async def second(store: JournalStore) -> None:
        assert store.head.seq == 2
        assert await store.append([note("c")]) == (3,)

    folder = tmp_path / "state"
    with_store(folder, first)
    with_store(folder, second)
    with opened_for_reading(folder) as connection:
        require_integrity(connection)
        assert list(verified_facts(connection)) == [note("a"), note("b"), note("c")]


def test_the_file_and_its_folder_are_the_daemons_alone(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        await store.append([note()])
        for file in folder.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file

    folder = tmp_path / "state"
    with_store(folder, work)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(("name", "mode"), [(".", 0o750), (JOURNAL_FILE, 0o640)])
def test_a_mode_that_lets_others_in_ends_the_start_with_the_remedy(tmp_path: Path, name: str, mode: int) -> None:
    async def nothing(store: JournalStore) -> None:
        assert store.accepts

    with_store(tmp_path / "state", nothing)
    (tmp_path / "state" / name).chmod(mode)
    with pytest.raises(ConfigMistake) as mistake:
        JournalStore.open(tmp_path / "state")
    assert "chmod" in str(mistake.value.mistakes[0])


def test_settings_are_what_durability_needs(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    connection = open_for_writing(tmp_path)
    answers = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "cell_size_check")
    }
    connection.close()
    assert answers == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
    }


def test_a_second_daemon_is_told_to_stop_the_first(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        with pytest.raises(DeviceError, match="another Laddvakt"):
            JournalStore.open(tmp_path / "state")

    with_store(tmp_path / "state", work)
    with_store(tmp_path / "state", lambda store: asyncio.sleep(0))


def test_the_writer_proves_that_it_lives_while_it_has_nothing_to_do(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        for _ in range(3):
            seen, deadline = store.progress, time.monotonic() + 0.5
            while store.progress == seen:
                assert time.monotonic() < deadline, "no progress for half a second"
                await asyncio.sleep(0.01)

    with_store(tmp_path / "state", work)


def test_all_facts_of_an_append_are_durable_or_none(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        with pytest.raises(JournalDamaged):
            await store.append([note("before"), JournalBegun(NOW), JournalBegun(NOW)], [Message(Kind.EVENT, "{}")])

    with_store(tmp_path / "state", work)
    with opened_for_reading(tmp_path / "state") as connection:
        assert list(verified_facts(connection)) == []
        assert connection.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0


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


def test_messages_wait_in_order_and_leave_when_delivered(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        await store.append([note()], [Message(Kind.EVENT, "1"), Message(Kind.SESSION, "2")])
        await store.append([note()], [Message(Kind.EVENT, "3")])
        pending = await store.pending_outbox(2)
        assert [message.body for message in pending] == ["1", "2"]
        await store.outbox_delivered([message.id for message in pending])
        (last,) = await store.pending_outbox(10)
        await store.outbox_delivered([last.id])
        await store.append([note()], [Message(Kind.EVENT, "4")])
        (newer,) = await store.pending_outbox(10)
        assert newer.id > last.id

    with_store(tmp_path / "state", work)


def test_the_log_is_moved_into_the_file_again_and_again(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        for at in range(3 * COMMITS_PER_CHECKPOINT):
            await store.append([note(str(at))])
        log = (tmp_path / "state" / f"{JOURNAL_FILE}-wal").stat().st_size
        assert log < 2 * COMMITS_PER_CHECKPOINT * 4 * 4096

    with_store(tmp_path / "state", work)


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


def test_other_files_and_other_schemas_are_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    file = tmp_path / JOURNAL_FILE
    file.write_bytes(b"this is not a database at all, but a text of more than a hundred bytes" * 3)
    file.chmod(0o600)
    with pytest.raises(JournalDamaged):
        JournalStore.open(tmp_path)
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE thing (id)")
    other.close()
    file.chmod(0o600)
    with pytest.raises(JournalDamaged, match="not a Laddvakt journal"):
        JournalStore.open(tmp_path)
    file.unlink()
    JournalStore.open(tmp_path).close_now()
    with sqlite3.connect(file) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(JournalDamaged, match="schema 99"):
        JournalStore.open(tmp_path)


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


def test_a_reader_beside_the_daemon_sees_one_moment_and_disturbs_nobody(tmp_path: Path) -> None:
    async def work(store: JournalStore) -> None:
        await store.append([note("a")])
        with opened_for_reading(tmp_path / "state") as connection:
            await store.append([note("b")])
            assert [row.seq for row in rows_after(connection, 0)] == [1]
        with opened_for_reading(tmp_path / "state") as connection:
            assert [row.seq for row in rows_after(connection, 0)] == [1, 2]
            with pytest.raises(sqlite3.OperationalError):
                connection.execute("DELETE FROM outbox")

    with_store(tmp_path / "state", work)


def test_there_is_nothing_to_read_where_no_journal_is(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no journal"), opened_for_reading(tmp_path):
        pass


def test_the_newest_key_is_found_without_reading_the_rest(tmp_path: Path) -> None:
    made = KeyMade(NOW, "AB", "1")

    async def work(store: JournalStore) -> None:
        with opened_for_reading(tmp_path / "state") as connection, pytest.raises(DeviceError, match="no key"):
            newest_key(connection)
        await store.append([made, note()])
        with opened_for_reading(tmp_path / "state") as connection:
            assert newest_key(connection) == made

    with_store(tmp_path / "state", work)


KILLED = """
import asyncio, os, sys
from pathlib import Path
from tests.journal.test_journal_store import JournalStore, note

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
from tests.journal.test_journal_store import JournalStore, note

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
