"""Time references: which calendar time belongs to which second of the device, and what that says of other seconds."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gateway.clock import UtcTrust
from gateway.metering.clock_watch import Cause
from gateway.metering.load_profile import INDEX_STEP_S, utc_text
from gateway.metering.ocmf import number_text

BOOT_LEAP_S: Final = 100_000
"""Each boot's seconds begin so far behind the newest that are known: no second has two meanings, though the newest of
a life that ended without warning may not have been written (one is written at least daily)."""
AGREE_WITHIN: Final = timedelta(seconds=1)
PEOPLE_AGREE_WITHIN: Final = timedelta(seconds=9)
"""Who reads a second and a watch is seconds off; see the tolerance of a quarter hour."""
DRIFT_MAX: Final = 200e-6
"""A crystal that nobody disciplines, from -20 to 60 °C: 17 s a day."""
YEAR_MIN: Final = 2020
YEAR_MAX: Final = 2999
BY_LENGTH_MAX: Final = 64
REACH_S: Final = 86_400
"""An undisciplined clock drifts by some seconds a day: a single reference says nothing of what lies further off."""


class MapState(StrEnum):
    """How a row's time is known: by the trusted clock itself; by references around it; not at all."""

    OK = "ok"
    INTERPOLATED = "interpolated"
    UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class TimeReference:
    """One reference. boot: the machine's boot that its seconds belong to; by: who entered it by hand."""

    device: str
    cause: Cause
    boot: str
    si_s: Decimal
    utc: datetime
    state: str
    source: str
    uncertainty_s: Decimal | None
    by: str | None = None

    @property
    def text(self) -> bytes:
        """What is signed."""
        said = {
            "device": self.device,
            "cause": self.cause.value,
            "boot": self.boot,
            "si": number_text(self.si_s),
            "utc": utc_text(self.utc),
            "state": self.state,
            "source": self.source,
            "uncertainty_s": None if self.uncertainty_s is None else number_text(self.uncertainty_s),
            "by": self.by,
        }
        return f"laddvakt time reference {json.dumps(said, sort_keys=True, separators=(',', ':'))}".encode("ascii")

    @property
    def zero(self) -> datetime:
        """The calendar time of second 0, if the clock had always run as it did here."""
        return self.utc - timedelta(microseconds=int(self.si_s * 1_000_000))

    def at(self, si_s: Decimal) -> datetime:
        """The calendar time of that second by this reference."""
        return self.zero + timedelta(microseconds=int(si_s * 1_000_000))


class TimeMap:
    """What references say of the seconds of each boot. Only those of a trusted clock count, or else people's own."""

    def __init__(self, references: Iterable[TimeReference]) -> None:
        self._trusted: dict[str, list[TimeReference]] = {}
        self._manual: dict[str, list[TimeReference]] = {}
        for one in sorted(references, key=lambda reference: reference.si_s):
            if one.cause is Cause.MANUAL:
                self._manual.setdefault(one.boot, []).append(one)
            elif one.state == UtcTrust.SYNCHRONISED.value:
                self._trusted.setdefault(one.boot, []).append(one)

    def utc(self, boot: str, si_s: Decimal) -> datetime | None:
        """The calendar time of that second; None if no reference reaches it, or those around it disagree."""
        found, reached = _between(self._trusted.get(boot, ()), si_s, AGREE_WITHIN, 0.0)
        if reached:
            return found
        return _between(self._manual.get(boot, ()), si_s, PEOPLE_AGREE_WITHIN, DRIFT_MAX)[0]


def _between(
    references: Sequence[TimeReference], si_s: Decimal, within: timedelta, drift: float
) -> tuple[datetime | None, bool]:
    """The time by the nearest references before and after, evenly between both, and whether there was any word at all.

    within, drift: by how much the two may disagree, at all and by each second between them.
    """
    before = next((one for one in reversed(references) if one.si_s <= si_s), None)
    after = next((one for one in references if one.si_s > si_s), None)
    if before is not None and after is not None:
        apart_s = after.si_s - before.si_s
        shift = after.zero - before.zero
        if abs(shift) >= within + timedelta(seconds=float(apart_s) * drift):
            return None, True
        return before.at(si_s) + shift * float((si_s - before.si_s) / apart_s), True
    single = before or after
    if single is None or abs(single.si_s - si_s) > REACH_S:
        return None, False
    return single.at(si_s), True


@dataclass(frozen=True, slots=True)
class EnteredTime:
    """What somebody read and entered: that second of the device, in that boot, was at that time."""

    boot: str
    si_s: Decimal
    utc: datetime
    by: str

    @property
    def text(self) -> str:
        """As it is handed to the daemon."""
        said = {"boot": self.boot, "si": number_text(self.si_s), "utc": self.utc.isoformat(), "by": self.by}
        return json.dumps(said, sort_keys=True, separators=(",", ":"))

    def reference(self, device: str) -> TimeReference:
        """What is signed of it. Its uncertainty is that of a person, which nobody knows."""
        source = Cause.MANUAL.value
        return TimeReference(device, Cause.MANUAL, self.boot, self.si_s, self.utc, source, source, None, self.by)


def moment_entered(text: str) -> datetime:
    """A time that a person wrote, ISO 8601 with its offset, as UTC. Raises ValueError.

    Nobody reads another millennium off a clock, and what is signed must leave room for the seconds before it.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ValueError(f"{text!r} is no time of these years with its offset")
    return moment.astimezone(UTC)


def entered_time(text: str) -> EnteredTime:
    """Reads what `EnteredTime.text` wrote. Raises ValueError."""
    try:
        said = json.loads(text)
        si_s, utc = Decimal(said["si"]).quantize(INDEX_STEP_S), moment_entered(str(said["utc"]))
        boot, by = str(said["boot"]), str(said["by"])
    except (KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as problem:
        raise ValueError(f"it is no time reference: {problem!r}") from None
    if not by.strip() or len(by) > BY_LENGTH_MAX or len(boot) > BY_LENGTH_MAX or si_s.is_nan() or si_s < 0:
        raise ValueError("a time reference has a second, a time with its offset, and who entered it")
    return EnteredTime(boot, si_s, utc, by)
