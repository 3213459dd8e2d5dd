"""Modbus units on a pty, as wilful as real ones: late, short, garbled, under a wrong number, silent, or heard twice."""

import asyncio
import os
import tty
from collections.abc import Callable, Iterable

Reply = tuple[float, bytes]
"""Seconds after the request, bytes."""
Answer = Callable[[bytes], Iterable[Reply]]


def crc(frame: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    register = 0xFFFF
    for octet in frame:
        register ^= octet
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


def framed(body: bytes) -> bytes:
    return body + crc(body)


def counting_registers(request: bytes) -> bytes:
    """The true reply to a request: every register holds its own address, every coil is on at odd addresses."""
    unit, function = request[0], request[1]
    address, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
    if function in (3, 4):
        words = b"".join((address + n).to_bytes(2, "big") for n in range(count))
        return framed(bytes((unit, function, len(words))) + words)
    if function in (1, 2):
        octets = bytearray((count + 7) // 8)
        for n in range(count):
            octets[n // 8] |= ((address + n) & 1) << (n % 8)
        return framed(bytes((unit, function, len(octets))) + octets)
    if function == 16:
        return framed(request[:6])
    return framed(request[:6])


class PtyUnits:
    """A pty whose far end answers by a script. Give the script per unit; units without one are dead."""

    def __init__(self, answers: dict[int, Answer], *, echo: bool = False) -> None:
        self._answers = answers
        self._echo = echo
        self._held = b""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.requests: list[tuple[float, bytes]] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def bodies(self) -> list[bytes]:
        """The requests as they came, without CRC."""
        return [frame[:-2] for _, frame in self.requests]

    def say(self, words: bytes) -> None:
        os.write(self._master, words)

    def _readable(self) -> None:
        octets = os.read(self._master, 1024)
        if self._echo:
            self.say(octets)
        self._held += octets
        while len(self._held) >= 8:
            length = 9 + self._held[6] if self._held[1] == 16 and len(self._held) > 6 else 8
            if len(self._held) < length:
                return
            frame, self._held = self._held[:length], self._held[length:]
            self.requests.append((self._loop.time(), frame))
            answer = self._answers.get(frame[0])
            for after_s, reply in answer(frame) if answer else ():
                if after_s > 0:
                    self._loop.call_later(after_s, self.say, reply)
                else:
                    self.say(reply)


def prompt(request: bytes) -> Iterable[Reply]:
    """A unit in order."""
    yield 0.0, counting_registers(request)


def after(delay_s: float) -> Answer:
    """A unit that answers rightly but late."""
    return lambda request: [(delay_s, counting_registers(request))]


def late_once(delay_s: float) -> Answer:
    """Late the first time, prompt from then on."""
    asked: list[bytes] = []

    def answer(request: bytes) -> Iterable[Reply]:
        asked.append(request)
        yield (delay_s if len(asked) == 1 else 0.0), counting_registers(request)

    return answer
