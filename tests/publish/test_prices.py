"""Price texts: what is read, what is refused and why; the file; what people see."""

import asyncio
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app.faults import FaultLog
from gateway.app.price_file import FAULT, PriceFile
from gateway.app.sight_board import SightBoard
from gateway.control.restraint_state import PriceState, RestraintState
from gateway.ids import SessionId, SocketId
from gateway.publish.commands import Refusal, Rejected, read_command
from gateway.publish.discovery import discovery_topics
from gateway.publish.prices import read_prices
from gateway.publish.words import Language
from gateway.site.prices import PriceRule, PriceSeries
from gateway.site.requests import ChargeNow, Source
from gateway.site.restraints import Restraints
from tests.publish.cabinet_told import BOX, PLAIN, control_state, site, snapshot, state_topics

ROW = '{"unit": "SEK/kWh", "begin": "2026-01-15T00:00:00+01:00", "minutes": 15, "prices": [0.5, -0.1, 2]}'
SLOTS = """{"unit": "öre", "slots": [
    {"begin": "2026-01-15T01:00:00Z", "end": "2026-01-15T02:00:00Z", "price": 80},
    {"begin": "2026-01-15T00:00:00Z", "end": "2026-01-15T00:30:00Z", "price": 70}]}"""
MIDNIGHT = datetime(2026, 1, 14, 23, 0, tzinfo=UTC)


def test_a_row_of_prices_is_read() -> None:
    made = read_prices(ROW.encode())
    assert isinstance(made, PriceSeries)
    assert (made.unit, [slot.price for slot in made.slots]) == ("SEK/kWh", [0.5, -0.1, 2.0])
    assert made.slots[1].begin == MIDNIGHT + timedelta(minutes=15)
    at = [made.at(MIDNIGHT + timedelta(minutes=minutes)) for minutes in (-1, 0, 14, 15, 44, 45)]
    assert [None if slot is None else slot.price for slot in at] == [None, 0.5, 0.5, -0.1, 2.0, None]


def test_slots_are_put_in_order_and_may_leave_gaps() -> None:
    made = read_prices(SLOTS.encode())
    assert isinstance(made, PriceSeries)
    assert [slot.price for slot in made.slots] == [70.0, 80.0]
    assert made.at(datetime(2026, 1, 15, 0, 45, tzinfo=UTC)) is None


@pytest.mark.parametrize("prices", [[1] * 801, ["no price"] * 801])
def test_more_prices_than_a_week_has_are_counted_and_not_looked_at(prices: list[object]) -> None:
    said = read_prices(json.dumps({"begin": "2026-01-15T00:00:00+01:00", "prices": prices}).encode())
    assert said == "ValueError: 801 prices; 1 to 800 are read"
    assert read_prices(json.dumps({"slots": prices}).encode()) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"prices": [1]}',
        ROW.replace("15, ", "20, "),
        ROW.replace("+01:00", ""),
        ROW.replace("0.5", "null"),
        ROW.replace("0.5", '"0.5"'),
        ROW.replace("0.5", "NaN"),
        ROW.replace("0.5", "true"),
        ROW.replace("[0.5, -0.1, 2]", "[]"),
        ROW.replace("[0.5, -0.1, 2]", "1"),
        ROW.replace("[0.5, -0.1, 2]", str([1] * 801)),
        ROW.replace("2026-01-15T00", "9999-12-31T23").replace("+01:00", "-01:00"),
        ROW.replace('"SEK/kWh"', "5"),
        ROW.replace("SEK/kWh", "S" * 17),
        SLOTS.replace("00:30:00Z", "01:30:00Z"),
        SLOTS.replace("02:00:00Z", "01:00:00Z"),
        SLOTS.replace('"price": 70', '"cost": 70'),
        '{"slots": 5}',
        '{"slots": [5]}',
        "[" * 100_000,
        "9" * 300_000,
    ],
)
def test_what_cannot_be_meant_is_told_and_not_read(text: str) -> None:
    assert isinstance(read_prices(text.encode()), str)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise(payload: bytes) -> None:
    assert isinstance(read_prices(payload), str | PriceSeries)


