"""The recorder beside the loop: the whole shell in virtual time, its recording decided again."""

import asyncio
from zoneinfo import ZoneInfo

import pytest

from gateway.app import flight_recorder
from gateway.app.control_loop import ControlLoop
from gateway.app.flight_recorder import DAY_BYTES_MAX, RETRY_S, FlightRecorder
from gateway.ids import SessionId, Token
from gateway.journal.flight import replayed
from gateway.site.requests import ShutDown, Source, StartSession
from tests.app.loop_bench import P1, Bench, ended
from tests.app.virtual_time import run_virtually

HOUR_S = 240.0
"""A short one."""


class Shelf:
    """Keeps recordings in memory; `full` takes nothing."""

    def __init__(self) -> None:
        self.recordings: list[tuple[str, list[str]]] = []
        self.full = False

    def begin(self, name: str, line: str) -> bool:
        if self.full:
            return False
        self.recordings.append((name, [line]))
        return True

    def add(self, line: str) -> bool:
        if self.full:
            return False
        self.recordings[-1][1].append(line)
        return True


class RecordedBench(Bench):
    """The loop of the bench with a recorder."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.recorder = FlightRecorder(self.shelf, "1")
        self.loop = ControlLoop(
            state=self.loop.state,
            board=self.board,
            effects=self.loop._effects,
            ledger_effects=self.ledger_effects,
            journal=self.journal,
            publish=self._publish,
            watchdog=self.pulses,
            heartbeat=self.pulses,
            clock=self.clock,
            record=self.recorder.record,
        )


def test_a_whole_session_of_the_running_loop_is_decided_again_as_it_was() -> None:
    async def main() -> None:
        bench = RecordedBench()
        tasks = bench.start()
        await asyncio.sleep(40.0)
        bench.board.asked(StartSession(P1, SessionId("s-1"), Token("anna"), Source.MQTT))
        await asyncio.sleep(60.0)
        bench.board.asked(ShutDown())
        await asyncio.sleep(20.0)
        await ended(tasks)
        ((_, lines),) = bench.shelf.recordings
        again = list(replayed(lines, ZoneInfo))
        assert len(again) == bench.pulses.alive_count
        assert all(tick.as_live for tick in again)
        assert again[-1].decision.state.fuses == bench.loop.state.fuses
        assert not any("anna" in line for line in lines)

    run_virtually(main())


def test_each_hour_is_a_recording_that_can_be_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight_recorder, "RECORDING_S", HOUR_S)

    async def main() -> None:
        bench = RecordedBench()
        tasks = bench.start()
        await asyncio.sleep(HOUR_S + 30.0)
        await ended(tasks)
        names = [name for name, _ in bench.shelf.recordings]
        assert names == sorted(names)
        assert len(names) == 2
        assert all(tick.as_live for tick in replayed(bench.shelf.recordings[1][1], ZoneInfo))

    run_virtually(main())


def test_lines_that_were_not_taken_end_the_recording_and_another_begins_later() -> None:
    async def main() -> None:
        bench = RecordedBench()
        tasks = bench.start()
        await asyncio.sleep(20.0)
        bench.shelf.full = True
        await asyncio.sleep(5.0)
        petted = bench.pulses.alive_count
        bench.shelf.full = False
        await asyncio.sleep(RETRY_S + 20.0)
        await ended(tasks)
        assert bench.pulses.alive_count > petted + RETRY_S
        first, second = (lines for _, lines in bench.shelf.recordings)
        assert all(tick.as_live for tick in [*replayed(first, ZoneInfo), *replayed(second, ZoneInfo)])

    run_virtually(main())


def test_a_site_that_says_too_much_is_recorded_for_the_beginning_of_each_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight_recorder, "RECORDING_S", HOUR_S)

    async def main() -> None:
        bench = RecordedBench()
        tasks = bench.start()
        await asyncio.sleep(10.0)
        bench.recorder._bytes = DAY_BYTES_MAX
        await asyncio.sleep(120.0)
        assert len(bench.shelf.recordings) == 1
        taken = len(bench.shelf.recordings[0][1])
        assert taken < 20
        await asyncio.sleep(HOUR_S)
        await ended(tasks)
        assert len(bench.shelf.recordings[0][1]) == taken
        assert len(bench.shelf.recordings) == 2

    run_virtually(main())
