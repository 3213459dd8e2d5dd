"""The bus on a real pty, against units that misbehave; A to F are the traps of pymodbus 3.16's RTU client."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from statistics import median
from typing import TypeVar

import pytest

from gateway.devices.modbus_bus import QUEUE_MAX, PymodbusBus
from gateway.devices.modbus_faults import UnitRefused, UnitSilent
from gateway.devices.modbus_timing import LineTiming, UnitPauses
from gateway.errors import DeviceError
from tests.devices.pty_units import Answer, PtyUnits, Reply, after, counting_registers, framed, late_once, prompt

Outcome = TypeVar("Outcome")
TIMEOUT_S = 0.05
QUIET_S = 0.12
PAUSE_S = 0.05


def on_wire(
    answers: dict[int, Answer],
    scenario: Callable[[PymodbusBus, PtyUnits], Awaitable[Outcome]],
    *,
    echo: bool = False,
    local_echo: bool = False,
    quiet_s: float = QUIET_S,
    pause_s: float = PAUSE_S,
) -> Outcome:
    """Runs a scenario with a bus whose wire is a pty with these units on it."""

    async def play() -> Outcome:
        units = PtyUnits(answers, echo=echo)
        bus = PymodbusBus(
            "bus0",
            units.path,
            baud=115200,
            timeout_s=TIMEOUT_S,
            local_echo=local_echo,
            quiet_s=quiet_s,
            pause_s=pause_s,
        )
        owner = asyncio.create_task(bus.run())
        try:
            return await scenario(bus, units)
        finally:
            owner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await owner
            units.close()

    return asyncio.run(play())


async def failure(call: Awaitable[object]) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await call
    return caught.value


def test_a_read_gives_exactly_the_words_that_the_unit_holds() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        assert await bus.read_registers(7, 4, 100, 3) == (100, 101, 102)
        assert await bus.read_registers(7, 3, 0x5000, 2) == (0x5000, 0x5001)
        assert await bus.read_bits(7, 1, 0, 8) == (False, True) * 4
        assert await bus.read_bits(7, 2, 1, 3) == (True, False, True)

    on_wire({7: prompt}, scenario)


def test_writes_are_confirmed_and_timed_relay_commands_keep_their_value() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        await bus.write_coil(1, 3, True)
        await bus.write_coil(1, 3, False)
        await bus.write_coil_raw(1, 0x0203, 300)
        await bus.write_register(1, 261, 160)
        await bus.write_registers(1, 1210, (1, 2))
        assert units.bodies() == [
            bytes.fromhex("01 05 0003 FF00"),
            bytes.fromhex("01 05 0003 0000"),
            bytes.fromhex("01 05 0203 012C"),
            bytes.fromhex("01 06 0105 00A0"),
            bytes.fromhex("01 10 04BA 0002 04 0001 0002"),
        ]

    on_wire({1: prompt}, scenario)


def test_defect_a_a_late_reply_is_not_the_answer_to_the_next_request_of_the_same_unit() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        assert isinstance(await failure(bus.read_registers(7, 4, 100, 2)), UnitSilent)
        await asyncio.sleep(PAUSE_S)
        assert await bus.read_registers(7, 4, 200, 2) == (200, 201)

    on_wire({7: late_once(2 * TIMEOUT_S)}, scenario)


def test_defect_b_a_late_reply_of_another_length_is_refused_even_if_it_outlasts_the_rest() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        await failure(bus.read_registers(7, 4, 100, 2))
        await asyncio.sleep(0.02)
        told = await failure(bus.read_registers(7, 4, 200, 6))
        assert "something else" in str(told)

    answers = late_once(0.09)

    def slow_second(request: bytes) -> Iterable[Reply]:
        return [(max(after_s, 0.04), reply) for after_s, reply in answers(request)]

    on_wire({7: slow_second}, scenario, quiet_s=0.01, pause_s=0.01)


def test_defect_c_a_late_reply_of_one_unit_does_not_cost_the_reply_of_the_next_unit() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        dead = asyncio.create_task(failure(bus.read_registers(7, 4, 100, 2)))
        alive = asyncio.create_task(bus.read_registers(8, 4, 300, 2))
        await dead
        assert await alive == (300, 301)

    on_wire({7: late_once(2 * TIMEOUT_S), 8: prompt}, scenario)


def test_defect_d_the_wire_rests_after_a_timeout_and_longer_while_bytes_still_come() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        await asyncio.gather(failure(bus.read_registers(7, 4, 100, 2)), bus.read_registers(8, 4, 300, 2))
        (asked_s, _), (next_s, _) = units.requests
        assert next_s - asked_s >= 2 * TIMEOUT_S + QUIET_S

    on_wire({7: after(2 * TIMEOUT_S), 8: prompt}, scenario)


def test_a_cancelled_caller_leaves_no_reply_behind_for_the_next_one() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        given_up = asyncio.create_task(bus.read_registers(7, 4, 300, 2))
        await asyncio.sleep(0.01)
        given_up.cancel()
        assert await bus.read_registers(7, 4, 400, 2) == (400, 401)
        with contextlib.suppress(asyncio.CancelledError):
            await given_up

    on_wire({7: after(0.03)}, scenario)


def test_a_caller_that_gives_up_before_its_turn_is_never_sent() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        first = asyncio.create_task(bus.read_registers(7, 4, 100, 2))
        await asyncio.sleep(0.005)
        second = asyncio.create_task(bus.write_coil(7, 1, True))
        await asyncio.sleep(0.005)
        second.cancel()
        await first
        await bus.read_registers(7, 4, 200, 2)
        assert [body[1] for body in units.bodies()] == [4, 4]

    on_wire({7: after(0.02)}, scenario)


def test_a_request_is_sent_once_and_never_repeated_by_itself() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        await failure(bus.read_registers(9, 4, 500, 2))
        await asyncio.sleep(2 * TIMEOUT_S)
        assert len(units.requests) == 1

    on_wire({}, scenario)


def test_defects_e_and_f_with_an_echo_a_dead_unit_does_not_look_alive_to_a_write() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        assert isinstance(await failure(bus.write_coil(9, 0, True)), UnitSilent)
        await bus.write_coil(7, 0, True)
        assert await bus.read_registers(7, 4, 100, 2) == (100, 101)

    on_wire({7: prompt}, scenario, echo=True, local_echo=True)


def test_an_adapter_that_echoes_without_being_said_to_is_found_out_by_the_first_read() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        assert "local_echo = true" in str(await failure(bus.read_registers(9, 4, 0, 76)))
        assert "local_echo = true" in str(await failure(bus.write_coil(9, 0, True)))
        assert units.bodies()[-1] == bytes.fromhex("09 05 0000 FF00")

    on_wire({}, scenario, echo=True)


@pytest.mark.parametrize("fault", ["bad_crc", "short", "wrong_unit", "noise"])
def test_a_reply_that_is_no_reply_is_an_error_with_its_bytes_and_the_wire_recovers(fault: str) -> None:
    def garbled(request: bytes) -> Iterable[Reply]:
        right = counting_registers(request)
        yield (
            0.0,
            {
                "bad_crc": right[:-1] + bytes((right[-1] ^ 0xFF,)),
                "short": right[:-3],
                "wrong_unit": framed(bytes((9,)) + right[1:-2]),
                "noise": b"\xff\x00\xff\x00",
            }[fault],
        )

    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        told = str(await failure(bus.read_registers(7, 4, 100, 2)))
        assert "unit 7" in told
        assert "bytes came" in told
        assert await bus.read_registers(8, 4, 300, 2) == (300, 301)

    on_wire({7: garbled, 8: prompt}, scenario)


def test_an_answer_of_another_function_is_no_answer() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        assert "something else" in str(await failure(bus.read_registers(7, 4, 100, 2)))

    on_wire({7: lambda request: [(0.0, counting_registers(bytes((7, 3)) + request[2:]))]}, scenario)


def test_a_write_confirmed_with_another_value_is_an_error() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        assert "something else" in str(await failure(bus.write_register(7, 261, 160)))
        assert "something else" in str(await failure(bus.write_coil(7, 0, False)))

    def contrary(request: bytes) -> Iterable[Reply]:
        return [(0.0, framed(request[:4] + b"\x12\x34"))]

    on_wire({7: contrary}, scenario, quiet_s=0.01)


def test_an_exception_is_told_with_its_code_and_the_unit_counts_as_alive() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        for _ in range(2):
            told = await failure(bus.read_registers(7, 3, 0xFC00, 2))
            assert isinstance(told, UnitRefused)
            assert told.code == 2

    on_wire({7: lambda request: [(0.0, framed(bytes((7, request[1] | 0x80, 2))))]}, scenario)


def test_a_dead_unit_delays_the_others_by_at_most_one_timeout_and_its_rest() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        dead = asyncio.create_task(failure(bus.read_registers(9, 4, 0, 2)))
        await asyncio.gather(*(bus.read_registers(unit, 4, block, 2) for unit in (1, 2, 3) for block in (0, 40)))
        assert loop.time() - began_s < TIMEOUT_S + QUIET_S + 0.15
        await dead
        assert sum(body[0] == 9 for body in units.bodies()) == 1

    on_wire({1: prompt, 2: prompt, 3: prompt}, scenario)


def test_a_unit_silent_to_reads_is_paused_for_reads_but_a_write_goes_out() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        loop = asyncio.get_running_loop()
        await failure(bus.read_registers(9, 4, 0, 2))
        began_s = loop.time()
        assert "asked again" in str(await failure(bus.read_registers(9, 4, 0, 2)))
        assert loop.time() - began_s < 0.02
        await failure(bus.write_coil(9, 0, False))
        assert [body[1] for body in units.bodies()] == [4, 5]

    on_wire({}, scenario, pause_s=5.0)


def test_a_write_that_was_lost_is_sent_again_at_once() -> None:
    asked: list[bytes] = []

    def deaf_once(request: bytes) -> Iterable[Reply]:
        asked.append(request)
        return prompt(request) if len(asked) > 1 else ()

    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        await failure(bus.write_coil(7, 0, False))
        await bus.write_coil(7, 0, False)
        assert len(units.bodies()) == 2

    on_wire({7: deaf_once}, scenario, pause_s=5.0)


def test_a_dead_board_whose_relays_are_told_to_open_again_and_again_leaves_the_meters_their_wire() -> None:
    """Eight contactors that retry every 0.1 s, as at a boot with the board without power."""

    async def scenario(bus: PymodbusBus, units: PtyUnits) -> int:
        async def open_for_ever(coil: int) -> None:
            while True:
                await failure(bus.write_coil(9, coil, False))
                await asyncio.sleep(0.1)

        contactors = [asyncio.create_task(open_for_ever(coil)) for coil in range(8)]
        loop = asyncio.get_running_loop()
        until_s, polls = loop.time() + 4.0, 0
        while loop.time() < until_s:
            await bus.read_registers(7, 4, 0, 2)
            polls += 1
            await asyncio.sleep(0.05)
        for contactor in contactors:
            contactor.cancel()
        await asyncio.wait(contactors)
        assert 3 <= sum(body[0] == 9 for body in units.bodies()) <= 8
        return polls

    assert on_wire({7: prompt}, scenario, pause_s=0.5) > 40


def test_a_reading_for_billing_does_not_wait_out_the_pause_of_a_meter_that_was_dead() -> None:
    asked: list[bytes] = []

    def dead_at_first(request: bytes) -> Iterable[Reply]:
        asked.append(request)
        return prompt(request) if len(asked) > 1 else ()

    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        await failure(bus.read_registers(7, 4, 0, 2))
        assert "asked again" in str(await failure(bus.read_registers(7, 4, 0, 2)))
        assert await bus.read_registers(7, 4, 0, 2, urgent=True) == (0, 1)
        assert await bus.read_registers(7, 4, 0, 3) == (0, 1, 2), "who has answered is asked like any other"

    on_wire({7: dead_at_first}, scenario, pause_s=60.0)


def test_a_unit_that_comes_back_is_read_again_after_its_pause() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        await failure(bus.read_registers(7, 4, 0, 2))
        await asyncio.sleep(PAUSE_S)
        assert await bus.read_registers(7, 4, 0, 2) == (0, 1)
        assert await bus.read_registers(7, 4, 0, 3) == (0, 1, 2)

    asked: list[bytes] = []

    def second_time(request: bytes) -> Iterable[Reply]:
        asked.append(request)
        return prompt(request) if len(asked) > 1 else ()

    on_wire({7: second_time}, scenario)


def test_writes_go_before_urgent_reads_and_those_before_polls() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        first = asyncio.create_task(bus.read_registers(7, 4, 1, 1))
        await asyncio.sleep(0.002)
        waiting = [
            asyncio.create_task(bus.read_registers(7, 4, 2, 1)),
            asyncio.create_task(bus.read_registers(7, 4, 3, 1)),
            asyncio.create_task(bus.read_registers(7, 4, 4, 1, urgent=True)),
            asyncio.create_task(bus.write_coil(7, 5, False)),
        ]
        await asyncio.gather(first, *waiting)
        assert [body[3] for body in units.bodies()] == [1, 5, 4, 2, 3]

    on_wire({7: after(0.01)}, scenario)


def test_an_idle_wire_carries_a_write_within_a_few_milliseconds() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> list[float]:
        loop = asyncio.get_running_loop()
        delays_s = []
        for n in range(20):
            await asyncio.sleep(0.005)
            asked_s = loop.time()
            await bus.write_coil(1, n, False)
            delays_s.append(units.requests[-1][0] - asked_s)
        return delays_s

    assert median(on_wire({1: prompt}, scenario)) < 0.003


def test_a_missing_port_is_told_at_once_and_opened_when_it_comes(tmp_path: Path) -> None:
    async def play() -> None:
        link = tmp_path / "rs485"
        bus = PymodbusBus("bus0", str(link), baud=9600, timeout_s=TIMEOUT_S, quiet_s=0.01, pause_s=0.01)
        owner = asyncio.create_task(bus.run())
        assert "cannot be opened" in str(await failure(bus.read_registers(7, 4, 0, 1)))
        units = PtyUnits({7: prompt})
        link.symlink_to(units.path)
        await bus.write_coil(7, 0, True)
        assert await bus.read_registers(7, 4, 5, 1) == (5,)
        units.close()
        link.unlink()
        await failure(bus.write_coil(7, 0, False))
        units = PtyUnits({7: prompt})
        link.symlink_to(units.path)
        await bus.write_coil(7, 0, False)
        owner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await owner
        units.close()

    asyncio.run(play())


def test_a_closing_bus_finishes_what_is_on_the_wire_and_fails_what_waits() -> None:
    async def play() -> None:
        units = PtyUnits({7: after(0.03)})
        bus = PymodbusBus("bus0", units.path, baud=115200, timeout_s=0.2)
        owner = asyncio.create_task(bus.run())
        flying = asyncio.create_task(bus.write_coil(7, 1, False))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(failure(bus.read_registers(7, 4, 0, 1)))
        await asyncio.sleep(0)
        owner.cancel()
        await flying
        assert "closed" in str(await waiting)
        with contextlib.suppress(asyncio.CancelledError):
            await owner
        units.close()

    asyncio.run(play())


def test_modbus_tcp_is_the_same_bus() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await reader.readexactly(6)
                body = await reader.readexactly(int.from_bytes(header[4:6], "big"))
                reply = counting_registers(body)[:-2]
                writer.write(header[:4] + len(reply).to_bytes(2, "big") + reply)
        writer.close()
        await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()

    async def play() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        bus = PymodbusBus("bus1", f"tcp://127.0.0.1:{port}", timeout_s=0.5)
        owner = asyncio.create_task(bus.run())
        assert await bus.read_registers(7, 4, 100, 2) == (100, 101)
        await bus.write_coil_raw(1, 0x0200, 300)
        owner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await owner
        await gone.wait()
        server.close()
        await server.wait_closed()

    asyncio.run(play())


def test_when_too_many_wait_a_poll_is_dropped_before_an_opening() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        polls = [asyncio.create_task(bus.read_registers(7, 4, n, 1)) for n in range(QUEUE_MAX)]
        await asyncio.sleep(0)
        assert "wait already" in str(await failure(bus.read_registers(7, 4, 0, 1)))
        await bus.write_coil(7, 0, False)
        assert "overbooked" in str(await failure(polls[-1]))
        assert [body[1] for body in units.bodies()][:1] == [5]
        for poll in polls[:-1]:
            poll.cancel()

    on_wire({7: prompt}, scenario)


def test_impossible_requests_fail_in_the_hands_of_their_caller() -> None:
    async def play() -> None:
        bus = PymodbusBus("bus0", os.devnull)
        for call in (
            bus.read_registers(7, 4, 0, 126),
            bus.read_registers(7, 6, 0, 1),
            bus.read_bits(7, 3, 0, 1),
            bus.write_register(7, 0, 70000),
            bus.write_coil(0, 0, True),
        ):
            with pytest.raises(ValueError, match=r"\w"):
                await call

    asyncio.run(play())


def test_pauses_double_from_one_to_sixty_seconds_and_end_with_the_first_answer() -> None:
    pauses, now_s, lengths_s = UnitPauses(), 0.0, []
    for _ in range(8):
        pauses.silent(7, now_s)
        lengths_s.append(pauses.remaining_s(7, now_s))
        now_s += lengths_s[-1]
    assert lengths_s == [1, 2, 4, 8, 16, 32, 60, 60]
    pauses.heard(7)
    assert pauses.remaining_s(7, now_s) == 0


def test_writes_are_tried_again_at_once_and_then_wait_for_four_seconds_at_the_most() -> None:
    pauses, now_s, lengths_s = UnitPauses(), 0.0, []
    for _ in range(6):
        pauses.silent(7, now_s, presses=True)
        lengths_s.append(pauses.remaining_s(7, now_s, presses=True))
        now_s += lengths_s[-1]
    assert lengths_s == [0, 1, 2, 4, 4, 4]
    pauses.heard(7)
    assert pauses.remaining_s(7, now_s, presses=True) == 0


def test_a_babbling_device_keeps_the_wire_for_a_bounded_time() -> None:
    timing = LineTiming(9600, "N", 1)
    timing.sent(8, 0.0)
    timing.ended(0.05)
    timing.trouble(0.05)
    now_s = 0.05
    while timing.wait_s(now_s) > 0 and now_s < 5.0:
        now_s += 0.002
        timing.heard(now_s)
    assert 1.0 < now_s < 1.1


def test_frames_are_kept_three_and_a_half_characters_apart() -> None:
    assert LineTiming(9600, "N", 1).gap_s == pytest.approx(3.5 * 10 / 9600)
    assert LineTiming(19200, "E", 1).gap_s == pytest.approx(3.5 * 11 / 19200)
    assert LineTiming(115200, "N", 1).gap_s == pytest.approx(0.00175)
    assert LineTiming(None, "N", 1).gap_s == 0.0


def test_a_unit_that_needs_rest_is_not_asked_before_it_has_rested_and_others_are_meanwhile() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        bus.rests(7, 0.1)
        await asyncio.gather(
            bus.read_registers(7, 4, 0, 2), bus.read_registers(7, 4, 10, 2), bus.read_registers(8, 4, 20, 2)
        )
        assert [body[0] for body in units.bodies()] == [7, 8, 7]
        (first_s, _), (other_s, _), (second_s, _) = units.requests
        assert second_s - first_s >= 0.1
        assert other_s - first_s < 0.1

    on_wire({7: prompt, 8: prompt}, scenario)


def test_a_write_goes_before_the_reads_of_its_own_unit_that_wait() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        bus.rests(7, 0.05)
        reads = [asyncio.create_task(bus.read_registers(7, 4, address, 2)) for address in (0, 10, 20)]
        await asyncio.sleep(0.02)
        await bus.write_register(7, 261, 60)
        assert [body[1] for body in units.bodies()] == [4, 6]
        await asyncio.gather(*reads)

    on_wire({7: prompt}, scenario)


def test_while_a_write_waits_for_its_units_rest_no_read_of_another_unit_begins() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        bus.rests(7, 0.08)
        await bus.read_registers(7, 4, 0, 2)
        write = asyncio.create_task(bus.write_register(7, 261, 60))
        await asyncio.sleep(0.01)
        await bus.read_registers(8, 4, 0, 2)
        await write
        assert [(body[0], body[1]) for body in units.bodies()] == [(7, 4), (7, 6), (8, 4)]

    on_wire({7: prompt, 8: prompt}, scenario)


def test_a_wire_that_is_kept_clear_begins_no_read_but_takes_a_write_at_once() -> None:
    async def scenario(bus: PymodbusBus, units: PtyUnits) -> None:
        loop = asyncio.get_running_loop()
        asked_s: list[float] = []
        until_s = loop.time() + 0.15

        def clear_s(now_s: float, takes_s: float) -> float:
            asked_s.append(takes_s)
            return max(0.0, until_s - now_s)

        bus.keep_clear(clear_s)
        read = asyncio.create_task(bus.read_registers(7, 4, 0, 20))
        await asyncio.sleep(0.02)
        began_s = loop.time()
        await bus.write_register(8, 261, 60)
        assert loop.time() - began_s < 0.05
        await read
        assert [body[0] for body in units.bodies()] == [8, 7]
        assert until_s <= units.requests[1][0] < until_s + 0.05
        assert 0.06 < min(asked_s) < 0.1, "request and answer as long as they are on the wire, and the unit's latency"
        asked_s.clear()
        bus.rests(8, 0.1)
        await bus.read_registers(8, 4, 0, 2)
        assert min(asked_s) > 0.16, "a unit that is written to must have rested when the write comes"

    on_wire({7: prompt, 8: prompt}, scenario)
