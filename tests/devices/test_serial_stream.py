"""The byte stream of a HAN port: what its sink raises is a bug of ours and is never swallowed."""

import asyncio
import os

import pytest

from gateway.devices.serial_stream import LineSettings, SerialStream


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
