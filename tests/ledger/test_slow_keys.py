"""A key that takes its time, or never answers: whatever else the process does goes on."""

import asyncio
import threading
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from gateway.app.ledger import Ledger
from gateway.app.signing_thread import SigningThread
from gateway.devices.protocols import SignerKey
from gateway.errors import DeviceError, JournalDamaged
from gateway.metering.clock_watch import Cause
from gateway.metering.load_profile import Shown
from gateway.metering.time_references import EnteredTime
from gateway.quantities import EnergyRegister
from tests.ledger.ledger_bench import (
    NOON,
    SOCKETS,
    Disk,
    DyingStore,
    HandClock,
    PocketKey,
    PocketKeys,
    begin,
    end,
    payloads,
    reading,
    station,
)


class SlowKey(PocketKey):
    """Signs only after the event loop has turned once more: who signs on the loop waits in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.signatures = 0
        self.busy = 0
        self.busy_max = 0
        self.gone = False

    def sign(self, payload: bytes) -> bytes:
        if self.gone:
            raise DeviceError("token gone")
        self.busy += 1
        self.busy_max = max(self.busy, self.busy_max)
        turned = threading.Event()
        assert self.loop is not None
        self.loop.call_soon_threadsafe(turned.set)
        assert turned.wait(5.0), "the loop stood still while a token signed"
        self.busy -= 1
        self.signatures += 1
        return super().sign(payload)


@dataclass
class BeginsWith(PocketKeys):
    """Keys of a first start whose new key is this one."""

    first: PocketKey = field(default_factory=PocketKey)

    def make(self) -> SignerKey:
        self.key = self.first
        return self.first


def test_nothing_waits_for_a_token_and_the_pages_stay_in_order() -> None:
    disk, key, clock = Disk(), SlowKey(), HandClock()
    entered = EnteredTime("boot-1", Decimal("1000.000"), NOON, "the board")
    shown = Shown("p1", "12345678", clock.now(), EnergyRegister(Decimal("1.00"), Decimal("0.01"), ()))

    async def life() -> None:
        key.loop = asyncio.get_running_loop()
        ledger = await Ledger.open(DyingStore(disk), BeginsWith(first=key), clock, station())
        begun = ledger.record_begin(begin("s1", reading(clock, "1.00")))
        await asyncio.gather(begun, ledger.refer_time(Cause.STEP), ledger.register([shown]))
        ended = ledger.record_end(end("s1", reading(clock, "2.00")))
        await asyncio.gather(ended, ledger.enter_time(entered))
        await ledger.shut_down()

    asyncio.run(life())
    assert [page["PG"] for page in payloads(disk)] == ["T1", "T2"]
    assert key.busy_max == 1
    assert key.signatures >= 9


@pytest.mark.parametrize("edge", ["begin", "end", "reference", "register"])
def test_a_key_that_fails_is_the_end_of_the_journal_whatever_was_to_be_signed(edge: str) -> None:
    disk, key, clock = Disk(), SlowKey(), HandClock()
    shown = Shown("p1", "12345678", clock.now(), EnergyRegister(Decimal("1.00"), Decimal("0.01"), ()))

    async def life() -> None:
        key.loop = asyncio.get_running_loop()
        ledger = await Ledger.open(DyingStore(disk), BeginsWith(first=key), clock, station())
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        key.gone = True
        work = {
            "begin": ledger.record_begin(begin("s2", reading(clock, "1.00", "87654321"), socket=SOCKETS[1])),
            "end": ledger.record_end(end("s1", reading(clock, "2.00"))),
            "reference": ledger.refer_time(Cause.STEP),
            "register": ledger.register([shown]),
        }
        wanted = work.pop(edge)
        for other in work.values():
            other.close()
        assert ledger.accepts
        with pytest.raises(JournalDamaged, match="token gone"):
            await wanted
        key.gone = False
        assert not ledger.accepts
        assert not ledger.accepts_sessions
        rows = len(disk.rows)
        with pytest.raises(JournalDamaged, match="not tried again"):
            await ledger.record_begin(begin("s3", reading(clock, "3.00"), socket=SOCKETS[2]))
        await ledger.shut_down()
        assert len(disk.rows) == rows

    asyncio.run(life())


def test_a_key_that_hangs_is_given_up_in_time() -> None:
    answers = threading.Event()

    async def life() -> None:
        signing = SigningThread(PocketKey(), within_s=0.01)
        with pytest.raises(JournalDamaged, match="no answer within"):
            await signing.apart(lambda: answers.wait(5.0))
        answers.set()
        with pytest.raises(JournalDamaged, match="no answer"):
            await signing.sign(b"later")

    asyncio.run(life())
