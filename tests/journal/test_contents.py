"""What an export takes of a journal: found in one pass, read row by row, and the same as all of it in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.devices.journal_file import open_for_writing, opened_for_reading, rows_after
from gateway.devices.journal_sessions import meter_records_in, outside_in, records_in, sessions_in
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId
from gateway.journal.archive import Archive, archive_of
from gateway.journal.chain import Head, StoredRow
from gateway.journal.contents import Contents, Wanted, contents_of, everything
from gateway.journal.facts import (
    EnergyOutside,
    Fact,
    PageSigned,
    SessionBegun,
    SessionEnded,
)
from gateway.journal.meter_facts import MeterKeyPinned, MeterRecordKept
from gateway.journal.rows import fact_of
from gateway.metering.pins import PinState
from tests.journal.lived_journal import JOURNALS, laid_out
from tests.ledger.ledger_bench import HandClock

NEWEST = max(JOURNALS.glob("schema-*.sql"), key=lambda file: int(file.stem.removeprefix("schema-")))


def stored(facts: list[Fact]) -> list[StoredRow]:
    """These facts as rows."""
    rows, head = [], Head()
    for fact in facts:
        rows.append(head.next(fact))
        head = Head(rows[-1].seq, rows[-1].hash)
    return rows


def meter_fact(session: str | None, page: str) -> MeterRecordKept:
    name = None if session is None else SessionId(session)
    return MeterRecordKept(
        HandClock().now(), SocketId("p1"), name, "GS1", "MS1", page, None, None, "file", f"OCMF|{{{page}}}|"
    )


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> list[Fact]:
    """A whole life, and at its end what a meter signed of its first session, of one that never was, and of none."""
    state = tmp_path_factory.mktemp("contents") / "state"
    laid_out(NEWEST.read_text("utf-8"), state)
    open_for_writing(state).close()
    with opened_for_reading(state) as connection:
        lived = [fact_of(row.seq, row.text) for row in rows_after(connection, 0)]
    pin = MeterKeyPinned(HandClock().now(), "GS1", "MS1", "00", PinState.TOFU, "", "file")
    return [*lived, pin, meter_fact("first", "T1"), meter_fact("nobody", "T2"), meter_fact(None, "T3")]


@pytest.fixture
def state(facts: list[Fact], tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    with open_for_writing(folder) as connection:
        rows = [(row.seq, row.name, row.text, row.hash) for row in stored(facts)]
        connection.executemany("INSERT INTO journal (seq, name, row, hash) VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return folder


def read(state: Path, wanted: Wanted = everything) -> tuple[Contents, Archive]:
    """The contents of a journal, and what is read of it row by row, as an archive."""
    with opened_for_reading(state) as connection:
        contents = contents_of(rows_after(connection, 0), wanted)
        archive = Archive(keys=contents.keys, configs=contents.configs, meter_keys=contents.meter_keys)
        archive.sessions = {session.begun.session: session for session in sessions_in(connection, contents)}
        archive.outside = list(outside_in(connection, contents))
        records = list(records_in(connection, contents))
        kept = list(meter_records_in(connection, contents))
    archive.strays = [one for one in kept if one.session not in archive.sessions]
    assert kept == [one for session in archive.sessions.values() for one in session.meter_records] + archive.strays
    whole = archive_of(fact_of(row.seq, row.text) for row in stored_of(state))
    assert records == [page.record for page in whole.pages if page.page.session in archive.sessions]
    return contents, archive


def stored_of(state: Path) -> Iterator[StoredRow]:
    with opened_for_reading(state) as connection:
        yield from rows_after(connection, 0)


def test_all_of_a_journal_read_row_by_row_is_what_its_facts_add_up_to(state: Path, facts: list[Fact]) -> None:
    contents, archive = read(state)
    whole = archive_of(facts)
    assert archive.sessions == whole.sessions
    assert list(archive.sessions) == list(whole.sessions)
    assert (archive.outside, archive.strays) == (whole.outside, whole.strays)
    assert (contents.keys, contents.configs, contents.meter_keys) == (whole.keys, whole.configs, whole.meter_keys)
    assert whole.head is not None
    assert contents.head == f"{whole.head.seq}:{whole.head.hash}"
    assert (tuple(sorted(contents.sockets)), contents.users) == (
        whole.sockets,
        {session.begun.token for session in whole.sessions.values()},
    )
    assert len(whole.keys) > 1
    assert len(whole.strays) == 2
    assert any(session.ended is None for session in whole.sessions.values())


def test_of_what_is_not_wanted_only_sockets_and_users_are_known(state: Path, facts: list[Fact]) -> None:
    whole = archive_of(facts)
    contents, archive = read(state, lambda fact: isinstance(fact, SessionBegun) and fact.session == "second")
    assert archive.sessions == {SessionId("second"): whole.sessions[SessionId("second")]}
    assert archive.outside == []
    assert len(contents.pages) == 4
    assert not contents.meter_records
    assert tuple(sorted(contents.sockets)) == whole.sockets
    assert contents.users == {session.begun.token for session in whole.sessions.values()}
    socket = whole.outside[0].socket
    contents, archive = read(state, lambda fact: isinstance(fact, EnergyOutside) and fact.socket == socket)
    assert archive.outside == [booked for booked in whole.outside if booked.socket == socket]
    assert (contents.sessions, list(contents.pages)) == ({}, [])


def test_an_end_of_what_is_not_wanted_is_no_row_of_it(facts: list[Fact]) -> None:
    contents = contents_of(stored(facts), lambda _: False)
    assert any(isinstance(fact, SessionEnded) for fact in facts)
    assert (contents.sessions, contents.meter_records, list(contents.outside)) == ({}, {}, [])


def test_a_changed_row_and_a_page_signed_twice_are_damage(facts: list[Fact]) -> None:
    rows = stored(facts)
    rows[3] = StoredRow(4, rows[3].text.replace("2026", "2025"), rows[3].hash)
    with pytest.raises(JournalDamaged, match="row 4 is not the row that was written"):
        contents_of(rows)
    signed = next(fact for fact in facts if isinstance(fact, PageSigned))
    with pytest.raises(JournalDamaged, match=rf"^row {len(facts) + 1} signs page {signed.page}, which was never made"):
        contents_of(stored([*facts, signed]))


def test_a_row_that_is_gone_when_it_is_read_is_damage(state: Path) -> None:
    with opened_for_reading(state) as connection:
        contents = contents_of(rows_after(connection, 0))
        contents.outside[0] = 9_999_999
        with pytest.raises(JournalDamaged, match=r"^row 9999999 is missing$"):
            list(outside_in(connection, contents))
        contents.outside[0] = contents.pages[0]
        contents.pages[0], contents.pages[1] = contents.pages[1], contents.pages[0]
        contents.strays[0] = contents.pages[0]
        for found in (outside_in, records_in, meter_records_in):
            with pytest.raises(JournalDamaged, match=r"^the journal changed while it was read$"):
                list(found(connection, contents))
