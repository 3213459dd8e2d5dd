"""What ails a HAN port, named from what came of it: byte counts, bursts, telegrams and time.

Nothing is named from one burst: two bad ones in a row, or a quarter of the last dozen. Meters send each 1 to 10 s,
so that a fault has its name within 30 s. Words for each name stand in `publish`.
"""

from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from gateway.meters.han_currents import CurrentsWatch
from gateway.wire import obis
from gateway.wire.likeness import Likeness
from gateway.wire.line import P1_LINE, LineSettings
from gateway.wire.telegram import Form, Telegram


class Diagnosis(StrEnum):
    """The state of the port."""

    LISTENING = "listening"  # too early to tell
    WELL = "well"
    LINE_LOST = "line_lost"  # the port of the machine is not there, or the bridge does not answer
    NEVER_A_BYTE = "never_a_byte"  # port not opened by the grid company, cable, data request pin
    ONLY_NOISE = "only_noise"  # signal not inverted, pull-up
    ALMOST_FRAMES = "almost_frames"  # parity
    WRONG_SPEED = "wrong_speed"
    TEXT_MODE = "text_mode"  # a bridge turns 0A into 0D 0A
    BAD_CRC = "bad_crc"
    CUT_SHORT = "cut_short"  # begin or end of telegrams is missing: a buffer, or the supply
    WENT_SILENT = "went_silent"
    FROZEN = "frozen"
    DRIBBLING = "dribbling"
    NO_KEY = "no_key"
    WRONG_KEY = "wrong_key"
    WITHOUT_CRC = "without_crc"
    UNKNOWN_LIST = "unknown_list"
    WITHOUT_CURRENTS = "without_currents"  # whole telegrams, and none tells a current


class MeterHint(StrEnum):
    """What is known of a kind of meter that has fallen silent."""

    POWER_CYCLE = "power_cycle"  # Kamstrup Omnipower: its port dies until the meter loses power or is reset
    DATA_REQUEST = "data_request"  # Landis+Gyr E360: wants 5 V on data request; old firmware stops by itself


TELLS: Final[dict[Likeness, Diagnosis]] = {
    Likeness.NO_KEY: Diagnosis.NO_KEY,
    Likeness.WRONG_KEY: Diagnosis.WRONG_KEY,
    Likeness.WITHOUT_CRC: Diagnosis.WITHOUT_CRC,
    Likeness.UNKNOWN_LIST: Diagnosis.UNKNOWN_LIST,
    Likeness.TEXT_MODE: Diagnosis.TEXT_MODE,
    Likeness.BAD_CRC: Diagnosis.BAD_CRC,
    Likeness.CUT: Diagnosis.CUT_SHORT,
    Likeness.PARITY: Diagnosis.ALMOST_FRAMES,
    Likeness.SLOWER: Diagnosis.WRONG_SPEED,
    Likeness.FASTER: Diagnosis.WRONG_SPEED,
    Likeness.NOISE: Diagnosis.ONLY_NOISE,
}

NEVER_AFTER_S: Final = 21.0
"""Two intervals of the slowest meter, and a second."""
STRAY_OCTETS_MAX: Final = 8
"""Plugging a cable in makes a few octets; they are no life."""
SILENT_S_MIN: Final = 5.0
SILENT_S_MAX: Final = 24.0
SILENT_INTERVALS: Final = 2.4
SILENT_WITHOUT_TELEGRAM_S: Final = 60.0
BURSTS_REMEMBERED: Final = 12
BAD_IN_A_ROW: Final = 2
BAD_AT_LEAST: Final = 3
BAD_SHARE: Final = 0.25
GOOD_IN_A_ROW: Final = ((0.9, 3), (0.5, 6), (0.0, BURSTS_REMEMBERED))
"""So many whole telegrams in a row end a trouble, by the share of bad bursts while it lasted: by chance they come at
most once in 60 times."""
SAME_WITH_CLOCK: Final = 2
SAME_WITHOUT_CLOCK: Final = 5
"""Six telegrams alike from a meter without clock; three with the same time from one with it."""
SLOW_TELEGRAMS: Final = 2
AIR_TIMES_MAX: Final = 3.0
LATE_S_MAX: Final = 1.0
VERY_LATE_S: Final = 8.0
"""One telegram that is so late is enough."""
_GAPS_REMEMBERED: Final = 9
SLOWEST_LINE: Final = LineSettings(2400, "E")


