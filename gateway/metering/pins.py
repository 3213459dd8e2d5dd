"""Pinned keys: which public key the records of a gateway, or of one meter behind it, must be of, and who says so.

A pin is `tofu` (trust on first use) when its key came with the data itself: what it proves is that later data is of the
same key, so nothing is green by it. It becomes `confirmed` when somebody has compared it with a source outside the data
(the label in the cabinet, the handed-over contract, the maker) and says who, when and how.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from gateway.metering.keys import NotAKey, PublicKey, public_key

PINS_BYTES_MAX: Final = 4 * 1024 * 1024
VERSION: Final = 1


class NotAPinStore(ValueError):  # noqa: N818 - names what the text is
    """The text is no store of pins."""


class PinState(StrEnum):
    """What a pin is worth."""

    TOFU = "tofu"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned key in hex. gateway: GS of its records; meter: MS, or None for every meter behind that gateway; when:
    ISO 8601; who and how: of the confirmation, or where a tofu key was seen."""

    gateway: str
    meter: str | None
    key: str
    state: PinState
    who: str
    when: str
    how: str


def pin_for(pins: Iterable[Pin], gateway: str, meter: str) -> Pin | None:
    """The pin of that meter behind that gateway, or else that of the whole gateway."""
    found = {pin.meter: pin for pin in pins if pin.gateway == gateway and pin.meter in {meter, None}}
    return found.get(meter) or found.get(None)


def pins_of_keys(keys: Iterable[PublicKey], who: str) -> tuple[Pin, ...]:
    """Keys of gateways of ours as confirmed pins: each names its gateway by its own serial."""
    found = {key.serial: key for key in keys}
    return tuple(Pin(serial, None, key.hex, PinState.CONFIRMED, who, "", who) for serial, key in found.items())


def pins_of(text: str) -> tuple[Pin, ...]:
    """Reads a store. Raises NotAPinStore, also if a meter has two pins or a key is none."""
    try:
        said = json.loads(text)
        if said["version"] != VERSION:
            raise NotAPinStore(f"version {said['version']}; this program knows {VERSION}")
        pins = tuple(_pin(one) for one in said["pins"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise NotAPinStore(str(problem)) from None
    if len({(pin.gateway, pin.meter) for pin in pins}) != len(pins):
        raise NotAPinStore("two pins for one meter")
    return pins


def pins_text(pins: Sequence[Pin]) -> str:
    """The store as text: JSON, ASCII, one form for the same pins."""
    return json.dumps({"version": VERSION, "pins": [asdict(pin) for pin in pins]}, indent=1, sort_keys=True) + "\n"


def _pin(said: dict[str, object]) -> Pin:
    texts = {name: said[name] for name in ("gateway", "key", "state", "who", "when", "how")}
    meter = said["meter"]
    if len(said) != len(texts) + 1 or not (meter is None or isinstance(meter, str)):
        raise NotAPinStore("a pin has other fields")
    for name, text in texts.items():
        if not isinstance(text, str):
            raise NotAPinStore(f"{name} is no text")
    try:
        key = public_key(str(texts["key"])).hex
    except NotAKey as problem:
        raise NotAPinStore(str(problem)) from None
    state = PinState(str(texts["state"]))
    if state is PinState.CONFIRMED and not (texts["who"] and texts["how"]):
        raise NotAPinStore("a confirmed pin says who compared it, and how")
    return Pin(str(texts["gateway"]), meter, key, state, str(texts["who"]), str(texts["when"]), str(texts["how"]))
