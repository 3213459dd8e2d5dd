"""What is asked of the journal from outside: records to take in, a meter's key to confirm. Carried out in its turn by
the running gateway, or by the command itself while the gateway is stopped. A running
gateway forgets a socket's phases in `phase_orders`."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from gateway.app.fact_store import FactStore
from gateway.app.ledger_key import KeyFolder, gateway_serial, key_of, remembered
from gateway.clock import Instant
from gateway.control.checkpoint import ControlCheckpoint
from gateway.devices.journal_store import JournalStore
from gateway.devices.protocols import Clock
from gateway.errors import DeviceError
from gateway.ids import SessionId, SocketId
from gateway.journal import facts
from gateway.journal.entries import Entry
from gateway.journal.facts import Fact, HeadSigned
from gateway.journal.heads import head_message, head_text
from gateway.journal.imports import Handed, Outcome, confirm_entry, import_entry, names_of
from gateway.journal.meter_facts import pin_name
from gateway.journal.recovery import Memory
from gateway.metering.pins import Pin, PinState
from gateway.metering.verdicts import Reason

EntryOf = Callable[[Memory, FactStore, Instant], Coroutine[Any, Any, Entry]]


class LedgerTurn(Protocol):
    """Where an entry is worked out and stored in one go (`app.ledger.Ledger`)."""

    async def enter(self, entry_of: EntryOf) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    """Records to take in, one key to confirm, or one socket whose learned phases are to be forgotten."""

    records: tuple[Handed, ...] = ()
    confirm: Pin | None = None
    forget_phases: SocketId | None = None


async def taken_in(ledger: LedgerTurn, handed: Handed, *, spares_disk: bool = False) -> Outcome:
    """What became of a record, once it is durable. spares_disk: nothing is stored of what nobody can prove. Raises
    JournalDamaged, DeviceError."""
    outcomes: list[Outcome] = []

    async def entry_of(memory: Memory, store: FactStore, now: Instant) -> Entry:
        entry, outcome = import_entry(memory, handed, await _known(store, names_of(handed)), now)
        outcomes.append(outcome)
        is_proven = outcome.reason is None and outcome.pin is not None
        return Entry(()) if spares_disk and not is_proven else entry

    await ledger.enter(entry_of)
    return outcomes[0]


async def confirmed(ledger: LedgerTurn, pin: Pin) -> Outcome:
    """A meter's key, compared by somebody with a source outside the data."""
    others: list[Pin | None] = []

    async def entry_of(memory: Memory, store: FactStore, now: Instant) -> Entry:
        known = await _known(store, [pin_name(state, pin.gateway, pin.meter or "") for state in PinState])
        entry, other = confirm_entry(memory, known.values(), pin, now)
        others.append(other)
        return entry

    await ledger.enter(entry_of)
    other = others[0]
    return Outcome(None, pin=PinState.CONFIRMED) if other is None else Outcome(Reason.FOREIGN_KEY, other.key)


async def carried_out(ledger: LedgerTurn, order: Order) -> tuple[Outcome, ...]:
    """What became of each part of the order. Raises JournalDamaged, DeviceError."""
    if order.confirm is not None:
        return (await confirmed(ledger, order.confirm),)
    return tuple([await taken_in(ledger, handed) for handed in order.records])


async def carried_out_stopped(folder: Path, order: Order, clock: Clock) -> tuple[Outcome, ...]:
    """The same while no gateway runs on that folder. Raises FolderInUse if one does, DeviceError, ConfigMistake,
    JournalDamaged."""
    store = await asyncio.to_thread(JournalStore.open, folder)
    try:
        keys = KeyFolder(folder)
        memory = await asyncio.to_thread(remembered, store, keys)
        if memory.newest_key is None:
            raise DeviceError(f"{folder}: there is no journal with a key yet; start the gateway once")
        key = await key_of(memory, store, keys, clock.now())
        stopped = _StoppedLedger(store, memory, key.sign, clock)
        if order.forget_phases is not None:
            await _phases_forgotten(stopped, order.forget_phases)
        return await carried_out(stopped, order)
    finally:
        await store.close()


async def _phases_forgotten(ledger: LedgerTurn, socket: SocketId) -> None:
    """A checkpoint like the newest, without what was learned of the socket's phases."""

    async def entry_of(memory: Memory, _store: FactStore, now: Instant) -> Entry:
        if memory.checkpoint is None:
            return Entry(())
        known = ControlCheckpoint.from_text(memory.checkpoint)
        return Entry((facts.ControlCheckpoint(now, known.without_phases(socket).to_text()),))

    await ledger.enter(entry_of)


@dataclass(frozen=True, slots=True)
class _StoppedLedger:
    """The journal of a gateway that does not run: facts are stored and vouched for, and nothing else is done."""

    store: JournalStore
    memory: Memory
    sign: Callable[[bytes], bytes]
    clock: Clock

    async def enter(self, entry_of: EntryOf) -> None:
        entry = await entry_of(self.memory, self.store, self.clock.now())
        if not entry.facts:
            return
        await self.store.append(entry.facts, entry.messages)
        for fact in entry.facts:
            self.memory.absorb(fact)
        head, key = self.store.head, self.memory.newest_key or ""
        signature = (await asyncio.to_thread(self.sign, head_text(gateway_serial(key), head))).hex().upper()
        signed = HeadSigned(self.clock.now(), key, head.seq, head.hash.hex(), signature)
        await self.store.append([signed], [head_message(signed, gateway_serial(key))])
        self.memory.absorb(signed)


async def _known(store: FactStore, names: Sequence[str]) -> dict[str, Fact]:
    found = [(name, await store.fact_named(name)) for name in names]
    return {name: fact for name, fact in found if fact is not None}


def order_text(order: Order) -> str:
    """The order as one JSON text."""
    pin = order.confirm
    return json.dumps(
        {
            "records": [[one.socket, one.octets.hex(), one.source, one.key, one.session] for one in order.records],
            "confirm": None if pin is None else [pin.gateway, pin.meter, pin.key, pin.who, pin.how],
            "forget_phases": order.forget_phases,
        }
    )


def order_of(text: str) -> Order:
    """The order back from its text. Raises ValueError, TypeError, KeyError."""
    said = json.loads(text)
    records = tuple(
        Handed(SocketId(socket), bytes.fromhex(octets), source, key, None if session is None else SessionId(session))
        for socket, octets, source, key, session in said["records"]
    )
    forgotten = said.get("forget_phases")
    if said["confirm"] is None:
        return Order(records, None, None if forgotten is None else SocketId(forgotten))
    gateway, meter, key, who, how = said["confirm"]
    return Order((), Pin(gateway, meter, key, PinState.CONFIRMED, who, "", how))


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """The answer as one JSON text."""
    return json.dumps(
        [
            [
                None if one.reason is None else one.reason.value,
                one.detail,
                one.session,
                None if one.energy_kwh is None else str(one.energy_kwh),
                None if one.pin is None else one.pin.value,
            ]
            for one in outcomes
        ]
    )


def outcomes_of(text: str) -> tuple[Outcome, ...]:
    """The answer back from its text. Raises ValueError, TypeError."""
    return tuple(
        Outcome(
            None if reason is None else Reason(reason),
            detail,
            None if session is None else SessionId(session),
            None if energy is None else Decimal(energy),
            None if pin is None else PinState(pin),
        )
        for reason, detail, session, energy, pin in json.loads(text)
    )
