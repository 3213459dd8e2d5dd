"""What goes wrong between a grid meter and its reader: each trouble by name, done to the octets or to the line's bits.

kind             values         what happens
p1_bad_crc       share          telegrams carry a wrong check sum (every one, or that share)
p1_without_crc   -              telegrams carry no check sum (P1 only)
p1_encrypted     -              the meter encrypts what it sends
p1_cut           size           a buffer keeps the first octets only (three fifths, at most 512)
p1_text_mode     -              a bridge puts 0D before every 0A
p1_inverted      -              no inverter stands between open collector and UART
p1_pull_up       late           the line falls late, by so many bits (0.7): the pull-up is too weak
p1_parity        resyncs        the reader has the other parity; what its UART does with a stop bit that is 0 (false)
p1_baud          baud           the reader has another speed (2400 for a line of 115200, else 115200)
p1_dribble       octet_s        octets leave one by one, slowly (0.004)
p1_pieces        pause_s        telegrams leave in pieces of 200 octets with pauses (0.15), as Landis+Gyr E360 does
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from hil.world.grid_forms import FORMS, GridForm, with_wrong_check
from hil.world.grid_values import GridFlow
from hil.world.uart import Receiver, Setting, received

TROUBLES = frozenset(
    {
        *("p1_bad_crc", "p1_without_crc", "p1_encrypted", "p1_cut", "p1_text_mode", "p1_inverted", "p1_pull_up"),
        *("p1_parity", "p1_baud", "p1_dribble", "p1_pieces"),
    }
)
_ENCRYPTED = {"p1": "kamstrup-dk-encrypted", "hdlc": "kamstrup-dk-encrypted", "mbus": "mbus-encrypted"}
_CUT_OCTETS = 512
_PIECE_OCTETS = 200


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble with its figures."""

    kind: str
    values: Mapping[str, object]

    def number(self, name: str, otherwise: float) -> float:
        value = self.values.get(name, otherwise)
        return float(value) if isinstance(value, int | float) else otherwise


def sent_octets(
    form: GridForm, flow: GridFlow, at: datetime, count: int, *, trouble: Trouble | None, chance: Random
) -> bytes:
    """What leaves the meter, or the bridge that holds what the meter sent."""
    kind = None if trouble is None else trouble.kind
    if kind == "p1_encrypted":
        form = FORMS[_ENCRYPTED[form.wire]]
    octets = form.octets(flow, at, count)
    if trouble is None:
        return octets
    if kind == "p1_bad_crc" and chance.random() < trouble.number("share", 1.0):
        return with_wrong_check(form, octets)
    if kind == "p1_without_crc" and form.wire == "p1":
        return octets[: octets.rindex(b"!") + 1] + b"\r\n"
    if kind == "p1_cut":
        return octets[: int(trouble.number("size", min(_CUT_OCTETS, 0.6 * len(octets))))]
    if kind == "p1_text_mode":
        return octets.replace(b"\n", b"\r\n")
    return octets


def timed(octets: bytes, at_s: float, setting: Setting, trouble: Trouble | None) -> list[tuple[float, int]]:
    """When each octet leaves at the earliest; octets that would overlap leave back to back."""
    if trouble is not None and trouble.kind == "p1_dribble":
        octet_s = trouble.number("octet_s", 0.004)
        return [(at_s + place * octet_s, octet) for place, octet in enumerate(octets)]
    if trouble is not None and trouble.kind == "p1_pieces":
        piece_s = trouble.number("pause_s", 0.15) + _PIECE_OCTETS * setting.bits / setting.baud
        return [(at_s + place // _PIECE_OCTETS * piece_s, octet) for place, octet in enumerate(octets)]
    return [(at_s, octet) for octet in octets]


def left_after(characters: list[tuple[float, int]], sent: Setting, now_s: float) -> list[tuple[float, int]]:
    """The characters that begin after that moment, with the moments at which they do."""
    free_s = 0.0
    left = []
    for wished_s, octet in characters:
        at_s = max(wished_s, free_s)
        free_s = at_s + sent.bits / sent.baud
        if at_s > now_s:
            left.append((at_s, octet))
    return left


def read_octets(
    characters: list[tuple[float, int]], sent: Setting, receiver: Receiver, trouble: Trouble | None
) -> list[tuple[float, int]]:
    """What the reader's UART makes of it, with the moments at which it has each octet."""
    if trouble is not None:
        sent, receiver = _troubled(sent, receiver, trouble)
    return received(characters, sent, receiver)


def _troubled(sent: Setting, receiver: Receiver, trouble: Trouble) -> tuple[Setting, Receiver]:
    if trouble.kind == "p1_inverted":
        return replace(sent, inverted=True), receiver
    if trouble.kind == "p1_pull_up":
        return sent, replace(receiver, slow_s=trouble.number("late", 0.7) / sent.baud)
    if trouble.kind == "p1_parity":
        other = replace(sent, parity="E" if sent.parity == "N" else "N")
        resyncs = bool(trouble.values.get("resyncs", other.parity == "N"))
        return sent, replace(receiver, setting=other, resyncs=resyncs)
    if trouble.kind == "p1_baud":
        baud = int(trouble.number("baud", 2400 if sent.baud == 115200 else 115200))
        return sent, replace(receiver, setting=replace(sent, baud=baud))
    return sent, receiver
