"""A second reader for DLMS messages that the own walk does not know: gurux-dlms (GPL-2.0, extra `dlms`).

This file alone touches that library, and imports it with the first such message: it costs memory, and most meters
never send one. Without the extra the message stays unknown, and one sentence in the log says what to install.
"""

import logging
from collections.abc import Callable
from typing import Final

from gateway.wire.axdr import NotAxdr, Value

MISSING: Final = (
    "the grid meter pushes a DLMS message that Laddvakt does not know. A second reader may know it: install it with"
    " pip install 'laddvakt[dlms]' and start again"
)
log = logging.getLogger("laddvakt")


class DlmsOracle:
    """An `OtherWalk`: the body of a data notification as gurux-dlms reads it."""

    def __init__(self) -> None:
        self._read: Callable[[bytes], object] | None = None
        self._missing = False

    def __call__(self, body: bytes) -> Value:
        """Raises NotAxdr if the library is not there, does not know the body either, or leaves octets over."""
        if self._read is None and not self._missing:
            self._read = _reader()
            self._missing = self._read is None
            if self._missing:
                log.warning(MISSING)
        if self._read is None:
            raise NotAxdr("no second reader")
        try:
            found = self._read(body)
        except Exception as problem:  # bare Exception is what the library raises for what it does not know
            raise NotAxdr(f"unknown to the second reader too: {problem!r}") from problem
        return _plain(found)


def _reader() -> Callable[[bytes], object] | None:
    """The library's own walk; None if it is not installed."""
    try:
        from gurux_dlms import GXByteBuffer
        from gurux_dlms.internal._GXCommon import _GXCommon
        from gurux_dlms.internal._GXDataInfo import _GXDataInfo
    except ImportError:
        return None

    def read(body: bytes) -> object:
        octets, told = GXByteBuffer(bytearray(body)), _GXDataInfo()
        value: object = _GXCommon.getData(None, octets, told)
        if not told.complete or octets.position != octets.size:
            raise NotAxdr("ends early, or octets after the body")
        return value

    return read


def _plain(found: object) -> Value:
    """The library's value as our own walk gives it: texts as octets. Raises NotAxdr for what has no place in a list."""
    match found:
        case None | int() | float() | bytes():
            return found
        case bytearray():
            return bytes(found)
        case str():
            return found.encode("utf-8", "replace")
        case list() | tuple():
            return [_plain(value) for value in found]
        case _:
            raise NotAxdr(f"{type(found).__name__} in a list")
