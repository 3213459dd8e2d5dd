"""The walk in virtual time, with a gateway that says what a cabinet of these wires would make it say."""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.cli.commission_line import Line, Person
from gateway.cli.commission_walk import TEST_TOKEN, Orders, walk
from gateway.errors import DeviceError
from gateway.ids import SocketId
from gateway.publish import topic_names
from gateway.publish.commission_words import Finding, Verdict
from gateway.publish.words import Language
from gateway.quantities import Phase
from gateway.site.topology import Access
from tests.app.virtual_time import run_virtually
from tests.control.planned_site import plain, site, wallbox

ONE, TWO, BOX = SocketId("one"), SocketId("two"), SocketId("box")
SITE = site(
    plain("one", phases=(Phase.L1,)), plain("two", phases=(Phase.L2,)), wallbox("box"), plain("blind", metered=False)
)
RIGHT = {ONE: (ONE,), TWO: (TWO,), BOX: (BOX,)}


class PlayedGateway:
    """Takes commands as the gateway does; wires: at whose meters the load of each socket is seen."""

    def __init__(self, wires: Mapping[SocketId, tuple[SocketId, ...]], *, plugged: bool = True) -> None:
        self.line = Line(SITE, self.send)
        self.wires = wires
        self.on: set[SocketId] = set()
        self.sent: list[tuple[SocketId, str]] = []
        self.plugged = plugged
        self.deaf = False
        self.welded = False
        self.line.heard(topic_names.gateway_status(SITE.gateway_id), b"online")
        self.tell()

    async def send(self, topic: str, payload: str) -> None:
        socket = SocketId(topic.split("/")[3])
        self.sent.append((socket, payload))
        if self.deaf:
            return
        if payload == "OFF":
            self.on.discard(socket)
        else:
            self.on.add(socket)
        asyncio.get_running_loop().call_later(1.0, self.tell)

    def tell(self) -> None:
        live = [meter for name in self.on for meter in self.wires[name]]
        live += [ONE] * (self.welded and bool(self.sent))
        for name, socket in SITE.sockets.items():
            on = name in self.on
            amps = 9.0 if name in live else 0.0
            state = {
                "current_a": [amps] * len(socket.phases),
                "power_w": 230.0 * amps,
                "charge": "ON" if on else "OFF",
                "session_phase": "charging" if on else None,
                "session_id": "s-1" if on else None,
                "setpoint_a": 16.0 if on else 0.0,
                "applied_a": 16.0 if on else 0.0,
                "plug": None if socket.wallbox is None else ("ON" if self.plugged else "OFF"),
                "contactor": ("ON" if on else "OFF") if socket.contactor else None,
            }
            self.line.heard(topic_names.socket_state(SITE.gateway_id, name), json.dumps(state).encode())


def walked(gateway: PlayedGateway, *sockets: SocketId, person: Person | None = None) -> tuple[Finding, ...]:
    findings: list[Finding] = []

    async def through() -> None:
        orders = Orders(SITE, 20.0, Language.EN, None, print)
        findings.extend(await walk(orders, gateway.line, person or Person(None), sockets))

    run_virtually(through())
    return tuple(findings)


def test_every_right_socket_is_started_marked_stopped_and_told() -> None:
    gateway = PlayedGateway(RIGHT)
    assert [one.verdict for one in walked(gateway, ONE, TWO, BOX)] == [Verdict.RIGHT] * 3
    assert [name for name, _ in gateway.sent] == [ONE, ONE, TWO, TWO, BOX, BOX]
    started, stopped = gateway.sent[0][1], gateway.sent[1][1]
    assert json.loads(started) == {"state": "ON", "token": TEST_TOKEN}
    assert stopped == "OFF"
    assert not gateway.on


def test_two_crossed_meters_are_named_at_both_sockets() -> None:
    found = walked(PlayedGateway({ONE: (TWO,), TWO: (ONE,), BOX: (BOX,)}), ONE, TWO, BOX)
    assert [(one.verdict, one.others) for one in found] == [
        (Verdict.CROSSED, (TWO,)),
        (Verdict.CROSSED, (ONE,)),
        (Verdict.RIGHT, ()),
    ]


def test_a_load_that_two_meters_see_and_one_that_none_sees() -> None:
    found = walked(PlayedGateway({ONE: (ONE, TWO), TWO: (), BOX: (BOX,)}), ONE, TWO)
    assert [one.verdict for one in found] == [Verdict.DOUBLE, Verdict.NOTHING]


def test_a_box_without_a_car_is_never_started() -> None:
    gateway = PlayedGateway(RIGHT, plugged=False)
    assert walked(gateway, BOX)[0].verdict is Verdict.NO_CAR
    assert not gateway.sent


