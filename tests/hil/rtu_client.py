"""A Modbus RTU client of a few lines, over pyserial: the wire's other end, sharing no code with the cabinet."""

import json
import subprocess
import sys
import time
from pathlib import Path
from struct import pack
from typing import Self

import serial

ROOT = Path(__file__).parents[2]


def check_sum(octets: bytes) -> bytes:
    """CRC-16/MODBUS bit by bit (Modbus over serial line 1.02, appendix B)."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            odd = register & 1
            register >>= 1
            if odd:
                register ^= 0xA001
    return pack("<H", register)


class RtuClient:
    """Asks and waits for exactly the reply that must come; None if it does not within the timeout."""

    def __init__(self, port: str, timeout_s: float = 0.5) -> None:
        self.port = serial.Serial(port, 19200, timeout=timeout_s)

    def ask(self, unit: int, pdu: bytes, reply_length: int) -> bytes | None:
        body = bytes((unit,)) + pdu
        self.port.write(body + check_sum(body))
        reply = self.port.read(reply_length + 3)
        if len(reply) < 5 or check_sum(reply[:-2]) != reply[-2:]:
            return None
        return reply[1:-2]

    def read(self, unit: int, function: int, address: int, count: int) -> list[int] | None:
        reply = self.ask(unit, pack(">BHH", function, address, count), 2 + 2 * count)
        if reply is None or reply[0] != function:
            return None
        return [int.from_bytes(reply[at : at + 2], "big") for at in range(2, 2 + 2 * count, 2)]

    def write(self, unit: int, address: int, value: int, function: int = 6) -> bytes | None:
        return self.ask(unit, pack(">BHH", function, address, value), 5)

    def close(self) -> None:
        self.port.close()


class PlayedCabinet:
    """`python -m hil cabinet` as a program of its own; ended when the block ends."""

    def __init__(self, scenario: Path, folder: Path, *options: str) -> None:
        self.log = folder / "hil.jsonl"
        self.program = subprocess.Popen(
            [sys.executable, "-m", "hil", "cabinet", str(scenario), "--log", str(self.log), *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ports = self.hear()

    def hear(self) -> dict[str, object]:
        assert self.program.stdout is not None
        words = json.loads(self.program.stdout.readline())
        assert isinstance(words, dict)
        return words

    def bus(self, name: str) -> str:
        buses = self.ports["buses"]
        assert isinstance(buses, dict)
        return str(buses[name])

    def say(self, **words: object) -> None:
        assert self.program.stdin is not None
        self.program.stdin.write(json.dumps(words) + "\n")
        self.program.stdin.flush()

    def logged(self, kind: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if line["kind"] == kind]

    def wait_for(self, kind: str, count: int = 1, timeout_s: float = 10.0) -> list[dict[str, object]]:
        """The log's lines of this kind, as soon as there are so many."""
        until_s = time.monotonic() + timeout_s
        while len(found := self.logged(kind)) < count and time.monotonic() < until_s:
            time.sleep(0.02)
        assert len(found) >= count, f"{kind}: {len(found)} of {count} within {timeout_s} s"
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.terminate()
        self.program.communicate(timeout=10)
