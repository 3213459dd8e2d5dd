"""The bus on a real pty, against units that misbehave; A to F are the traps of pymodbus 3.16's RTU client."""

import asyncio
import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.devices.modbus_bus import PymodbusBus
from gateway.devices.modbus_faults import UnitRefused, UnitSilent
from gateway.devices.modbus_timing import LineTiming
from tests.devices.modbus_wire import PAUSE_S, QUIET_S, TIMEOUT_S, failure, on_wire
from tests.devices.pty_units import PtyUnits, Reply, after, counting_registers, framed, late_once, prompt


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