@pytest.mark.parametrize("last", range(1, 7))
def test_a_terminal_that_goes_away_leaves_no_socket_on(last: int) -> None:
    gateway = PlayedGateway(RIGHT)
    spoken: list[str] = []

    def say(text: str) -> None:
        spoken.append(text)
        if len(spoken) >= last:
            raise BrokenPipeError

    async def through() -> None:
        with suppress(BrokenPipeError):
            await walk(Orders(SITE, 20.0, Language.EN, None, say), gateway.line, Person(None), (ONE, TWO))

    run_virtually(through())
    assert len(spoken) >= last
    assert not gateway.on


def test_current_that_goes_on_after_the_stop_fails_the_right_meter() -> None:
    gateway = PlayedGateway(RIGHT)
    gateway.welded = True
    assert walked(gateway, ONE)[0].verdict is Verdict.STAYS_ON


def test_nobodys_session_is_stopped_for_a_test() -> None:
    gateway = PlayedGateway(RIGHT)
    gateway.on.add(TWO)
    gateway.tell()
    assert [(one.verdict, one.others) for one in walked(gateway, ONE, TWO)] == [
        (Verdict.DISTURBED, (TWO,)),
        (Verdict.IN_USE, ()),
    ]
    assert not gateway.sent


def test_a_socket_without_a_meter_has_nothing_to_show() -> None:
    assert walked(PlayedGateway(RIGHT), SocketId("blind"))[0].verdict is Verdict.NO_METER


def test_a_gateway_that_does_not_answer_ends_the_walk_and_is_told_to_stop_all_the_same() -> None:
    gateway = PlayedGateway(RIGHT)
    gateway.deaf = True
    with pytest.raises(DeviceError, match="did not answer"):
        walked(gateway, ONE)
    assert gateway.sent[-1] == (ONE, "OFF")


def test_a_gateway_that_goes_away_ends_the_walk() -> None:
    gateway = PlayedGateway(RIGHT)
    gateway.line.heard(topic_names.gateway_status(SITE.gateway_id), b"offline")
    with pytest.raises(DeviceError, match="is offline"):
        walked(gateway, ONE)


def test_who_is_cut_short_leaves_no_session_behind() -> None:
    gateway = PlayedGateway({ONE: (), TWO: (), BOX: ()})

    async def cut() -> None:
        orders = Orders(SITE, 60.0, Language.EN, None, print)
        task = asyncio.create_task(walk(orders, gateway.line, Person(None), (ONE,)))
        await asyncio.sleep(5.0)
        assert gateway.on == {ONE}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtually(cut())
    assert not gateway.on


def test_a_list_is_passed_by_a_card_or_by_the_pseudonym_that_was_handed_in(capsys: pytest.CaptureFixture[str]) -> None:
    guarded = site(replace(plain("one"), access=Access.LIST))
    sent: list[str] = []

    async def through(token: str | None) -> Verdict:
        async def send(_topic: str, payload: str) -> None:
            sent.append(payload)
            line.heard(topic_names.socket_state(guarded.gateway_id, ONE), b'{"current_a": [0.0], "charge": "OFF"}')

        line = Line(guarded, send)
        line.heard(topic_names.socket_state(guarded.gateway_id, ONE), b'{"current_a": [0.0], "charge": "OFF"}')
        found = await walk(Orders(guarded, 5.0, Language.EN, token, print), line, Person(None), (ONE,))
        return found[0].verdict

    async def both() -> None:
        assert await through(None) is Verdict.NOT_STARTED
        assert sent == ["OFF"]
        assert await through("04-ANNA") is Verdict.NOT_STARTED

    run_virtually(both())
    assert json.loads(sent[1])["token"] == "04-ANNA"
    assert "present card or code" in capsys.readouterr().out


def test_a_person_answers_skips_and_goes_away() -> None:
    async def typed() -> None:
        terminal, keys = os.pipe()
        with Person(terminal) as person:
            assert not person.answered
            os.write(keys, b"\nS")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (person.answered, person.skips) == (True, False)
            person.asked()
            assert not person.answered
            os.write(keys, b"\n")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (person.answered, person.skips) == (True, True)
            person.asked()
            os.close(keys)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (person.answered, person.skips) == (True, True)
        os.close(terminal)

    asyncio.run(typed())


def test_what_is_skipped_is_not_started() -> None:
    gateway = PlayedGateway(RIGHT)
    findings: list[Finding] = []

    async def through() -> None:
        terminal, keys = os.pipe()
        with Person(terminal) as person:
            asyncio.get_running_loop().call_later(0.05, os.close, keys)
            orders = Orders(SITE, 20.0, Language.SV, None, print)
            findings.extend(await walk(orders, gateway.line, person, (ONE, TWO)))
        os.close(terminal)

    asyncio.run(through())
    assert [one.verdict for one in findings] == [Verdict.SKIPPED] * 2
    assert not gateway.sent