def test_a_file_is_read_when_it_changes_and_a_bad_one_leaves_the_last_prices(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"

    async def play() -> None:
        board, faults = SightBoard(site(), 0.0), FaultLog()
        reader = PriceFile(file, board, faults)
        await reader.look(file)
        assert faults.now == (FAULT,)
        file.write_text(ROW, "utf-8")
        await reader.look(file)
        assert faults.now == ()
        read = board.snapshot(1.0, journal_accepts=True).outside.prices
        assert read == read_prices(ROW.encode())
        file.write_text("half a fi", "utf-8")
        await reader.look(file)
        assert faults.now == (FAULT,)
        assert board.snapshot(2.0, journal_accepts=True).outside.prices == read
        file.write_text(ROW, "utf-8")
        await reader.look(file)
        assert faults.now == ()
        await reader.look(file.with_suffix(".gone"))
        assert faults.now == (FAULT,)
        await reader.look(file)
        assert faults.now == ()  # the same prices as before the file was away
        await asyncio.wait_for(PriceFile(None, board, faults).watch(), 1.0)

    asyncio.run(play())


def test_a_price_file_that_hangs_holds_up_nothing_else(tmp_path: Path) -> None:
    pipe = tmp_path / "prices.json"
    os.mkfifo(pipe)

    async def play() -> None:
        board, faults = SightBoard(site(), 0.0), FaultLog()
        looking = asyncio.create_task(PriceFile(pipe, board, faults).look(pipe))
        await asyncio.sleep(0)  # it waits for a writer in its thread, and the loop comes back
        assert not looking.done()
        pipe.write_text(ROW, "utf-8")
        await asyncio.wait_for(looking, 5.0)
        assert board.snapshot(1.0, journal_accepts=True).outside.prices == read_prices(ROW.encode())

    asyncio.run(play())


def test_charge_now_is_a_command_of_a_socket() -> None:
    def read(text: bytes, socket: str = "p1") -> object:
        topic = f"laddvakt/villa-1/socket/{socket}/charge_now/set"
        return read_command(topic, text, False, site(), SessionId("s"))

    assert read(b"ON") == ChargeNow(BOX, True, Source.MQTT)
    assert read(b"OFF") == ChargeNow(BOX, False, Source.MQTT)
    assert read(b"on") == Rejected(Refusal.WRONG_VALUE, BOX, "charge_now")
    assert read(b"ON", "p4") == Rejected(Refusal.NOT_CONTROLLED, SocketId("p4"), "charge_now")


def test_people_see_the_price_who_waits_for_it_and_who_does_not() -> None:
    built = replace(site(), restraints=Restraints(prices=PriceRule(below=0.5), price_exempt=frozenset({PLAIN})))
    state = replace(
        control_state(),
        restraints=RestraintState(price=PriceState(True, 0.53, "SEK/kWh"), charge_now=frozenset({BOX})),
    )
    said = state_topics(replace(snapshot(), site=built), state, Language.EN)
    told = json.loads(said["laddvakt/villa-1/prices/state"])
    assert (told["price"], told["unit"], told["unknown"], told["charge_now"]) == (0.53, "SEK/kWh", "OFF", ["p1"])
    assert json.loads(said["laddvakt/villa-1/socket/p1/state"])["charge_now"] == "ON"
    unknown = state_topics(replace(snapshot(), site=built), control_state(), Language.EN)
    assert json.loads(unknown["laddvakt/villa-1/prices/state"])["unknown"] == "ON"
    devices = {topic: json.loads(text)["cmps"] for topic, text in discovery_topics(built, Language.EN, "1").items()}
    assert devices["homeassistant/device/laddvakt_villa-1/config"]["price"]["p"] == "sensor"
    assert devices["homeassistant/device/laddvakt_villa-1_p1/config"]["charge_now"]["p"] == "switch"
    assert "charge_now" not in devices["homeassistant/device/laddvakt_villa-1_p3/config"]
    assert "charge_now" not in devices["homeassistant/device/laddvakt_villa-1_p4/config"]
