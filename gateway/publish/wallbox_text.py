"""What an MQTT wallbox says of itself, read strictly. Never raises, whatever the bytes are."""

import json
import re
from dataclasses import dataclass
from typing import Final

from gateway.site.snapshot import Pilot

PAYLOAD_BYTES_MAX: Final = 1024
APPLIED_A_MAX: Final = 100.0
NUMBER_FORM: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class WallboxWord:
    """One message of the box. None: not said in this message."""

    pilot: Pilot | None
    applied_a: float | None
    phases: int | None = None


def read_wallbox(payload: bytes, key: str | None = None) -> WallboxWord | str:
    """The JSON message (key None) or a plain sub-topic (`state`, `applied_a`, `phases`); else what is wrong, in words.

    A sub-state as in "B2" counts by its letter (IEC 61851-1, table of vehicle states). `ts` may be sent and is not
    used: the box's clock is not ours.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        return f"more than {PAYLOAD_BYTES_MAX} bytes"
    try:
        text = payload.decode("ascii").strip()
    except UnicodeDecodeError:
        return "not ASCII text"
    if key is not None:
        return _plain(text, key)
    try:
        said: object = json.loads(text)
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(said, dict) or not isinstance(said.get("state"), str):
        return 'no key "state" with a letter A to F'
    pilot = _pilot(said["state"])
    if pilot is None:
        return 'key "state" is no letter A to F'
    phases = said.get("phases")
    if phases is not None and (isinstance(phases, bool) or phases not in (1, 3)):
        return 'key "phases" is neither 1 nor 3'
    applied = said.get("applied_a")
    if applied is None:
        return WallboxWord(pilot, None, phases)
    if isinstance(applied, bool) or not isinstance(applied, (int, float)) or not 0 <= applied <= APPLIED_A_MAX:
        return f'key "applied_a" is no current from 0 to {APPLIED_A_MAX:g} A'
    return WallboxWord(pilot, float(applied), phases)


def _plain(text: str, key: str) -> WallboxWord | str:
    if key == "state":
        pilot = _pilot(text)
        return "no letter A to F" if pilot is None else WallboxWord(pilot, None)
    if key == "phases":
        return WallboxWord(None, None, int(text)) if text in ("1", "3") else "neither 1 nor 3"
    if key == "applied_a" and NUMBER_FORM.fullmatch(text) is not None and float(text) <= APPLIED_A_MAX:
        return WallboxWord(None, float(text))
    return f"no current from 0 to {APPLIED_A_MAX:g} A"


def _pilot(text: str) -> Pilot | None:
    if len(text) == 2 and text[1] in "12":
        text = text[0]
    return Pilot(text) if text in Pilot.__members__ else None
