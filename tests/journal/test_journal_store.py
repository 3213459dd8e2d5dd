"""The journal on a real file: durable, alone, in order, and read without disturbing it."""

import asyncio
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from gateway.devices.journal_file import (
    JOURNAL_FILE,
    newest_key,
    open_for_writing,
    opened_for_reading,
    require_integrity,
    rows_after,
    verified_facts,
)
from gateway.devices.journal_store import COMMITS_PER_CHECKPOINT, JournalStore
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged
from gateway.journal.facts import JournalBegun, KeyMade
from gateway.journal.outbox import Kind, Message
from tests.journal.store_bench import NOW, note, with_store


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
