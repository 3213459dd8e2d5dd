"""Three published power tariffs, each by a month that was computed by hand, and the calendar that they lean on."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.billing.power_fee import Interval, PowerFee, power_fees
from gateway.ids import TariffId
from gateway.site.power_tariffs import Peak, PeakBook, PeakScope, PowerTariff
from gateway.site.windows import Holiday, Window, easter_day, holiday_date, season_of

STOCKHOLM = ZoneInfo("Europe/Stockholm")
WINTER = frozenset({11, 12, 1, 2, 3})
MONDAY_TO_FRIDAY = frozenset(range(5))

FALKENBERG = PowerTariff(
    TariffId("falkenberg"),
    Window(
        WINTER,
        MONDAY_TO_FRIDAY,
        6,
        20,
        frozenset(
            {
                Holiday.CHRISTMAS_EVE,
                Holiday.CHRISTMAS_DAY,
                Holiday.BOXING_DAY,
                Holiday.NEW_YEAR_EVE,
                Holiday.NEW_YEAR_DAY,
                Holiday.EPIPHANY,
                Holiday.GOOD_FRIDAY,
                Holiday.EASTER_MONDAY,
            }
        ),
    ),
    peaks=3,
    distinct_days=True,
)
"""falkenberg-energi.se/elnat/effektavgifter: November to March, 06 to 20 on weekdays but for eight named days; the mean
of the three highest hours of the month, on different days. The page gives no price yet; 50 kr/kW is ours."""

KARLSKOGA_ALL_YEAR = PowerTariff(TariffId("karlskoga"))
KARLSKOGA_HIGH = PowerTariff(TariffId("karlskoga-high"), Window(WINTER, MONDAY_TO_FRIDAY, 6, 20))
"""karlskogaenergi.se, "Effektavgift" and "Frågor och svar om effekttariff": the highest hour of the month all the year
round, and beside it the highest of Monday to Friday 06 to 20 in November to March. Prices of the list of 2019-01-01,
"Lågspänning, effekt", without VAT: 38.00 and 52.00 kr/kW."""

SOLLENTUNA = PowerTariff(
    TariffId("sollentuna"),
    Window(
        weekdays=MONDAY_TO_FRIDAY,
        from_h=7,
        to_h=19,
        holidays=frozenset(
            {
                Holiday.NEW_YEAR_DAY,
                Holiday.EPIPHANY,
                Holiday.GOOD_FRIDAY,
                Holiday.EASTER_MONDAY,
                Holiday.MAY_DAY,
                Holiday.ASCENSION_DAY,
                Holiday.NATIONAL_DAY,
                Holiday.MIDSUMMER_EVE,
                Holiday.CHRISTMAS_EVE,
                Holiday.CHRISTMAS_DAY,
                Holiday.BOXING_DAY,
                Holiday.NEW_YEAR_EVE,
            }
        ),
    ),
    peaks=3,
)
"""seom.se/elnat/villkor/effektavgift (2020): the mean of the three highest hours of the month, weekdays 07 to 19, eves
and holidays left out. Its own example: a mean of 5.7 kW costs 317.78 kr at 55.75 kr/kW, and 635.55 kr at 111.50."""


def hours(first: date, days: int, said: dict[str, str], rest: str = "0.800") -> Iterator[Interval]:
    """Every hour of those days: what is said of some ("15 17" is day 15, 17 to 18 local time), the rest alike."""
    known = {key: Decimal(value) for key, value in said.items()}
    begin = datetime(first.year, first.month, first.day, tzinfo=STOCKHOLM).astimezone(UTC)
    end = (datetime(first.year, first.month, first.day, tzinfo=STOCKHOLM) + timedelta(days=days)).astimezone(UTC)
    used = set()
    while begin < end:
        local = begin.astimezone(STOCKHOLM)
        key = f"{local.day} {local.hour:02}"
        used.add(key)
        yield Interval(begin, known.get(key, Decimal(rest)))
        begin += timedelta(hours=1)
    assert known.keys() <= used


def fee(tariff: PowerTariff, price: str, month: Iterable[Interval]) -> PowerFee:
    (one,) = power_fees(tariff, Decimal(price), month, STOCKHOLM)
    return one


def test_falkenberg_january_by_hand() -> None:
    """January 2026. The highest of all, 11.900 on Thursday the 1st and 12.400 on Tuesday the 6th, are New Year's Day
    and Epiphany; 10.000 on Saturday the 10th is no weekday; 9.800 at 20 and 9.700 at 05 lie outside the hours. Left:
    the 14th has 8.100 and 7.900, of which one counts; the 15th 7.200 at 06; the 28th 6.300 at 19; the 20th 6.200.
    (8.100 + 7.200 + 6.300) / 3 = 7.200 kW; 7.200 · 50 = 360.00 kr."""
    month = hours(
        date(2026, 1, 1),
        31,
        {
            "1 17": "11.900",
            "6 17": "12.400",
            "10 12": "10.000",
            "13 20": "9.800",
            "13 05": "9.700",
            "14 17": "8.100",
            "14 18": "7.900",
            "15 06": "7.200",
            "20 07": "6.200",
            "28 19": "6.300",
        },
    )
    january = fee(FALKENBERG, "50", month)
    assert [(peak.day.day, peak.power_w) for peak in january.peaks] == [(14, 8100), (15, 7200), (28, 6300)]
    assert january.mean_kw == Decimal("7.2")
    assert january.kr == Decimal("360.00")


def test_falkenberg_takes_nothing_in_april_and_counts_good_friday_and_easter_monday_out_of_march() -> None:
    """Easter 2024: Good Friday is 29 March, Easter Monday 1 April. (5.000 + 4.000 + 3.000) / 3 · 50 = 200.00 kr."""
    march = hours(date(2024, 3, 1), 31, {"29 12": "9.000", "4 12": "5.000", "5 12": "4.000", "6 12": "3.000"})
    assert fee(FALKENBERG, "50", march).kr == Decimal("200.00")
    assert power_fees(FALKENBERG, Decimal(50), hours(date(2024, 4, 1), 30, {"3 12": "9.000"}), STOCKHOLM) == ()


def test_karlskoga_february_by_hand() -> None:
    """February 2026. The highest hour is Saturday the 7th at 18: 10.450 · 38.00 = 397.10 kr. Of Monday to Friday 06 to
    20 the highest is Wednesday the 18th at 17: 6.125 · 52.00 = 318.50 kr; 8.000 at 05 on the 19th is too early."""
    month = list(hours(date(2026, 2, 1), 28, {"7 18": "10.450", "18 17": "6.125", "19 05": "8.000"}))
    all_year, high = fee(KARLSKOGA_ALL_YEAR, "38.00", month), fee(KARLSKOGA_HIGH, "52.00", month)
    assert (all_year.mean_kw, all_year.kr) == (Decimal("10.45"), Decimal("397.10"))
    assert (high.mean_kw, high.kr) == (Decimal("6.125"), Decimal("318.50"))


def test_karlskoga_in_june_has_one_component_only() -> None:
    """June: 7.300 · 38.00 = 277.40 kr, and nothing for high load."""
    month = list(hours(date(2026, 6, 1), 30, {"3 08": "7.300"}))
    assert fee(KARLSKOGA_ALL_YEAR, "38.00", month).kr == Decimal("277.40")
    assert power_fees(KARLSKOGA_HIGH, Decimal("52.00"), month, STOCKHOLM) == ()


def test_sollentuna_as_its_own_page_computes_it() -> None:
    """Three hours with a mean of 5.7 kW, two of them on one day: 6.300 + 5.500 + 5.300 = 17.1; 17.1 / 3 = 5.7.
    55.75 · 5.7 = 317.775, half up 317.78 kr in June; 111.50 · 5.7 = 635.55 kr in November. In June the 5th (Friday) is
    a weekday, the 6th the national day, the 19th Midsummer's eve."""
    said = {"5 12": "6.300", "5 13": "5.500", "8 18": "5.300", "19 12": "9.900", "9 19": "9.900", "9 06": "9.900"}
    june = fee(SOLLENTUNA, "55.75", hours(date(2026, 6, 1), 30, said))
    assert (june.mean_kw, june.kr) == (Decimal("5.7"), Decimal("317.78"))
    november = fee(
        SOLLENTUNA, "111.50", hours(date(2026, 11, 1), 30, {"5 12": "6.300", "5 13": "5.500", "9 18": "5.300"})
    )
    assert november.kr == Decimal("635.55")


