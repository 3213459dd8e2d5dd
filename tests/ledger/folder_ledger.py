"""A ledger on a real state folder, with the clock and the meters of the bench."""

from pathlib import Path

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.devices.journal_store import JournalStore
from tests.ledger.ledger_bench import HandClock, begin, end, reading, station


async def opened(folder: Path) -> Ledger:
    return await Ledger.open(JournalStore.open(folder), KeyFolder(folder), HandClock(), station())


async def charge(folder: Path, name: str, kwh: int) -> None:
    ledger = await opened(folder)
    await ledger.record_begin(begin(name, reading(HandClock(), f"{kwh}.00")))
    await ledger.record_end(end(name, reading(HandClock(), f"{kwh}.75")))
    await ledger.shut_down()
