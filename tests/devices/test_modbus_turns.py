"""Whose turn it is on a Modbus wire: writes before readings for bills before polls, pauses of silent units, rests."""

import asyncio
from collections.abc import Iterable
from statistics import median

from gateway.devices.modbus_bus import QUEUE_MAX, PymodbusBus
from gateway.devices.modbus_timing import UnitPauses
from tests.devices.modbus_wire import PAUSE_S, QUIET_S, TIMEOUT_S, failure, on_wire
from tests.devices.pty_units import PtyUnits, Reply, after, prompt


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
