"""What the flight recorder kept is decided again: the same wishes at every tick, whatever happened."""

import json
import random
import re
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import UtcTrust
from gateway.control.memory import Memory, SocketMemory
from gateway.control.state import ControlState
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.flight import FlightWriter, recorded_version, replayed
from gateway.journal.flight_codec import FlightCodec
from gateway.meters.readings import GridReading, SocketReading
from gateway.site.requests import Source, StartSession
from gateway.site.snapshot import SiteSnapshot
from gateway.site.wishes import SaveCheckpoint, Wish
from tests.campaigns._random_cabinet import cabinet_of
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import instant, plain, site, wallbox
from tests.control.test_laws import disturb


class RecordedCabinet(Cabinet):
    """Writes down what each of its decisions saw."""

    seen: SiteSnapshot
    lines: list[str]
    writer: FlightWriter

    def record(self, token: str = "masked") -> None:
        self.writer = FlightWriter(lambda _: token, "1.2.3")
        self.lines = [self.writer.first_line(self.site, self.state)]

    def _snapshot(self, readings: tuple[GridReading, ...]) -> SiteSnapshot:
        self.seen = super()._snapshot(readings)
        return self.seen

    def step(self) -> None:
        super().step()
        if hasattr(self, "lines"):
            self.lines.append(self.writer.line(self.seen, instant(self.at_s), self.wishes))


@cache
def two_sockets() -> RecordedCabinet:
    """Two minutes of a box and a plain socket; not to be changed."""
    cabinet = RecordedCabinet(site(wallbox("box"), plain("plain")))
    cabinet.run(40)
    cabinet.record()
    cabinet.plug("box", Car(limit_a=13.0, phases=1))
    cabinet.plug("plain", Car(limit_a=9.0, phases=1))
    cabinet.ask(StartSession(SocketId("plain"), SessionId("s-1"), Token("anna"), Source.MQTT))
    cabinet.run(120)
    return cabinet


@pytest.mark.parametrize(
    ("seed", "before", "faults"), [(1, 0, False), (2, 60, True), (3, 100, True), (4, 30, False), (5, 1, True)]
)
def test_a_recording_begun_at_any_tick_gives_the_wishes_that_were_decided_live(
    seed: int, before: int, faults: bool
) -> None:
    chance = random.Random(seed)
    drawn = cabinet_of(chance, 8)
    cabinet = RecordedCabinet(drawn.site, house_a=drawn.house_a)
    cabinet.telegram_every_s, cabinet.poll_every_s = drawn.telegram_every_s, drawn.poll_every_s
    live = []
    for tick in range(before + 90):
        if tick == before:
            cabinet.record()
        disturb(cabinet, chance, faults=faults)
        cabinet.step()
        if tick >= before:
            live.append(tuple(wish for wish in cabinet.wishes if not isinstance(wish, SaveCheckpoint)))
    again = list(replayed(cabinet.lines, ZoneInfo))
    assert all(tick.as_live for tick in again)
    for one, wishes in zip(again, live, strict=True):
        again_wished = [wish for wish in one.decision.wishes if not isinstance(wish, SaveCheckpoint)]
        assert [_without_token(wish) for wish in again_wished] == [_without_token(wish) for wish in wishes]


def _without_token(wish: Wish) -> str:
    return re.sub(r"token=[^,)]*", "", repr(wish))


def test_a_wish_that_was_another_then_is_told() -> None:
    lines = list(two_sockets().lines)
    change, _ = json.loads(lines[50])
    lines[50] = json.dumps([change, 1])
    again = list(replayed(lines, ZoneInfo))
    assert [number for number, tick in enumerate(again, start=1) if not tick.as_live] == [50]


def test_no_token_is_in_a_recording() -> None:
    cabinet = two_sockets()
    assert cabinet.state.sockets[SocketId("plain")].session is not None
    assert not any("anna" in line for line in cabinet.lines)
    assert any("masked" in line for line in cabinet.lines)
    assert recorded_version(cabinet.lines[0]) == "1.2.3"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, ""),
        (0, "{}"),
        (0, '{"laddvakt_flight":2}'),
        (0, "[1]"),
        (5, ""),
        (5, "[1"),
        (5, "{}"),
        (5, "[1,2]"),
        (5, '[{"99":[0]},0]'),
        (5, '[{"x":[0]},0]'),
        (5, '[{"0":[5]},0]'),
        (1, '[{"0":[5]},0]'),
        (0, '{"laddvakt_flight": 1}'),
        (0, '{"laddvakt_flight": 1, "shapes": {}, "site": [], "state": []}'),
        (1, "[[null], 0]"),
        (1, "[[[]], 0]"),
        (1, "[[[1, 2]], 0]"),
    ],
)
def test_a_damaged_recording_is_told_and_not_guessed_at(place: int, text: str) -> None:
    lines = list(two_sockets().lines)
    lines[place] = text
    with pytest.raises(JournalDamaged):
        list(replayed(lines, ZoneInfo))


def test_a_recording_of_a_version_with_other_fields_is_read_by_their_names() -> None:
    cabinet = two_sockets()
    first = json.loads(cabinet.lines[0])
    names = first["shapes"]["ControlState"]
    first["shapes"]["ControlState"] = [*names, "from_the_future"]
    first["state"].append("unknown")
    assert len(list(replayed([json.dumps(first), *cabinet.lines[1:]], ZoneInfo))) == 120
    at = names.index("queue")
    first["shapes"]["ControlState"] = [name for name in names if name != "queue"]
    del first["state"][at], first["state"][-1]
    with pytest.raises(JournalDamaged, match="a version without ControlState"):
        list(replayed([json.dumps(first), *cabinet.lines[1:]], ZoneInfo))


def test_times_and_registers_come_back_to_the_last_digit() -> None:
    codec = FlightCodec()
    cabinet = two_sockets()
    reading = cabinet.reading(cabinet.place("box"))
    at = replace(reading.at, monotonic_s=123456.789012345, utc=reading.at.utc + timedelta(microseconds=7))
    register = reading.energy_import
    assert register is not None
    register = replace(register, kwh=Decimal("12345.60"), step_kwh=Decimal("1E-3"))
    went = replace(reading, at=replace(at, utc_trust=UtcTrust.UNKNOWN), energy_import=register)
    came = codec.value(SocketReading, json.loads(json.dumps(codec.plain(SocketReading, went))))
    assert came == went
    assert str(came.energy_import.kwh) == "12345.60"


def test_whatever_is_kept_of_control_has_a_form_and_only_what_can_be_made_anew_is_left_out() -> None:
    codec = FlightCodec()
    codec.way(ControlState)
    kept = set(codec.shapes["Memory"])
    assert {one.name for one in fields(Memory)} - kept == {"tree", "saved_facts"}
    assert {one.name for one in fields(SocketMemory)} == set(codec.shapes["SocketMemory"])
    assert {one.name for one in fields(ControlState)} == set(codec.shapes["ControlState"])


def test_what_has_no_form_is_refused_when_the_writer_is_made() -> None:
    @dataclass
    class Odd:
        """Holds something that is neither text, number, nor made of them."""

        thing: complex

    with pytest.raises(TypeError, match="has no form"):
        FlightCodec().way(Odd)