def test_nights_that_count_half() -> None:
    """Half of 12.000 at night is 6.000: less than 6.400 by day, more than 5.000."""
    night = Window(from_h=22, to_h=6)
    tariff = PowerTariff(TariffId("night"), peaks=2, distinct_days=True, weights=((night, Decimal("0.5")),))
    month = hours(date(2026, 1, 1), 31, {"3 23": "12.000", "4 08": "6.400", "5 08": "5.000"})
    assert fee(tariff, "100", month).mean_kw == Decimal("6.2")


def test_a_quarter_counts_with_its_mean_power_not_with_its_energy() -> None:
    tariff = PowerTariff(TariffId("quarter"), interval_min=15)
    begin = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
    quarters = [
        Interval(begin + timedelta(minutes=15 * n), Decimal(kwh)) for n, kwh in enumerate(("1.25", "2.00", "0"))
    ]
    assert fee(tariff, "1", quarters).mean_kw == Decimal(8)


def test_a_season_over_the_turn_of_the_year_is_one() -> None:
    tariff = PowerTariff(TariffId("season"), Window(WINTER), peaks=2, scope=PeakScope.SEASON)
    months = [
        *hours(date(2025, 3, 1), 31, {"3 08": "9.000"}),
        *hours(date(2025, 12, 1), 31, {"3 08": "7.000"}),
        *hours(date(2026, 1, 1), 31, {"8 08": "5.000"}),
    ]
    fees = power_fees(tariff, Decimal(10), months, STOCKHOLM)
    assert [(one.scope, one.mean_kw) for one in fees] == [("2024-11", Decimal("4.9")), ("2025-11", Decimal(6))]


