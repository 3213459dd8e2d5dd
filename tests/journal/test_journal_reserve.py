"""The held room is given up only when it is the last, and taken back when there is room again."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.devices.journal_file import opened_for_reading
from gateway.devices.journal_reserve import HELD_BYTES, RESERVE_FILE, SLICE_BYTES, SpaceReserve
from gateway.devices.journal_store import JournalStore
from gateway.journal.facts import JournalBegun
from gateway.journal.outbox import Kind, Message

KEEP_FREE_BYTES = 16 * 1024 * 1024


class Disk:
    """A medium whose free space the test sets; what is held is taken from it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.free_bytes = 1 << 30
        self.is_gone = False

    def statvfs(self, _path: object) -> SimpleNamespace:
        if self.is_gone:
            raise OSError(5, "Input/output error")
        held = self.file.stat().st_size if self.file.exists() else 0
        return SimpleNamespace(f_bavail=self.free_bytes - held, f_frsize=1)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk(tmp_path / RESERVE_FILE)
    monkeypatch.setattr(os, "statvfs", made.statvfs)
    return made


def test_room_is_held_for_the_daemon_alone_as_soon_as_there_is_some(tmp_path: Path, disk: Disk) -> None:
    assert SpaceReserve(tmp_path, KEEP_FREE_BYTES).has_room()
    held = disk.file.stat()
    assert (held.st_size, held.st_mode & 0o777) == (HELD_BYTES, 0o600)
    assert held.st_blocks * 512 >= HELD_BYTES, "the room is really taken, not only promised"


def test_without_enough_room_nothing_is_held_and_no_session_begins(tmp_path: Path, disk: Disk) -> None:
    disk.free_bytes = KEEP_FREE_BYTES + HELD_BYTES - 1
    assert not SpaceReserve(tmp_path, KEEP_FREE_BYTES).has_room()
    assert not disk.file.exists()
    disk.free_bytes += 1
    assert not disk.file.exists()
    assert SpaceReserve(tmp_path, KEEP_FREE_BYTES).has_room()


def test_a_nearly_full_medium_begins_nothing_and_gives_nothing_up(tmp_path: Path, disk: Disk) -> None:
    reserve = SpaceReserve(tmp_path, KEEP_FREE_BYTES)
    reserve.has_room()
    disk.free_bytes = HELD_BYTES + KEEP_FREE_BYTES - 1
    assert not reserve.has_room()
    disk.free_bytes = HELD_BYTES + SLICE_BYTES
    reserve.make_room()
    assert disk.file.stat().st_size == HELD_BYTES


def test_a_full_medium_gets_one_slice_for_each_write_until_none_is_left_and_all_is_held_again_later(
    tmp_path: Path, disk: Disk
) -> None:
    reserve = SpaceReserve(tmp_path, KEEP_FREE_BYTES)
    reserve.has_room()
    slices = 0
    while disk.file.stat().st_size:
        disk.free_bytes = disk.file.stat().st_size + SLICE_BYTES - 1  # the neighbour took the last slice
        reserve.make_room()
        assert not reserve.has_room()
        slices += 1
    assert slices == HELD_BYTES // SLICE_BYTES
    reserve.make_room()
    disk.free_bytes = 1 << 30
    assert reserve.has_room()
    assert disk.file.stat().st_size == HELD_BYTES


def test_half_a_reserve_is_none_until_it_is_whole_again(tmp_path: Path, disk: Disk) -> None:
    disk.file.write_bytes(b"x")
    disk.free_bytes = KEEP_FREE_BYTES + HELD_BYTES - 1
    assert not SpaceReserve(tmp_path, KEEP_FREE_BYTES).has_room()
    disk.free_bytes += 1
    assert SpaceReserve(tmp_path, KEEP_FREE_BYTES).has_room()
    assert disk.file.stat().st_size == HELD_BYTES


def test_a_medium_that_cannot_be_asked_or_gives_no_room_begins_nothing(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    reserve = SpaceReserve(tmp_path, KEEP_FREE_BYTES)
    assert not reserve.has_room()
    assert disk.file.stat().st_size == 0
    disk.file.write_bytes(b"x")
    disk.is_gone = True
    assert not reserve.has_room()
    reserve.make_room()
    assert disk.file.stat().st_size == 1


@pytest.mark.parametrize(("free_slices", "wanted", "given"), [(0, 1, 1), (0, 2, 2), (1, 2, 1), (2, 2, 0), (0, 99, 16)])
def test_as_many_slices_are_given_up_as_are_missing(
    tmp_path: Path, disk: Disk, free_slices: int, wanted: int, given: int
) -> None:
    reserve = SpaceReserve(tmp_path, KEEP_FREE_BYTES)
    reserve.has_room()
    disk.free_bytes = HELD_BYTES + free_slices * SLICE_BYTES
    assert reserve.has_slices(wanted) is (free_slices >= wanted)
    reserve.make_room(wanted)
    assert disk.file.stat().st_size == HELD_BYTES - given * SLICE_BYTES


def test_what_the_broker_took_is_forgotten_only_when_a_full_medium_has_room_again(tmp_path: Path, disk: Disk) -> None:
    async def run() -> None:
        store = JournalStore.open(tmp_path)
        list(store.facts())
        now = Instant(1.0, datetime(2026, 3, 1, tzinfo=UTC), UtcTrust.SYNCHRONISED)
        await store.append([JournalBegun(now)], [Message(Kind.EVENT, text) for text in ("1", "2", "3")])
        first, second, _ = await store.pending_outbox(3)
        disk.free_bytes = disk.file.stat().st_size
        await store.outbox_delivered([first.id, second.id])
        assert [message.body for message in await store.pending_outbox(1)] == ["3"], "nothing is sent twice meanwhile"
        assert kept() == 3
        disk.free_bytes = 1 << 30
        await store.pending_outbox(1)
        assert kept() == 1
        await store.close()

    def kept() -> int:
        with opened_for_reading(tmp_path) as connection:
            return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])

    tmp_path.chmod(0o700)
    asyncio.run(run())
