"""A ledger with one session, and a meter of another maker whose records are handed to it."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from gateway.app.import_orders import confirmed, taken_in
from gateway.app.ledger import Ledger
from gateway.ids import GatewayId, SocketId
from gateway.journal.audit import Audit
from gateway.journal.chain import StoredRow
from gateway.journal.imports import MQTT, Handed, Outcome
from gateway.journal.outbox import Kind
from gateway.metering.pins import Pin, PinState
from gateway.publish.events import outbox_message
from gateway.publish.words import Language
from tests.ledger.ledger_bench import SOCKETS, Disk, HandClock, PocketKeys, begin, end, opened, reading
from tests.metering.makers import MakersMeter

TEN = timedelta(minutes=10)


class Bench:
    """A ledger with one session on p1 from noon to ten past, and a meter of another maker."""

    def __init__(self) -> None:
        self.disk, self.keys, self.clock, self.meter = Disk(), PocketKeys(), HandClock(), MakersMeter()
        self.ledger: Ledger

    async def charge(self, session: str = "s1", first: str = "1.00", last: str = "8.30") -> None:
        await self.ledger.record_begin(begin(session, reading(self.clock, first)))
        self.clock.pass_s(600)
        await self.ledger.record_end(end(session, reading(self.clock, last)))

    async def hand(self, text: str | bytes, socket: SocketId = SOCKETS[0], **more: Any) -> Outcome:
        octets = text if isinstance(text, bytes) else text.encode("utf-8")
        return await taken_in(self.ledger, Handed(socket, octets, MQTT, **more))

    async def confirm(self, meter: MakersMeter | None = None) -> Outcome:
        meter = meter or self.meter
        pin = Pin(f"GW-{meter.serial}", meter.serial, meter.public.hex, PinState.CONFIRMED, "the board", "", "label")
        return await confirmed(self.ledger, pin)

    def facts(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.disk.facts() if isinstance(fact, kind)]

    def told(self, kind: Kind, language: Language = Language.EN) -> list[dict[str, Any]]:
        found = [one for one in self.disk.messages if one.kind is kind]
        return [json.loads(outbox_message(GatewayId("g"), one, language)[1]) for one in found]


def on_bench(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Bench:
    bench = Bench()

    async def run() -> None:
        bench.ledger = await opened(bench.disk, bench.keys, bench.clock)
        await test(bench)
        await bench.ledger.shut_down()

    asyncio.run(run())
    audit = audited(bench.disk.rows)
    assert audit.covered.seq == audit.head.seq - 1
    return bench


def audited(rows: Sequence[StoredRow]) -> Audit:
    audit = Audit()
    for row in rows:
        audit.absorb(row)
    audit.finish()
    return audit
