"""Every form in which the cabinet's grid meter can speak, by name; all from one state.

A form says how it is wired (P1 text, HDLC or M-Bus), at what baud and parity, what it shows and in which steps. Forms
whose name ends in a number are one list; those without send their lists in the maker's rhythm.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from hil.world import dlms_lists as lists
from hil.world.dlms_frames import ciphered, hdlc, hdlc_blocks, hdlc_segments, mbus_segments
from hil.world.grid_values import GridFlow, Shown, Steps, shown
from hil.world.telegram import P1Manner, p1_octets

Octets = Callable[[GridFlow, datetime, int], bytes]
"""What is sent: the state, the meter's own time, and which transmission it is, counted from 0."""


@dataclass(frozen=True, slots=True)
class GridForm:
    """wire: p1, hdlc or mbus; phases: 1 or 3; sends: which quantities one transmission holds, of power (import alone
    where it says import), phases (amperes alone where it says amperes), by_phase, signed currents, energy, clock."""

    name: str
    wire: str
    baud: int
    parity: str
    steps: Steps
    sends: frozenset[str]
    octets: Octets
    phases: int = 3
    encrypted: bool = False


_P1_SENDS = frozenset({"power", "phases", "energy", "clock", "by_phase"})
_P1_MANNERS = {
    "p1": P1Manner(),
    "p1-sagemcom": P1Manner(r"LVK5\253833635_A", (21, 41, 61, 22, 42, 62)),
    "p1-landisgyr": P1Manner("LVK5E360", small=False),
    "p1-aidon": P1Manner("LVK9 6534", small=False, mark_on_line=True),
    "p1-one-phase": P1Manner("LVK9 6511", phases=1),
    "p1-dutch": P1Manner(r"LVK5\2M550T-1012", tariffs=True, amperes="1"),
    "p1-austrian": P1Manner("LVK5T210-D", in_watts=True),
    "p1-bridge": P1Manner(line_end="\n"),
}


def p1_time(at: datetime) -> str:
    """Standard time all the year ("W"), as most Swedish meters tell it."""
    return at.strftime("%y%m%d%H%M%SW")


def measured(flow: GridFlow, phases: int) -> GridFlow:
    """What of the flow goes through a meter of one or three phases."""
    if phases == 3:
        return flow
    return replace(flow, volts=(flow.volts[0], 0.0, 0.0), amperes=(flow.amperes[0], 0.0, 0.0))


def _p1(name: str, manner: P1Manner) -> GridForm:
    def octets(flow: GridFlow, at: datetime, _count: int) -> bytes:
        return p1_octets(measured(flow, manner.phases), p1_time(at), manner)

    return GridForm(name, "p1", 115200, "N", manner.steps, _P1_SENDS, octets, manner.phases)


Listed = Callable[[Shown, datetime], bytes]
Framed = Callable[[bytes, int], bytes]
"""The frames around a message; the number is what its cipher counts by."""


@dataclass(frozen=True, slots=True)
class Push:
    """How a maker's DLMS messages come out of the meter."""

    wire: str
    baud: int
    parity: str
    steps: Steps
    framed: Framed


def _hdlc_of(address: bytes, control: int = 0x13) -> Framed:
    return lambda message, _count: hdlc(message, address=address, control=control)


def _ciphered_hdlc(address: bytes) -> Framed:
    return lambda message, count: hdlc(ciphered(message, count, authenticated=True), address=address)


def _list(name: str, push: Push, sends: str, message: Listed, *, phases: int = 3, encrypted: bool = False) -> GridForm:
    def octets(flow: GridFlow, at: datetime, count: int) -> bytes:
        return push.framed(message(shown(measured(flow, phases), push.steps), at), count)

    return GridForm(
        name, push.wire, push.baud, push.parity, push.steps, frozenset(sends.split()), octets, phases, encrypted
    )


_ALL = "power phases energy clock"
_HUNDREDTHS = Steps(amperes="0.01", volts="1")
_HUNDREDTHS_TEN_WH = Steps(amperes="0.01", volts="1", watt_hours="10")


def _bare(body: Listed) -> Listed:
    return lambda of, at: lists.notification(body(of, at))


def _timed(body: Listed, time: Callable[[datetime], bytes]) -> Listed:
    return lambda of, at: lists.notification(body(of, at), time(at))


def _aidon_no(number: int) -> Listed:
    return _bare(lambda of, at: lists.aidon_no(of, at, number))


def _aidon() -> Iterator[GridForm]:
    address = b"\x41\x08\x83"
    swedish = Push("hdlc", 115200, "N", Steps(), _hdlc_of(address))
    segmented = replace(swedish, framed=lambda message, _count: hdlc_segments(message, 200))
    norwegian = Push("hdlc", 2400, "E", Steps(watt_hours="10"), _hdlc_of(address))
    yield _list("aidon-se", swedish, f"{_ALL} by_phase signed", _bare(lists.aidon_se))
    yield _list("aidon-se-segmented", segmented, f"{_ALL} by_phase signed", _bare(lists.aidon_se))
    yield _list("aidon-no-1", norwegian, "import", _aidon_no(1))
    yield _list("aidon-no-2", norwegian, "power phases signed", _aidon_no(2))
    yield _list("aidon-no-3", norwegian, f"{_ALL} signed", _aidon_no(3))
    yield _list("landisgyr-e350", norwegian, "power phases signed", _aidon_no(2))


def _kaifa_list(items: int) -> Listed:
    return lambda of, at: lists.kaifa(of, at, items)