@dataclass(frozen=True, slots=True)
class Finding:
    """diagnosis; since_s: since when (monotonic); share: of the last bursts, how many were bad (0 to 1), None before
    the first; hint: what is known of this kind of meter."""

    diagnosis: Diagnosis
    since_s: float
    share: float | None = None
    hint: MeterHint | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    ends: int
    bad: Diagnosis | None


class PortWatch:
    """Fed with what came and when; says what ails the port."""

    def __init__(self) -> None:
        self._opened_s: float | None = None
        self._lost_s: float | None = None
        self._octets = 0
        self._last_octet_s = float("-inf")
        self._burst_seen = False
        self._verdicts: deque[_Verdict] = deque(maxlen=BURSTS_REMEMBERED)
        self._by_bursts: Diagnosis | None = None
        self._telegrams = 0
        self._newest: Telegram | None = None
        self._same = 0
        self._moved_s = 0.0
        self._slow = 0
        self._begun_s: float | None = None
        self._gaps_s: deque[float] = deque(maxlen=_GAPS_REMEMBERED)
        self._currents = CurrentsWatch()
        self._finding: Finding | None = None

    @property
    def interval_s(self) -> float | None:
        """How often telegrams come, median of the last nine gaps; None before the second telegram."""
        return median(self._gaps_s) if self._gaps_s else None

    @property
    def silent_s(self) -> float:
        """A line that is quiet for so long has gone silent."""
        longest_s = max(self._gaps_s, default=SILENT_S_MAX)
        return max(SILENT_S_MIN, min(SILENT_INTERVALS * longest_s, SILENT_S_MAX))

    def opened(self, now_s: float) -> None:
        """The line is open."""
        self._lost_s = None
        if not self._octets:
            self._opened_s = now_s

    def lost(self, now_s: float) -> None:
        """The line cannot be opened, or broke."""
        if self._lost_s is None:
            self._lost_s = now_s
            self._currents.missed()

    def came(self, count: int, now_s: float) -> None:
        """So many octets came."""
        self._octets += count
        self._last_octet_s = now_s

    def telegram(
        self, telegram: Telegram, *, begin: int, ends: int, begun_s: float, now_s: float, octet_s: float
    ) -> None:
        """A telegram was taken; its first octet came at begun_s. It forgives bursts that were its first parts."""
        while self._verdicts and self._verdicts[-1].ends > begin:
            self._verdicts.pop()
        self._telegrams += 1
        late_s = now_s - begun_s - AIR_TIMES_MAX * telegram.size * octet_s
        self._slow = 0 if late_s <= LATE_S_MAX else self._slow + (1 if late_s <= VERY_LATE_S else SLOW_TELEGRAMS)
        self._currents.telegram(telegram, begun_s, self.interval_s)
        if self._begun_s is not None:
            self._gaps_s.append(begun_s - self._begun_s)
        self._begun_s = begun_s
        self._watch_moving(telegram, now_s)
        self._note(_Verdict(ends, None))

    def bad(self, diagnosis: Diagnosis, ends: int) -> None:
        """A whole burst gave no telegram, and another setting of the line would not help."""
        self._note(_Verdict(ends, diagnosis))

    def sure(self, diagnosis: Diagnosis, ends: int) -> None:
        """As `bad`, where there is or will be enough evidence: octets came for long, or a file has ended."""
        for _ in range(BAD_IN_A_ROW):
            self._note(_Verdict(ends, diagnosis))

    def ended(self) -> None:
        """A file has ended: nothing more will come."""
        self._currents.ended()

    def finding(self, now_s: float) -> Finding:
        """What ails the port at this moment."""
        diagnosis, since_s = self._diagnosed(now_s)
        share = None
        if self._verdicts:
            share = sum(verdict.bad is not None for verdict in self._verdicts) / len(self._verdicts)
        before = self._finding
        if before is not None and before.diagnosis is diagnosis:
            since_s = before.since_s
        hint = _hint_of(self._newest) if diagnosis is Diagnosis.WENT_SILENT else None
        found = Finding(diagnosis, since_s, share, hint)
        self._finding = before if before is not None and before == found else found
        return self._finding

    def _diagnosed(self, now_s: float) -> tuple[Diagnosis, float]:
        if self._lost_s is not None:
            return Diagnosis.LINE_LOST, self._lost_s
        if self._opened_s is None:
            return Diagnosis.LISTENING, now_s
        if not self._burst_seen or self._octets < STRAY_OCTETS_MAX:
            quiet = now_s - max(self._opened_s, self._last_octet_s) >= NEVER_AFTER_S
            return (Diagnosis.NEVER_A_BYTE if quiet else Diagnosis.LISTENING), self._opened_s
        silent_s = self.silent_s if self._telegrams else SILENT_WITHOUT_TELEGRAM_S
        if now_s - self._last_octet_s >= silent_s:
            return Diagnosis.WENT_SILENT, self._last_octet_s
        if self._by_bursts is not None:
            return self._by_bursts, now_s
        if self._same >= (
            SAME_WITHOUT_CLOCK if self._newest is None or self._newest.clock is None else SAME_WITH_CLOCK
        ):
            return Diagnosis.FROZEN, self._moved_s
        lacking_s = self._currents.lacking_s(now_s)
        if lacking_s is not None:
            return Diagnosis.WITHOUT_CURRENTS, lacking_s
        if self._slow >= SLOW_TELEGRAMS:
            return Diagnosis.DRIBBLING, now_s
        return (Diagnosis.WELL if self._telegrams else Diagnosis.LISTENING), now_s

    def _watch_moving(self, telegram: Telegram, now_s: float) -> None:
        """Whether the telegram moves. Those without currents do not count: a list of one power may well stay alike."""
        if not any(code in telegram.items for code in obis.CURRENT_BY_PHASE):
            return
        before = self._newest
        if before is None or before.clock != telegram.clock:
            same = False
        elif telegram.clock is not None:
            same = True
        else:
            same = before.items == telegram.items
        self._same = self._same + 1 if same else 0
        if not same:
            self._moved_s = now_s
        self._newest = telegram

    def _note(self, verdict: _Verdict) -> None:
        self._verdicts.append(verdict)
        self._burst_seen = True
        if verdict.bad is not None:
            self._currents.missed()
        in_a_row = 0
        for one in reversed(self._verdicts):
            if (one.bad is None) != (verdict.bad is None):
                break
            in_a_row += 1
        bad = [one.bad for one in self._verdicts if one.bad is not None]
        if verdict.bad is None:
            if in_a_row >= _good_to_end(len(bad), len(self._verdicts) - in_a_row):
                self._by_bursts = None
                for _ in range(len(self._verdicts) - in_a_row):
                    self._verdicts.popleft()
        elif in_a_row >= BAD_IN_A_ROW:
            self._by_bursts = _most_common(bad[-BAD_AT_LEAST:])
        elif len(bad) >= BAD_AT_LEAST and len(bad) / len(self._verdicts) >= BAD_SHARE:
            self._by_bursts = _most_common(bad)


def _good_to_end(bad: int, among: int) -> int:
    """How many good ones in a row end a trouble that had so many bad ones among so many."""
    return next(good for share, good in GOOD_IN_A_ROW if bad >= share * among) if bad else 0


def air_octet_s(form: Form, settings: LineSettings | None) -> float:
    """How long one octet takes on the meter's side; behind a bridge it is not known, so the form's slowest counts."""
    if settings is not None:
        return settings.octet_s
    return P1_LINE.octet_s if form is Form.P1 else SLOWEST_LINE.octet_s


def _most_common(bad: list[Diagnosis]) -> Diagnosis:
    """The most common one, of several the latest."""
    counts = Counter(bad)
    return max(reversed(bad), key=lambda each: counts[each])


def _hint_of(telegram: Telegram | None) -> MeterHint | None:
    """By the ident: Kamstrup says KAM or KMP in P1 and its type number 684 or 685 in lists."""
    ident = "" if telegram is None else telegram.ident
    if ident.startswith(("KAM", "KMP", "684", "685")):
        return MeterHint.POWER_CYCLE
    return MeterHint.DATA_REQUEST if ident.startswith("LGF") else None
