"""Windows of local time as tariffs use them: months, weekdays, hours, and the holidays that are left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

ALL_MONTHS = frozenset(range(1, 13))
ALL_WEEKDAYS = frozenset(range(7))


class Holiday(StrEnum):
    """Swedish days that tariffs leave out (lag 1989:253 om allmänna helgdagar, and the eves that price lists name)."""

    NEW_YEAR_DAY = "new-year-day"
    EPIPHANY = "epiphany"
    MAUNDY_THURSDAY = "maundy-thursday"
    GOOD_FRIDAY = "good-friday"
    EASTER_DAY = "easter-day"
    EASTER_MONDAY = "easter-monday"
    MAY_DAY = "may-day"
    ASCENSION_DAY = "ascension-day"
    WHIT_SUNDAY = "whit-sunday"
    NATIONAL_DAY = "national-day"
    MIDSUMMER_EVE = "midsummer-eve"
    MIDSUMMER_DAY = "midsummer-day"
    ALL_SAINTS_DAY = "all-saints-day"
    CHRISTMAS_EVE = "christmas-eve"
    CHRISTMAS_DAY = "christmas-day"
    BOXING_DAY = "boxing-day"
    NEW_YEAR_EVE = "new-year-eve"


_FIXED = {
    Holiday.NEW_YEAR_DAY: (1, 1),
    Holiday.EPIPHANY: (1, 6),
    Holiday.MAY_DAY: (5, 1),
    Holiday.NATIONAL_DAY: (6, 6),
    Holiday.CHRISTMAS_EVE: (12, 24),
    Holiday.CHRISTMAS_DAY: (12, 25),
    Holiday.BOXING_DAY: (12, 26),
    Holiday.NEW_YEAR_EVE: (12, 31),
}
_DAYS_FROM_EASTER = {
    Holiday.MAUNDY_THURSDAY: -3,
    Holiday.GOOD_FRIDAY: -2,
    Holiday.EASTER_DAY: 0,
    Holiday.EASTER_MONDAY: 1,
    Holiday.ASCENSION_DAY: 39,
    Holiday.WHIT_SUNDAY: 49,
}
_FIRST_SATURDAY_FROM = {Holiday.MIDSUMMER_DAY: (6, 20), Holiday.ALL_SAINTS_DAY: (10, 31)}


def easter_day(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus, Meeus, Astronomical Algorithms, chapter 8)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def holiday_date(holiday: Holiday, year: int) -> date:
    """On which day it falls that year."""
    if holiday in _FIXED:
        return date(year, *_FIXED[holiday])
    if holiday in _DAYS_FROM_EASTER:
        return easter_day(year) + timedelta(days=_DAYS_FROM_EASTER[holiday])
    if holiday is Holiday.MIDSUMMER_EVE:
        return holiday_date(Holiday.MIDSUMMER_DAY, year) - timedelta(days=1)
    first = date(year, *_FIRST_SATURDAY_FROM[holiday])
    return first + timedelta(days=(5 - first.weekday()) % 7)


@dataclass(frozen=True, slots=True)
class Window:
    """A window of local time. weekdays: 0 is Monday; hours from `from_h` until before `to_h`, over midnight where
    `to_h` is not above it (22 until 6), the whole day where both are the same; holidays and days are left out."""

    months: frozenset[int] = ALL_MONTHS
    weekdays: frozenset[int] = ALL_WEEKDAYS
    from_h: int = 0
    to_h: int = 24
    holidays: frozenset[Holiday] = frozenset()
    days: frozenset[date] = frozenset()

    def covers(self, local: datetime) -> bool:
        """Whether that moment (local time) lies in it."""
        if local.month not in self.months or local.weekday() not in self.weekdays or not self._has_hour(local.hour):
            return False
        day = local.date()
        return day not in self.days and not any(holiday_date(one, day.year) == day for one in self.holidays)

    def _has_hour(self, hour: int) -> bool:
        if self.from_h < self.to_h:
            return self.from_h <= hour < self.to_h
        return hour >= self.from_h or hour < self.to_h


def season_of(months: Iterable[int], local: datetime) -> str:
    """The season that a moment lies in, by the month in which it began: months in a row, over the turn of the year too
    (November to March 2026 is "2025-11"). All twelve months are one season from January."""
    known = frozenset(months)
    year, month = local.year, local.month
    for _ in range(12):
        before_year, before = (year - 1, 12) if month == 1 else (year, month - 1)
        if before not in known or (len(known) == 12 and month == 1):
            break
        year, month = before_year, before
    return f"{year:04}-{month:02}"