def _kaifa() -> Iterator[GridForm]:
    norwegian = Push("hdlc", 2400, "E", Steps(amperes="0.001"), _hdlc_of(b"\x01\x02\x01", 0x10))
    swedish = replace(norwegian, framed=_hdlc_of(b"\x01\x00\x01", 0x10))
    short = "power phases clock"
    for items, sends in ((1, "import clock"), (9, short), (13, short), (14, _ALL), (18, _ALL)):
        phases = 1 if items in (9, 14) else 3
        body = _kaifa_list(items)
        yield _list(f"kaifa-{items}", norwegian, sends, _timed(body, lists.tagged_time), phases=phases)
        yield _list(f"kaifa-{items}-plain-time", norwegian, sends, _timed(body, lists.plain_time), phases=phases)
    yield _list("kaifa-18-no-time", norwegian, _ALL, _bare(_kaifa_list(18)))
    yield _list("kaifa-se", swedish, _ALL, _bare(lists.kaifa_se))


def _kamstrup_list(items: int, type_number: str, step: str) -> Listed:
    return lambda of, at: lists.kamstrup(of, at, items, type_number, step)


def _kamstrup() -> Iterator[GridForm]:
    markets = (
        ("se", "6841131BN245101092", _HUNDREDTHS, lists.plain_time),
        ("no", "6841131BN243101040", _HUNDREDTHS_TEN_WH, lists.tagged_time),
        ("dk", "6841138BN245101010", _HUNDREDTHS, lists.plain_time),
    )
    for market, type_number, steps, time in markets:
        push = Push("hdlc", 2400, "N", steps, _hdlc_of(b"\x2b\x21"))
        for items, sends in ((25, "power phases clock"), (35, _ALL)):
            body = _kamstrup_list(items, type_number, steps.watt_hours)
            yield _list(f"kamstrup-{market}-{items}", push, sends, _timed(body, time))
    danish = Push("hdlc", 2400, "N", _HUNDREDTHS, _ciphered_hdlc(b"\x41\x03"))
    body = _timed(_kamstrup_list(35, "6841138BN245101010", "1"), lists.plain_time)
    yield _list("kamstrup-dk-encrypted", danish, _ALL, body, encrypted=True)


def _landisgyr() -> Iterator[GridForm]:
    sealed = Push("hdlc", 2400, "E", _HUNDREDTHS, _ciphered_hdlc(b"\xce\xff\x03"))
    blocks = replace(sealed, framed=lambda message, _count: hdlc_blocks(message, 112))
    values = _timed(lambda of, _at: lists.e450(of), lists.plain_time)
    objects = _timed(lambda of, _at: lists.e450_objects(of), lists.plain_time)
    yield _list("landisgyr-e450-encrypted", sealed, _ALL, values, encrypted=True)
    yield _list("landisgyr-e450-blocks", blocks, "power amperes energy clock", objects)


def _mbus() -> Iterator[GridForm]:
    open_push = Push("mbus", 2400, "E", Steps(amperes="0.01"), lambda message, _count: mbus_segments(message, 245))
    austrian = replace(open_push, framed=lambda message, _count: mbus_segments(message, 252))
    sealed = replace(
        open_push,
        framed=lambda message, count: mbus_segments(ciphered(message, count, authenticated=False), 245),
    )
    message = _timed(lists.ma309, lists.plain_time)
    yield _list("mbus", open_push, _ALL, message)
    yield _list("mbus-austrian-lengths", austrian, _ALL, message)
    yield _list("mbus-encrypted", sealed, _ALL, message, encrypted=True)


def _single() -> dict[str, GridForm]:
    p1 = (_p1(name, manner) for name, manner in _P1_MANNERS.items())
    return {form.name: form for form in (*p1, *_aidon(), *_kaifa(), *_kamstrup(), *_landisgyr(), *_mbus())}


SINGLE: Mapping[str, GridForm] = _single()
"""One transmission, one list."""


def _rhythm(name: str, short: str, long: str, hourly: str, long_every: int) -> GridForm:
    """Short lists, a longer one every so many transmissions, and the longest in the first seconds of each hour."""

    def octets(flow: GridFlow, at: datetime, count: int) -> bytes:
        if at.minute == 0 and at.second < 10:
            return SINGLE[hourly].octets(flow, at, count)
        return SINGLE[long if count % long_every == 0 else short].octets(flow, at, count)

    return replace(SINGLE[hourly], name=name, octets=octets)


_RHYTHMS = (
    _rhythm("aidon-no", "aidon-no-1", "aidon-no-2", "aidon-no-3", 4),
    _rhythm("kaifa-no", "kaifa-1", "kaifa-13", "kaifa-18", 5),
    _rhythm("kamstrup-se", "kamstrup-se-25", "kamstrup-se-25", "kamstrup-se-35", 1),
    _rhythm("kamstrup-no", "kamstrup-no-25", "kamstrup-no-25", "kamstrup-no-35", 1),
)

FORMS: Mapping[str, GridForm] = {**SINGLE, **{form.name: form for form in _RHYTHMS}}


def with_wrong_check(form: GridForm, octets: bytes) -> bytes:
    """The same transmission with the last check sum wrong by one bit."""
    if form.wire == "p1":
        mark = octets.rindex(b"!") + 1
        return octets[:mark] + f"{int(octets[mark : mark + 4], 16) ^ 1:04X}".encode() + octets[mark + 4 :]
    return octets[:-2] + bytes((octets[-2] ^ 1,)) + octets[-1:]
