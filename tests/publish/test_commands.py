"""Command text becomes a request, or is rejected; garbage never becomes a request."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ids import SessionId, Token
from gateway.journal.facts import EventNoted, MeterExchanged
from gateway.journal.outbox import Kind, PendingMessage, event_message
from gateway.publish.commands import PAYLOAD_BYTES_MAX, Refusal, Rejected, read_command
from gateway.publish.events import EVENT_TYPES, outbox_message, rejected_event, setpoint_text
from gateway.publish.words import Language
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.requests import (
    Arm,
    ChargePlan,
    LimitCurrent,
    PlanCharge,
    Request,
    Source,
    StartSession,
    StopSession,
    Unlock,
)
from gateway.site.topology import Access
from gateway.site.users import Presented
from gateway.site.wishes import EndKind
from tests.publish.cabinet_told import BOX, GATEWAY, LIFT, MAIN, PLAIN, SECRET, at, register, site, socket

SITE = site()
FRESH = SessionId("11111111-1111-4111-8111-111111111111")


def command(topic: str, payload: bytes, *, retained: bool = False) -> Request | Presented | Rejected:
    return read_command(f"laddvakt/villa-1/socket/{topic}/set", payload, retained, SITE, FRESH)


def refusal(topic: str, payload: bytes, *, retained: bool = False) -> Refusal:
    got = command(topic, payload, retained=retained)
    assert isinstance(got, Rejected)
    return got.refusal


def test_commands_become_requests() -> None:
    assert command("p1/charge", b"ON") == StartSession(BOX, FRESH, None, Source.MQTT)
    assert command("p1/charge", b"OFF") == StopSession(BOX, Source.MQTT)
    assert command("p3/arm", b"ON") == Arm(PLAIN, FRESH, None, Source.MQTT)
    assert command("p3/arm", b"OFF") == StopSession(PLAIN, Source.MQTT)
    assert command("p1/limit", b"10") == LimitCurrent(BOX, 10.0, Source.MQTT)
    assert command("p1/limit", b"13.5") == LimitCurrent(BOX, 13.5, Source.MQTT)
    assert command("p1/limit", b"none") == LimitCurrent(BOX, None, Source.MQTT)
    assert command("p1/unlock", b"PRESS") == Unlock(BOX, Source.MQTT)


def test_a_token_comes_as_json_and_is_kept() -> None:
    with_token = json.dumps({"token": SECRET}).encode()
    assert command("p1/charge", with_token) == StartSession(BOX, FRESH, SECRET, Source.MQTT)
    assert command("p3/arm", b'{"state": "ON", "token": "ABCD-1"}') == Arm(PLAIN, FRESH, Token("ABCD-1"), Source.MQTT)
    assert command("p1/charge", b'{"state": "OFF"}') == StopSession(BOX, Source.MQTT)


def test_a_plan_comes_as_json_by_itself_or_with_the_start() -> None:
    said = b'{"priority": 7, "weight": 2, "minimum_kwh": 4.5, "energy_kwh": 30, "departs_at": "2026-06-02T07:00+02:00"}'
    plan = ChargePlan(7, 2.0, 4.5, 30.0, datetime(2026, 6, 2, 5, 0, tzinfo=UTC))
    assert command("p1/plan", said) == PlanCharge(BOX, plan, Source.MQTT)
    assert command("p1/plan", b"none") == PlanCharge(BOX, ChargePlan(), Source.MQTT)
    with_plan = b'{"state": "ON", "token": "ABCD-1", "priority": 3}'
    token = Token("ABCD-1")
    assert command("p1/charge", with_plan) == StartSession(BOX, FRESH, token, Source.MQTT, ChargePlan(priority=3))
    assert command("p3/arm", b'{"priority": 3}') == Arm(PLAIN, FRESH, None, Source.MQTT, ChargePlan(priority=3))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"high",
        b"[]",
        b'{"priority": 10}',
        b'{"priority": -1}',
        b'{"priority": 2.5}',
        b'{"priority": true}',
        b'{"priority": 1, "priority": 2}',
        b'{"weight": 0}',
        b'{"weight": 11}',
        b'{"weight": NaN}',
        b'{"minimum_kwh": -1}',
        b'{"minimum_kwh": Infinity}',
        b'{"energy_kwh": "20"}',
        b'{"energy_kwh": 201}',
        b'{"departs_at": "2026-06-02T07:00:00"}',
        b'{"departs_at": "tomorrow"}',
        b'{"departs_at": 7}',
        b'{"colour": "red"}',
        b'{"weight": 1%s}' % (b"0" * 400),
        b'{"energy_kwh": -1%s}' % (b"0" * 400),
        b'{"priority": 1%s}' % (b"0" * 400),
        b'{"minimum_kwh": NaN}',
    ],
)
def test_a_plan_with_a_slip_is_no_plan(said: bytes) -> None:
    assert refusal("p1/plan", said) is Refusal.WRONG_VALUE


@pytest.mark.parametrize("amps", [b"0", b"6", b"6.0", b"16"])
def test_the_edges_of_the_range_are_inside(amps: bytes) -> None:
    assert command("p1/limit", amps) == LimitCurrent(BOX, float(amps), Source.MQTT)


@pytest.mark.parametrize("amps", [b"5.9", b"1", b"16.1", b"999"])
def test_currents_outside_the_range_are_refused(amps: bytes) -> None:
    assert refusal("p1/limit", amps) is Refusal.OUT_OF_RANGE


@pytest.mark.parametrize("amps", [b"", b"nan", b"inf", b"-1", b"1e1", b"1_0", b" 10", "١٠".encode(), b"10,5", b"NONE"])
def test_what_is_no_plain_number_is_refused(amps: bytes) -> None:
    assert refusal("p1/limit", amps) is Refusal.WRONG_VALUE


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("p9/charge", b"ON", Refusal.UNKNOWN_SOCKET),
        ("p1/open", b"ON", Refusal.UNKNOWN_KEY),
        ("p4/charge", b"ON", Refusal.NOT_CONTROLLED),
        ("p1/arm", b"ON", Refusal.NOT_ARMABLE),
        ("p3/limit", b"10", Refusal.NO_SETPOINT),
        ("p1/charge", b"on", Refusal.WRONG_VALUE),
        ("p1/charge", b"\xff\xfe", Refusal.NOT_TEXT),
        ("p1/charge", b"O" * (PAYLOAD_BYTES_MAX + 1), Refusal.TOO_LONG),
        ("p1/charge", b"{" * 4000, Refusal.WRONG_VALUE),
        ("p1/charge", b'{"token": "a b c d"}', Refusal.BAD_TOKEN),
        ("p1/charge", b'{"token": 7}', Refusal.BAD_TOKEN),
        ("p1/charge", b'{"token": "abcd\\n"}', Refusal.BAD_TOKEN),
        ("p1/charge", b'{"state": "MAYBE"}', Refusal.WRONG_VALUE),
        ("p1/charge", b'{"state": "ON", "state": "OFF"}', Refusal.WRONG_VALUE),
        ("p1/charge", b'{"sate": "OFF"}', Refusal.WRONG_VALUE),
        ("p1/charge", b"{}", Refusal.WRONG_VALUE),
        ("p1/charge", b'{"state": ["ON"]}', Refusal.WRONG_VALUE),
        ("p1/unlock", b"", Refusal.WRONG_VALUE),
    ],
)
def test_wrong_commands_are_refused_with_their_reason(topic: str, payload: bytes, expected: Refusal) -> None:
    assert refusal(topic, payload) is expected


def test_a_retained_command_is_refused_since_it_would_come_back_at_every_connection() -> None:
    for topic in ("p1/charge", "p1/limit", "p1/unlock", "p3/arm"):
        assert refusal(topic, b"ON", retained=True) is Refusal.RETAINED


def test_a_command_to_another_gateway_is_not_ours() -> None:
    got = read_command("laddvakt/villa-2/socket/p1/charge/set", b"ON", False, SITE, FRESH)
    assert got == Rejected(Refusal.NOT_A_COMMAND, None, None)


def test_a_plain_socket_is_started_by_command_too() -> None:
    assert command("p3/charge", b"ON") == StartSession(PLAIN, FRESH, None, Source.MQTT)
    armed_box = replace(SITE, sockets={BOX: socket(BOX, "x", access=Access.ARMED)})
    got = read_command("laddvakt/villa-1/socket/p1/arm/set", b"ON", False, armed_box, FRESH)
    assert got == Arm(BOX, FRESH, None, Source.MQTT)


LISTED = replace(SITE, sockets={**SITE.sockets, BOX: replace(SITE.sockets[BOX], access=Access.LIST)})


def at_listed(payload: bytes) -> Request | Presented | Rejected:
    return read_command("laddvakt/villa-1/socket/p1/charge/set", payload, False, LISTED, FRESH)


def test_where_a_socket_asks_nobody_starts_without_saying_who_he_is_and_everybody_may_stop() -> None:
    for payload in (b"ON", b'{"state": "ON"}'):
        assert at_listed(payload) == Rejected(Refusal.TOKEN_NEEDED, BOX, "charge")
    assert at_listed(b"OFF") == StopSession(BOX, Source.MQTT)
    assert at_listed(b'{"token": "u-ann1"}') == Presented(BOX, Source.MQTT, "u-ann1")
    assert Presented(BOX, Source.PIN, "481516") != Presented(BOX, Source.PIN, "481517")


@pytest.mark.parametrize(
    ("payload", "means", "text"),
    [
        (b'{"card": "04:a2:1b:99"}', Source.RFID, "04A21B99"),
        (b'{"card": " 04-A2 1B-99 "}', Source.RFID, "04A21B99"),
        (b'{"state": "ON", "pin": "481516"}', Source.PIN, "481516"),
        (b'{"code": "jy8e-l5c8"}', Source.CODE, "JY8EL5C8"),
    ],
)
def test_a_card_or_code_is_looked_up_before_anything_starts(payload: bytes, means: Source, text: str) -> None:
    assert at_listed(payload) == Presented(BOX, means, text)
    assert command("p1/charge", payload) == Presented(BOX, means, text), "where a socket does not ask, too"
    assert command("p3/arm", payload) == Presented(PLAIN, means, text, arms=True)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"pin": "4815", "card": "04A21B99"}', Refusal.WRONG_VALUE),
        (b'{"pin": "12ab34"}', Refusal.BAD_TOKEN),
        (b'{"pin": 481516}', Refusal.BAD_TOKEN),
        (b'{"pin": ""}', Refusal.BAD_TOKEN),
        (b'{"card": "zz;zz"}', Refusal.BAD_TOKEN),
        ('{"pin": "٤٨١٥١٦"}'.encode(), Refusal.BAD_TOKEN),
        (b'{"card": "' + b"0" * 200 + b'"}', Refusal.BAD_TOKEN),
        (b'{"token": "socket:p1"}', Refusal.BAD_TOKEN),
    ],
)
def test_what_can_be_no_card_and_no_code_is_refused(payload: bytes, expected: Refusal) -> None:
    assert at_listed(payload) == Rejected(expected, BOX, "charge")
    assert refusal("p1/charge", payload) is expected


PLAIN_WORDS = {b"ON", b"OFF", b"PRESS", b"none"}


@given(
    st.one_of(st.text(max_size=60), st.sampled_from([f"laddvakt/villa-1/socket/p1/{k}/set" for k in "abc"])),
    st.binary(max_size=200),
    st.booleans(),
)
def test_no_topic_and_no_bytes_raise(topic: str, payload: bytes, retained: bool) -> None:
    got = read_command(topic, payload, retained, SITE, FRESH)
    assert isinstance(got, Rejected)


@given(
    st.sampled_from(["p1", "p3", "p4"]),
    st.sampled_from(["charge", "arm", "limit", "unlock"]),
    st.one_of(
        st.binary(max_size=80),
        st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.floats().map(lambda number: str(number).encode()),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_garbage_on_a_real_topic_never_becomes_a_request(name: str, key: str, payload: bytes) -> None:
    got = command(f"{name}/{key}", payload)
    if isinstance(got, LimitCurrent):
        current_a = float(payload) if got.current_a_max is not None else None
        assert got.current_a_max == current_a
        assert current_a is None or current_a == 0 or 6 <= current_a <= 16
    elif not isinstance(got, Rejected):
        assert payload in PLAIN_WORDS


def test_a_rejected_command_is_told_with_words_and_without_foreign_text() -> None:
    got = command("p1/limit", b"<script>")
    assert isinstance(got, Rejected)
    topic, payload = rejected_event(GATEWAY, got, Language.SV, at(1.0).utc)
    assert topic == "laddvakt/villa-1/event"
    said = json.loads(payload)
    assert said["event_type"] == "command_rejected"
    assert (said["socket"], said["key"], said["reason"]) == ("p1", "limit", "wrong_value")
    assert said["text"] == "Värdet går inte att tyda"
    assert "script" not in payload


def test_what_happened_is_told_with_its_figures() -> None:
    noted = EventNoted(at(1.0), LIFT, Because(Why.OVERLOAD, MAIN, Phase.L1, 23.4))
    message = event_message(noted)
    topic, payload = outbox_message(GATEWAY, PendingMessage(1, message.kind, message.body), Language.EN)
    said = json.loads(payload)
    assert (said["event_type"], said["phase"], said["current_a"]) == ("overload", "L1", 23.4)
    assert said["text"] == "Overload: fuse main, phase L1 carries 23.4 A, lowered"
    assert topic == "laddvakt/villa-1/event"


def test_an_exchanged_meter_is_told() -> None:
    exchanged = MeterExchanged(at(1.0), BOX, "1", register("5.0").kwh, "2", register("0.1").kwh)
    message = event_message(exchanged)
    _, payload = outbox_message(GATEWAY, PendingMessage(1, message.kind, message.body), Language.SV)
    assert json.loads(payload)["event_type"] == "meter_exchanged"
    assert json.loads(payload)["socket"] == "p1"


@pytest.mark.parametrize("why", list(Why))
def test_every_reason_can_go_out_as_an_announced_event(why: Why) -> None:
    message = event_message(EventNoted(at(1.0), None, Because(why)))
    _, payload = outbox_message(GATEWAY, PendingMessage(1, message.kind, message.body), Language.SV)
    assert json.loads(payload)["event_type"] in EVENT_TYPES


def test_a_finished_session_keeps_the_registers_decimals_and_names_nobody() -> None:
    body = {
        "session": FRESH,
        "socket": BOX,
        "continues": None,
        "end_kind": EndKind.COMPLETED.value,
        "why": Why.UNPLUGGED.value,
        "begin_utc": at(1.0).utc.isoformat(),
        "end_utc": at(9.0).utc.isoformat(),
        "begin_kwh": "100.10",
        "end_kwh": "112.40",
        "energy_kwh": "12.30",
        "billable": True,
        "begin_page": 7,
        "end_page": 8,
        "begin_record": f"OCMF|{SECRET}|",
        "end_record": f"OCMF|{SECRET}|",
    }
    topic, payload = outbox_message(GATEWAY, PendingMessage(1, Kind.SESSION, json.dumps(body)), Language.SV)
    assert topic == "laddvakt/villa-1/session/last"
    assert '"end_kwh":112.40,"energy_kwh":12.30,' in payload
    assert json.loads(payload)["kind_text"] == "Avslutad"
    assert SECRET not in payload


def test_a_setpoint_says_how_long_it_holds() -> None:
    assert json.loads(setpoint_text(9.999, 3, 7, at(40.0).utc)) == {
        "amps": 9.99,
        "phases": 3,
        "seq": 7,
        "valid_until": "2026-06-01T12:00:40+00:00",
    }
