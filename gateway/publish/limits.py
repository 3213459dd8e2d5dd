"""The text of an external limit becomes a value, or is rejected with a reason. Never raises, whatever the bytes are.

Topic `laddvakt/<gateway>/limit/<name>/set`: amperes per phase of its fuse ("10", "7.5"), "none" to lift it, or
{"current_a": 10, "valid_for_s": 300}; for the main fuse also {"power_w": 6000, "valid_for_s": 300}, the whole site's
import, house included. null lifts it for so long. Without a time of its own the config's `valid_for_s` holds.
"""

import json
import math
import re
from typing import Final

from gateway.ids import LimitId
from gateway.publish.commands import AMPS_FORM, NO_LIMIT_WORD, PAYLOAD_BYTES_MAX, Refusal, Rejected
from gateway.publish.topic_names import cabinet_temperature, limit_command
from gateway.site.outside import LimitTold, TemperatureTold
from gateway.site.restraints import ExternalLimit
from gateway.site.topology import Site

VALID_S_MIN: Final = 1.0
VALID_S_MAX: Final = 86_400.0
POWER_W_MAX: Final = 1e6
CELSIUS_FORM: Final = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,4})?", re.ASCII)
CELSIUS_MIN: Final = -50.0
CELSIUS_MAX: Final = 120.0
KEYS: Final = frozenset({"current_a", "power_w", "valid_for_s"})


def read_limit(
    topic: str, payload: bytes, retained: bool, site: Site, now_s: float
) -> tuple[LimitId, LimitTold] | Rejected:
    """The limit that this message tells, as of now (monotonic). A retained one is refused: nobody knows its age."""
    gateway = site.gateway_id
    limit = next((one for one in over_mqtt(site) if limit_command(gateway, one.id) == topic), None)
    if limit is None:
        return Rejected(Refusal.NOT_A_COMMAND, None, None)
    told: LimitTold | Refusal
    if retained:
        told = Refusal.RETAINED
    elif len(payload) > PAYLOAD_BYTES_MAX:
        told = Refusal.TOO_LONG
    else:
        try:
            told = _told(payload.decode("utf-8").strip(), limit, site, now_s)
        except UnicodeDecodeError:
            told = Refusal.NOT_TEXT
    return Rejected(told, None, f"limit/{limit.id}") if isinstance(told, Refusal) else (limit.id, told)


def read_temperature(
    topic: str, payload: bytes, retained: bool, site: Site, now_s: float
) -> TemperatureTold | Rejected:
    """The cabinet's temperature as of now: a number of °C. A retained one is refused, as above."""
    if topic != cabinet_temperature(site.gateway_id):
        return Rejected(Refusal.NOT_A_COMMAND, None, None)
    key = "cabinet_temperature"
    text = payload[:PAYLOAD_BYTES_MAX].decode("utf-8", "replace").strip()
    if retained:
        return Rejected(Refusal.RETAINED, None, key)
    if CELSIUS_FORM.fullmatch(text) is None:
        return Rejected(Refusal.WRONG_VALUE, None, key)
    celsius = float(text)
    if not CELSIUS_MIN <= celsius <= CELSIUS_MAX:
        return Rejected(Refusal.OUT_OF_RANGE, None, key)
    return TemperatureTold(celsius, now_s)


def over_mqtt(site: Site) -> tuple[ExternalLimit, ...]:
    """The limits that are told over MQTT."""
    return tuple(limit for limit in site.restraints.limits if limit.wired_a is None)


def _told(text: str, limit: ExternalLimit, site: Site, now_s: float) -> LimitTold | Refusal:
    until_s = now_s + limit.valid_for_s
    if text == NO_LIMIT_WORD:
        return LimitTold(None, None, until_s)
    if AMPS_FORM.fullmatch(text) is not None:
        return LimitTold(float(text), None, until_s)
    try:
        said: object = json.loads(text)
    except (ValueError, RecursionError):
        return Refusal.WRONG_VALUE
    if not isinstance(said, dict) or not said.keys() <= KEYS or not said.keys() & {"current_a", "power_w"}:
        return Refusal.WRONG_VALUE
    current_a, power_w = said.get("current_a"), said.get("power_w")
    valid_s = said.get("valid_for_s", limit.valid_for_s)
    if not _is_number(valid_s) or not all(one is None or _is_number(one) for one in (current_a, power_w)):
        return Refusal.WRONG_VALUE
    too_much = (current_a or 0.0) > 1000.0 or (power_w or 0.0) > POWER_W_MAX
    if not VALID_S_MIN <= valid_s <= VALID_S_MAX or (current_a or 0.0) < 0.0 or (power_w or 0.0) < 0.0 or too_much:
        return Refusal.OUT_OF_RANGE
    if power_w is not None and limit.fuse != site.main:
        return Refusal.OUT_OF_RANGE
    return LimitTold(
        None if current_a is None else float(current_a), None if power_w is None else float(power_w), now_s + valid_s
    )


def _is_number(value: object) -> bool:
    """Whole numbers may have hundreds of digits, more than a float holds; their bounds are looked at before that."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
