"""A wallbox over MQTT: setpoint with validity out, state with age in."""

import asyncio
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Instant
from gateway.devices.mqtt_wallbox import REFRESH_S, VALID_S, MqttWallbox
from gateway.devices.protocols import Wallbox
from gateway.errors import DeviceError
from gateway.ids import GatewayId, SocketId
from gateway.publish.wallbox_text import WallboxWord, read_wallbox
from gateway.site.snapshot import Pilot, WallboxSight
from tests.publish.cabinet_told import at

STATE = "laddvakt/villa-1/wallbox/p2/state"


class HandClock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def now(self) -> Instant:
        start = at(0.0)
        return Instant(self.now_s, start.utc + timedelta(seconds=self.now_s), start.utc_trust)


class Slate:
    """Where topics are put."""

    def __init__(self) -> None:
        self.put_down: list[tuple[str, str, float | None]] = []

    def put(
        self, topic: str, payload: str, *, retain: bool = True, qos: int = 1, expiry_s: float | None = None
    ) -> None:
        assert retain
        assert qos == 1
        self.put_down.append((topic, payload, expiry_s))


def box() -> tuple[MqttWallbox, Slate, HandClock]:
    slate, clock = Slate(), HandClock()
    return MqttWallbox(GatewayId("villa-1"), SocketId("p2"), 3, slate, clock), slate, clock


def sight(wallbox: Wallbox) -> WallboxSight:
    return asyncio.run(wallbox.look())


def test_a_setpoint_goes_out_with_its_validity_and_a_plain_mirror() -> None:
    wallbox, slate, clock = box()
    clock.now_s = 5.0
    asyncio.run(wallbox.set_current(10.259))
    asyncio.run(wallbox.set_current(0.0))
    first, mirror, second, off = slate.put_down
    assert first[0] == "laddvakt/villa-1/socket/p2/setpoint"
    assert json.loads(first[1]) == {"amps": 10.25, "phases": 3, "seq": 1, "valid_until": "2026-06-01T12:00:35+00:00"}
    assert first[2] == VALID_S
    assert mirror == ("laddvakt/villa-1/socket/p2/setpoint/amps", "10.25", VALID_S)
    assert json.loads(second[1])["seq"] == 2
    assert off[1] == "0"
    assert wallbox.refresh_s == REFRESH_S <= VALID_S / 3


def test_a_box_that_was_never_heard_is_a_fault_of_the_world() -> None:
    wallbox, _, _ = box()
    with pytest.raises(DeviceError, match="laddvakt/villa-1/wallbox/p2/state"):
        sight(wallbox)


def test_what_the_box_says_is_seen_with_its_time() -> None:
    wallbox, _, clock = box()
    clock.now_s = 7.0
    wallbox.heard(STATE, b'{"state": "C", "applied_a": 9.5, "ts": 12}', False)
    clock.now_s = 90.0
    assert sight(wallbox) == WallboxSight(Pilot.C, None, 7.0)
    wallbox.heard(STATE, b'{"state": "B", "applied_a": null}', False)
    assert sight(wallbox) == WallboxSight(Pilot.B, None, 90.0)


def test_plain_sub_topics_say_the_same() -> None:
    wallbox, _, clock = box()
    wallbox.heard(f"{STATE}/applied_a", b"16", False)
    assert sight(wallbox) == WallboxSight(None, 16.0, 0.0)
    clock.now_s = 2.0
    wallbox.heard(f"{STATE}/state", b"B2", False)
    assert sight(wallbox) == WallboxSight(Pilot.B, 16.0, 2.0)
    clock.now_s = 20.0
    wallbox.heard(f"{STATE}/applied_a", b"6", False)
    assert sight(wallbox) == WallboxSight(Pilot.B, 6.0, 2.0)


def test_a_box_that_can_switch_is_told_its_phases_and_says_them() -> None:
    wallbox, slate, clock = box()
    asyncio.run(wallbox.set_phases(1))
    plain, first, _ = slate.put_down
    assert plain == ("laddvakt/villa-1/socket/p2/setpoint/phases", "1", None)
    assert json.loads(first[1])["phases"] == 1
    assert json.loads(first[1])["amps"] == 0
    wallbox.heard(STATE, b'{"state": "B", "applied_a": 0, "phases": 1}', False)
    assert sight(wallbox) == WallboxSight(Pilot.B, 0.0, 0.0, 1)
    wallbox.heard(f"{STATE}/phases", b"3", False)
    assert sight(wallbox).phases == 3
    clock.now_s = 40.0
    assert sight(wallbox).phases is None


def test_a_retained_word_does_not_count_since_nobody_knows_its_age() -> None:
    wallbox, _, _ = box()
    wallbox.heard(STATE, b'{"state": "A"}', True)
    with pytest.raises(DeviceError):
        sight(wallbox)


def test_garbage_neither_counts_as_heard_nor_floods_the_log(caplog: pytest.LogCaptureFixture) -> None:
    wallbox, _, clock = box()
    wallbox.heard(STATE, b'{"state": "A"}', False)
    clock.now_s = 50.0
    for _ in range(100):
        wallbox.heard(STATE, b"hello", False)
        wallbox.heard("laddvakt/villa-1/wallbox/p2/state/unknown", b"1", False)
    assert sight(wallbox).heard_s == 0.0
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b'{"state": "G"}',
        b'{"state": 3}',
        b'{"state": "A", "applied_a": -1}',
        b'{"state": "A", "applied_a": NaN}',
        b'{"state": "A", "applied_a": true}',
        b'{"state": "A", "phases": 2}',
        b'{"state": "A", "phases": true}',
        b"\xff",
        b"[" * 900,
        b'{"state":"A","x":"' + b"y" * 2000,
    ],
)
def test_what_cannot_be_read_says_why(payload: bytes) -> None:
    assert isinstance(read_wallbox(payload), str)


@given(st.binary(max_size=64), st.sampled_from([None, "state", "applied_a", "phases"]))
def test_no_bytes_raise_and_every_current_is_within_reason(payload: bytes, key: str | None) -> None:
    word = read_wallbox(payload, key)
    if isinstance(word, WallboxWord) and word.applied_a is not None:
        assert 0 <= word.applied_a <= 100


def test_commissioning_writes_nothing() -> None:
    wallbox, slate, _ = box()
    asyncio.run(wallbox.commission())
    assert slate.put_down == []