def test_the_hour_that_is_there_twice_in_october_counts_twice() -> None:
    """25 October 2026: 02 to 03 local time comes twice; both hours are of the same day."""
    tariff = PowerTariff(TariffId("twice"), peaks=2)
    begin = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    both = [Interval(begin, Decimal(4)), Interval(begin + timedelta(hours=1), Decimal(6))]
    one = fee(tariff, "1", both)
    assert one.mean_kw == Decimal(5)
    assert {peak.day for peak in one.peaks} == {date(2026, 10, 25)}


@pytest.mark.parametrize(
    ("year", "easter"),
    [
        (2000, (4, 23)),
        (2024, (3, 31)),
        (2025, (4, 20)),
        (2026, (4, 5)),
        (2027, (3, 28)),
        (2038, (4, 25)),
        (2285, (3, 22)),
    ],
)
def test_easter_falls_where_the_almanac_has_it(year: int, easter: tuple[int, int]) -> None:
    assert easter_day(year) == date(year, *easter)


def test_the_days_that_price_lists_name_fall_where_the_almanac_of_2026_has_them() -> None:
    falls = {one: holiday_date(one, 2026) for one in Holiday}
    assert falls[Holiday.MAUNDY_THURSDAY] == date(2026, 4, 2)
    assert falls[Holiday.GOOD_FRIDAY] == date(2026, 4, 3)
    assert falls[Holiday.EASTER_MONDAY] == date(2026, 4, 6)
    assert falls[Holiday.ASCENSION_DAY] == date(2026, 5, 14)
    assert falls[Holiday.WHIT_SUNDAY] == date(2026, 5, 24)
    assert falls[Holiday.MIDSUMMER_EVE] == date(2026, 6, 19)
    assert falls[Holiday.MIDSUMMER_DAY] == date(2026, 6, 20)
    assert falls[Holiday.ALL_SAINTS_DAY] == date(2026, 10, 31)
    assert falls[Holiday.EPIPHANY] == date(2026, 1, 6)


def test_a_window_over_midnight_and_one_without_hours() -> None:
    night, whole = Window(from_h=22, to_h=6), Window(from_h=0, to_h=0)
    assert [hour for hour in range(24) if night.covers(datetime(2026, 1, 5, hour))] == [*range(6), 22, 23]  # noqa: DTZ001 - local time
    assert all(whole.covers(datetime(2026, 1, 5, hour)) for hour in range(24))  # noqa: DTZ001 - local time


def test_a_year_of_twelve_months_is_a_season_from_january() -> None:
    assert season_of(range(1, 13), datetime(2026, 7, 1, tzinfo=STOCKHOLM)) == "2026-01"
    assert season_of({4, 5, 6}, datetime(2026, 6, 30, tzinfo=STOCKHOLM)) == "2026-04"


powers = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 12_000)), max_size=30)


@given(powers, st.integers(1, 5), st.booleans(), st.integers(10, 12), st.integers(0, 12_000))
def test_a_peak_up_to_what_is_free_never_raises_the_mean_and_one_above_does(
    known: list[tuple[int, int]], peaks: int, distinct_days: bool, day: int, power_w: int
) -> None:
    tariff = PowerTariff(TariffId("law"), peaks=peaks, distinct_days=distinct_days)
    book = PeakBook("2026-01")
    for at, height in known:
        book = book.with_peak(tariff, Peak(date(2026, 1, at), Decimal(height)))
    before = book.mean_w(tariff)
    free = book.free_w(tariff, date(2026, 1, day))
    after = book.with_peak(tariff, Peak(date(2026, 1, day), Decimal(power_w))).mean_w(tariff)
    if before is None or after is None or len(book.peaks) < peaks:
        return
    assert (after > before) == (power_w > free)


@given(powers, st.integers(1, 5), st.booleans())
def test_the_kept_peaks_are_those_that_the_whole_month_would_give(
    known: list[tuple[int, int]], peaks: int, distinct_days: bool
) -> None:
    tariff = PowerTariff(TariffId("law"), peaks=peaks, distinct_days=distinct_days)
    book = PeakBook("2026-01")
    for at, height in known:
        book = book.with_peak(tariff, Peak(date(2026, 1, at), Decimal(height)))
    heights = [height for _, height in known]
    if distinct_days:
        heights = [max(height for at, height in known if at == day) for day in {at for at, _ in known}]
    assert [int(peak.power_w) for peak in book.peaks] == sorted(heights, reverse=True)[:peaks]
