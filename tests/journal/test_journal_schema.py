"""A journal of an older version is brought up to date once and whole; one of a newer version is refused in words."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.devices import journal_schema
from gateway.devices.journal_copy import audited
from gateway.devices.journal_file import JOURNAL_FILE, opened_for_reading, verified_facts
from gateway.devices.journal_schema import SCHEMA_VERSION
from gateway.devices.journal_store import JournalStore
from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.journal.facts import ClockSeen
from tests.journal.lived_journal import JOURNALS, laid_out, text_of

NOW = Instant(12.5, datetime(2026, 3, 1, 9, tzinfo=UTC), UtcTrust.SYNCHRONISED)
VERSIONS = range(1, SCHEMA_VERSION + 1)


@pytest.fixture(params=VERSIONS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state folder with the journal that a life under that schema left."""
    folder = tmp_path / "state"
    laid_out((JOURNALS / f"schema-{request.param}.sql").read_text("utf-8"), folder)
    return folder


def schema_of(folder: Path) -> list[tuple[str, str, str]]:
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    found = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
    connection.close()
    return [(kind, name, " ".join((sql or "").replace('"', "").split())) for kind, name, sql in found]


def rows_of(folder: Path) -> list[tuple[int, str, bytes]]:
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    found = connection.execute("SELECT seq, name, row, hash FROM journal ORDER BY seq").fetchall()
    connection.close()
    return found


def open_and_close(folder: Path) -> None:
    store = JournalStore.open(folder)
    assert list(store.facts())
    store.close_now()


def test_every_version_has_a_journal_that_a_life_under_it_left() -> None:
    kept = sorted(file.name for file in JOURNALS.iterdir())
    assert kept == [f"schema-{version}.sql" for version in VERSIONS], "python -m tests.journal.lived_journal makes it"


def test_a_journal_of_any_version_is_whole_before_and_after_it_is_brought_up_to_date(kept: Path) -> None:
    with opened_for_reading(kept) as connection:
        before = audited(connection)
    rows = rows_of(kept)
    open_and_close(kept)
    with opened_for_reading(kept) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert audited(connection).head == before.head
    assert rows_of(kept) == rows


def test_a_migrated_journal_has_the_same_schema_as_a_new_one_and_goes_on(kept: Path, tmp_path: Path) -> None:
    async def more() -> tuple[int, ...]:
        store = JournalStore.open(kept)
        list(store.facts())
        places = await store.append([ClockSeen(NOW, "boot-3")])
        await store.close()
        return places

    rows = len(rows_of(kept))
    assert asyncio.run(more()) == (rows + 1,)
    JournalStore.open(tmp_path / "new").close_now()
    assert schema_of(kept) == schema_of(tmp_path / "new")
    with opened_for_reading(kept) as connection:
        assert list(verified_facts(connection))[-1] == ClockSeen(NOW, "boot-3")


def test_a_journal_is_brought_up_to_date_once(kept: Path) -> None:
    open_and_close(kept)
    after = text_of(kept / JOURNAL_FILE)
    open_and_close(kept)
    assert text_of(kept / JOURNAL_FILE) == after


def test_a_step_that_fails_in_its_middle_leaves_the_journal_as_it_was(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_and_close(kept)
    before = text_of(kept / JOURNAL_FILE)
    steps = (*journal_schema.STEPS, "CREATE TABLE more (id) STRICT; INSERT INTO journal (seq) VALUES (1);")
    monkeypatch.setattr(journal_schema, "STEPS", steps)
    monkeypatch.setattr(journal_schema, "SCHEMA_VERSION", len(steps))
    with pytest.raises(JournalDamaged, match=JOURNAL_FILE):
        JournalStore.open(kept)
    monkeypatch.undo()
    assert text_of(kept / JOURNAL_FILE) == before
    open_and_close(kept)


@pytest.mark.parametrize("opened", [JournalStore.open, lambda folder: opened_for_reading(folder).__enter__()])
def test_a_newer_schema_is_refused_with_the_remedy_and_not_touched(
    kept: Path, opened: Callable[[Path], object]
) -> None:
    connection = sqlite3.connect(kept / JOURNAL_FILE)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = text_of(kept / JOURNAL_FILE)
    with pytest.raises(WrittenByNewer, match=f"schema {SCHEMA_VERSION + 1}.*install that version or a later one"):
        opened(kept)
    assert text_of(kept / JOURNAL_FILE) == before


def test_a_version_without_tables_is_damage(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    file = tmp_path / JOURNAL_FILE
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    file.chmod(0o600)
    with pytest.raises(JournalDamaged, match="has no tables"):
        JournalStore.open(tmp_path)
