"""The byte stream of a HAN port: what its sink raises is a bug of ours and is never swallowed."""

import asyncio
import os
import tty

import pytest

from gateway.devices.serial_stream import SerialStream
from gateway.wire.line import LineSettings


def test_a_sink_that_fails_ends_the_stream_and_is_not_only_logged() -> None:
    async def main() -> None:
        master, slave = os.openpty()
        try:
            stream = SerialStream(os.ttyname(slave), LineSettings())

            def fail(_octets: bytes) -> None:
                raise ArithmeticError("our bug")

            run = asyncio.create_task(stream.run(fail))
            await asyncio.sleep(0.05)
            os.write(master, b"x")
            with pytest.raises(ArithmeticError):
                await asyncio.wait_for(run, 2.0)
        finally:
            os.close(master)
            os.close(slave)

    asyncio.run(main())


def test_what_waited_in_the_port_before_it_was_opened_is_thrown_away() -> None:
    """A daemon that hung leaves minutes of telegrams behind; its successor must not take them for new ones."""

    async def main() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        try:
            os.write(master, b"old")
            heard: asyncio.Queue[bytes] = asyncio.Queue()
            run = asyncio.create_task(SerialStream(os.ttyname(slave), LineSettings()).run(heard.put_nowait))
            await asyncio.sleep(0.05)
            os.write(master, b"new")
            assert await asyncio.wait_for(heard.get(), 2.0) == b"new"
            run.cancel()
            await asyncio.wait({run})
        finally:
            os.close(master)
            os.close(slave)

    asyncio.run(main())
