"""Where a Modbus wire is plugged in: the serial port or TCP address, its pymodbus client, and the opening of it."""

import asyncio
import os
import termios
from collections.abc import Callable
from typing import Final

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from gateway.devices.modbus_requests import CoilCommand

REOPEN_S_FIRST: Final = 0.5
REOPEN_S_MAX: Final = 10.0

Client = AsyncModbusSerialClient | AsyncModbusTcpClient


class ModbusPort:
    """A serial path, or `tcp://host:port`, and the settings of its line. timeout_s: how long an opening may take."""

    def __init__(
        self, name: str, path: str, *, baud: int, parity: str, stop_bits: int, timeout_s: float, local_echo: bool
    ) -> None:
        self.path: Final = path
        self._name: Final = name
        self._baud: Final = baud
        self._parity: Final = parity
        self._stop_bits: Final = stop_bits
        self._timeout_s: Final = timeout_s
        self._local_echo: Final = local_echo
        self._reopen_s = 0.0
        self._reopen_from_s = 0.0

    @property
    def is_tcp(self) -> bool:
        return self.path.startswith("tcp://")

    def client(self, watch: Callable[[bool, bytes], bytes]) -> Client:
        """A client that is not open yet; `watch` is shown every packet.

        reconnect_delay=0: the port is reopened by `opened` alone, so that nothing else ever sends or waits on it.
        """
        client: Client
        if self.is_tcp:
            host, _, port = self.path.removeprefix("tcp://").rpartition(":")
            client = AsyncModbusTcpClient(
                host.strip("[]"),
                port=int(port),
                name=self._name,
                timeout=self._timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=watch,
            )
        else:
            client = AsyncModbusSerialClient(
                self.path,
                framer=FramerType.RTU,
                baudrate=self._baud,
                parity="N" if _is_pseudo_terminal(self.path) else self._parity,
                stopbits=self._stop_bits,
                handle_local_echo=self._local_echo,
                name=self._name,
                timeout=self._timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=watch,
            )
        client.register(CoilCommand)
        return client

    async def opened(self, client: Client, at_once: bool) -> bool:
        """Opens the port, at most every 0.5 to 10 s but for writes. The open itself is bounded by the reply timeout."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._reopen_from_s and not at_once:
            return False
        client.ctx.comm_params.timeout_connect = self._timeout_s
        try:
            opened = await client.connect()
        except (ValueError, termios.error):  # pyserial: a baud rate or parity that this port does not know
            opened = False
        if opened:
            self._reopen_s = 0.0
            await asyncio.sleep(0)  # pymodbus attaches its reader in the loop's next round
        else:
            self._reopen_s = min(max(2 * self._reopen_s, REOPEN_S_FIRST), REOPEN_S_MAX)
            self._reopen_from_s = loop.time() + self._reopen_s
        return opened


def _is_pseudo_terminal(port: str) -> bool:
    """A pseudo-terminal carries bytes without parity, and Linux refuses to set one on it (pty(7), tcsetattr(3))."""
    return os.path.realpath(port).startswith("/dev/pts/")
