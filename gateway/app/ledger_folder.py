"""The ledger of a state folder: the journal and the key that lie there, on this machine as it is since its start."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import partial
from pathlib import Path
from types import MappingProxyType

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder, token_place
from gateway.config.plans import SigningTokenPlan
from gateway.devices.boot_id import read_boot_id
from gateway.devices.journal_store import JournalStore
from gateway.devices.protocols import Clock
from gateway.devices.software_identity import software_identity
from gateway.ids import GatewayId, SocketId
from gateway.journal.entries import Station
from gateway.metering.clock_watch import Discipline, undisciplined
from gateway.metering.ocmf import MeterIdentity


async def open_ledger(
    state_dir: Path,
    clock: Clock,
    *,
    gateway_id: GatewayId,
    version: str,
    time_zone: tzinfo,
    meters: Mapping[SocketId, MeterIdentity],
    minimum_wh: Mapping[SocketId, int],
    discipline: Callable[[], Discipline] = undisciplined,
    config: str = "",
    tariff_ids: Mapping[SocketId, str] = MappingProxyType({}),
    streams_rows: bool = False,
    token: SigningTokenPlan | None = None,
) -> Ledger:
    """The ledger of the state folder: journal, key, boot id and software identity of this machine.

    Raises DeviceError (also if another daemon holds the folder), ConfigMistake, JournalDamaged.
    """
    boot_id = await asyncio.to_thread(read_boot_id)
    station = Station(
        gateway_id, version, software_identity(), boot_id, time_zone, meters, minimum_wh, config, tariff_ids
    )
    store = await asyncio.to_thread(partial(JournalStore.open, state_dir, streams_rows=streams_rows))
    try:
        keys = KeyFolder(state_dir, token_place(token), as_configured=True)
        await asyncio.to_thread(keys.follow)
        return await Ledger.open(store, keys, clock, station, discipline)
    except BaseException:
        await store.close()
        raise
