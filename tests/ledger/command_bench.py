"""A state folder in which a ledger has really charged, and the commands called on it in this process."""

import argparse
from pathlib import Path
from types import ModuleType

import pytest

from gateway.app.ledger import Ledger
from gateway.app.ledger_folder import open_ledger
from gateway.cli import key
from gateway.site.because import Why
from tests.ledger.ledger_bench import SOCKETS, STOCKHOLM, HandClock, begin, end, reading, station


def called(command: ModuleType, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(word) for word in words]))
    return code


async def opened(folder: Path, clock: HandClock) -> Ledger:
    here = station()
    return await open_ledger(
        folder,
        clock,
        gateway_id=here.gateway_id,
        version="0.1.0",
        time_zone=STOCKHOLM,
        meters=here.meters,
        minimum_wh={},
    )


async def charge(folder: Path) -> None:
    clock = HandClock()
    ledger = await opened(folder, clock)
    await ledger.record_begin(begin("s1", reading(clock, "100.00")))
    clock.pass_s(600)
    await ledger.record_begin(begin("s2", reading(clock, "50.00"), socket=SOCKETS[1], token="=cmd()|calc"))
    clock.pass_s(600)
    await ledger.record_end(end("s1", reading(clock, "107.30"), why=Why.UNPLUGGED))
    await ledger.record_end(end("s2", reading(clock, "51.00"), socket=SOCKETS[1]))
    await ledger.record_begin(begin("s3", reading(clock, "107.45")))
    await ledger.shut_down()


def public_hex(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert called(key, "show", "--state-dir", str(folder)) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("hex: ")]
    return line.removeprefix("hex: ")
