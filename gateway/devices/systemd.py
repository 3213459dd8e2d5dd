"""Readiness and watchdog messages to systemd (sd_notify(3)), and its journal as a log when the extra is installed.

Without systemd (no NOTIFY_SOCKET) every call does nothing.
"""

import logging
import os
import socket
import sys


class SystemdNotifier:
    """Sends datagrams to $NOTIFY_SOCKET; an abstract address begins with `@`."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if address else None

    def ready(self) -> None:
        self._send("READY=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError as error:
            logging.getLogger("laddvakt").warning("systemd does not hear us: %s", error)


def log_to_journal_or_stderr(level: int) -> None:
    """Log lines with a priority prefix on stderr, or as journal entries where `systemd-python` is installed."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    if under_systemd:
        try:
            from systemd.journal import JournalHandler
        except ImportError:
            pass
        else:
            logging.basicConfig(
                level=level, format="%(message)s", handlers=[JournalHandler(SYSLOG_IDENTIFIER="laddvakt")]
            )
            return
    text = "%(message)s" if under_systemd else "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=level, format=text, stream=sys.stderr)
