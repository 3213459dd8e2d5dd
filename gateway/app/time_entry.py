"""A time reference entered by hand: into the journal itself where no daemon holds it, else handed to the daemon."""

import asyncio
from pathlib import Path

from gateway.app.ledger_key import KeyFolder, key_of, remembered
from gateway.clock import Instant
from gateway.devices.journal_store import JournalStore
from gateway.devices.time_requests import TimeRequests
from gateway.errors import DeviceError, FolderInUse
from gateway.journal.profile_memory import reference_fact
from gateway.metering.keys import public_key
from gateway.metering.time_references import EnteredTime


async def enter_time(folder: Path, entered: EnteredTime, now: Instant, *, wait_s: float) -> bool:
    """True once it is durable; False if a daemon runs that has not taken it within `wait_s`, and it waits for it.

    Raises DeviceError, ConfigMistake, JournalDamaged.
    """
    try:
        store = await asyncio.to_thread(JournalStore.open, folder)
    except FolderInUse:
        return await _handed_over(TimeRequests(folder), entered, wait_s)
    try:
        keys = KeyFolder(folder)
        memory = await asyncio.to_thread(remembered, store, keys)
        if memory.newest_key is None:
            raise DeviceError(f"{folder}: there is no key yet; it is made when the gateway starts for the first time")
        key = await key_of(memory, store, keys, now)
        reference = entered.reference(public_key(key.public_key_hex).serial)
        fact = await asyncio.to_thread(
            reference_fact, reference, now, key.public_key_hex, lambda text: key.sign(text).hex().upper()
        )
        await store.append([fact])
    finally:
        await store.close()
    return True


async def _handed_over(requests: TimeRequests, entered: EnteredTime, wait_s: float) -> bool:
    requests.leave(entered.text)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + wait_s
    while loop.time() < until_s:
        await asyncio.sleep(0.2)
        if requests.waiting() is None:
            return True
    return False
