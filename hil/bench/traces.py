"""One recorded or invented stretch of time at one site: the house, the visits and the site's config.

A folder holds `house.csv` (t_s, l1_a, l2_a, l3_a: holds until the next row; negative where the roof feeds in),
`sessions.csv` (socket, arrive_s, depart_s, energy_kwh, phases, limit_a, kind) and `site.toml`, a config of the gateway.
A car of more phases than its socket has charges on those that the socket has.
"""

import csv
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path
from typing import Final

from gateway.config.load import cabinet_of
from gateway.errors import ConfigMistake
from hil.bench.site_plan import SitePlan, read_site
from hil.world.cars import MINIMUM_A
from hil.world.phases import Triple
from hil.world.table_reader import ScenarioMistake

HOUSE_COLUMNS: Final = ("t_s", "l1_a", "l2_a", "l3_a")
VISIT_COLUMNS: Final = ("socket", "arrive_s", "depart_s", "energy_kwh", "phases", "limit_a", "kind")
KINDS: Final = ("car", "slow", "tapering", "sleeper", "plain")
ALSO_CALLED: Final = {"": "car", "ev": "car", "taper": "tapering", "sleepy": "sleeper", "heater": "plain"}
VOLTS: Final = 230.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit. kind: car; slow (takes a minute to reach what it may draw); tapering (draws less over the last fifth
    of its wish); sleeper (without an offer for 15 minutes it sleeps until it is plugged in anew); plain (no pilot)."""

    socket: str
    arrive_s: float
    depart_s: float
    energy_kwh: float
    phases: int
    limit_a: float
    kind: str = "car"

    def reachable_kwh(self, rating_a: float) -> float:
        """What it could take if it were alone."""
        full_kw = min(self.limit_a, rating_a) * self.phases * VOLTS / 1000.0
        return min(self.energy_kwh, full_kw * max(self.depart_s - self.arrive_s, 0.0) / 3600.0)


@dataclass(frozen=True, slots=True)
class Trace:
    """What happens at a site. house_t_s rises strictly and begins at 0 or before."""

    name: str
    house_t_s: tuple[float, ...]
    house_a: tuple[Triple, ...]
    visits: tuple[Visit, ...]
    site_text: str

    @property
    def seconds(self) -> int:
        """Until the last car has left, or the house's record ends."""
        return int(max([self.house_t_s[-1], *(visit.depart_s for visit in self.visits)])) + 1

    def house_at(self, at_s: float) -> Triple:
        return self.house_a[max(bisect_right(self.house_t_s, at_s) - 1, 0)]

    def shortened(self, seconds: float) -> "Trace":
        """Its beginning only; who is still there then leaves."""
        visits = tuple(
            Visit(v.socket, v.arrive_s, min(v.depart_s, seconds), v.energy_kwh, v.phases, v.limit_a, v.kind)
            for v in self.visits
            if v.arrive_s < seconds
        )
        upto = max(bisect_right(self.house_t_s, seconds), 1)
        return Trace(self.name, self.house_t_s[:upto], self.house_a[:upto], visits, self.site_text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ScenarioMistake(f"{path}: is missing; a trace is house.csv, sessions.csv and site.toml") from None
    except UnicodeDecodeError:
        raise ScenarioMistake(f"{path}: is not text in UTF-8") from None


def _rows(path: Path, columns: tuple[str, ...]) -> Iterable[tuple[str, Mapping[str, str]]]:
    reader = csv.DictReader(_text(path).splitlines(), skipinitialspace=True)
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        needed = ",".join(columns)
        raise ScenarioMistake(f"{path}: no column {', '.join(missing)}; the first line must be {needed}, with commas")
    for row in reader:
        yield f"{path}:{reader.line_num}", row


def _number(where: str, row: Mapping[str, str], column: str) -> float:
    try:
        number = float(row[column])
    except (TypeError, ValueError):
        number = inf
    if not isfinite(number):
        raise ScenarioMistake(f"{where}: {column} = {row[column]!r}: a number is needed")
    return number


def _visit(where: str, row: Mapping[str, str], site: SitePlan) -> Visit:
    named = (row["kind"] or "").strip().lower()
    visit = Visit(
        row["socket"].strip(),
        _number(where, row, "arrive_s"),
        _number(where, row, "depart_s"),
        _number(where, row, "energy_kwh"),
        int(_number(where, row, "phases")),
        _number(where, row, "limit_a"),
        ALSO_CALLED.get(named, named),
    )
    if visit.kind not in KINDS:
        raise ScenarioMistake(f"{where}: kind = {row['kind']!r}: one of {', '.join(KINDS)}")
    if visit.phases not in (1, 2, 3) or visit.phases != float(row["phases"]):
        raise ScenarioMistake(f"{where}: phases = {row['phases']}: 1, 2 or 3 is needed")
    if visit.depart_s <= visit.arrive_s or visit.energy_kwh <= 0.0:
        raise ScenarioMistake(f"{where}: a departure after the arrival and an energy_kwh above 0 are needed")
    place = site.sockets.get(visit.socket)
    if place is None:
        raise ScenarioMistake(f"{where}: socket = {visit.socket!r}: site.toml has {', '.join(site.sockets)}")
    if place.boxed and visit.kind == "plain":
        raise ScenarioMistake(f"{where}: kind = plain: a wallbox gives current to cars only; {visit.socket} has one")
    if visit.limit_a <= 0.0 or (place.boxed and visit.limit_a < MINIMUM_A):
        raise ScenarioMistake(f"{where}: limit_a = {visit.limit_a:g}: a car charges with 6 A or more (IEC 61851-1)")
    return replace(visit, phases=min(visit.phases, len(place.phases)))


def _visits(path: Path, site: SitePlan) -> tuple[Visit, ...]:
    """In the order of the file; no two at one socket at one time."""
    visits: list[Visit] = []
    for where, row in _rows(path, VISIT_COLUMNS):
        visit = _visit(where, row, site)
        taken = next((one for one in visits if one.socket == visit.socket and _overlap(one, visit)), None)
        if taken is not None:
            until = f"{visit.socket} is taken from {taken.arrive_s:g} to {taken.depart_s:g} s by a row before"
            raise ScenarioMistake(f"{where}: arrive_s = {visit.arrive_s:g}: {until}")
        visits.append(visit)
    return tuple(visits)


def _overlap(one: Visit, other: Visit) -> bool:
    return one.arrive_s < other.depart_s and other.arrive_s < one.depart_s


def _site(path: Path) -> str:
    """The text of a config that the gateway would take."""
    text = _text(path)
    try:
        cabinet_of(text, str(path))
    except ConfigMistake as wrong:
        raise ScenarioMistake("\n  ".join([str(path), *(str(mistake) for mistake in wrong.mistakes)])) from None
    return text


def read_trace(folder: Path) -> Trace:
    """The trace of a folder. Raises `ScenarioMistake` with file, line and what is needed."""
    text = _site(folder / "site.toml")
    times: list[float] = []
    loads: list[Triple] = []
    for where, row in _rows(folder / "house.csv", HOUSE_COLUMNS):
        t_s, l1, l2, l3 = (_number(where, row, column) for column in HOUSE_COLUMNS)
        if times and t_s <= times[-1]:
            raise ScenarioMistake(f"{where}: t_s = {t_s:g}: must be later than the row before")
        times.append(t_s)
        loads.append((l1, l2, l3))
    if not times:
        raise ScenarioMistake(f"{folder / 'house.csv'}: at least one row is needed")
    visits = _visits(folder / "sessions.csv", read_site(text))
    return Trace(folder.resolve().name, tuple(times), tuple(loads), visits, text)


def write_trace(trace: Trace, folder: Path) -> None:
    """Writes the three files, over older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "house.csv").open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(HOUSE_COLUMNS)
        rows.writerows(
            (f"{t:g}", *(f"{a:.2f}" for a in load)) for t, load in zip(trace.house_t_s, trace.house_a, strict=True)
        )
    with (folder / "sessions.csv").open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(VISIT_COLUMNS)
        for v in trace.visits:
            whole = (f"{v.arrive_s:g}", f"{v.depart_s:g}", f"{v.energy_kwh:.3f}", v.phases, f"{v.limit_a:g}", v.kind)
            rows.writerow((v.socket, *whole))
    (folder / "site.toml").write_text(trace.site_text, encoding="utf-8")


def find_traces(folder: Path) -> list[Path]:
    """The folder itself if it is a trace, else those in it, by name."""
    if (folder / "sessions.csv").exists():
        return [folder]
    found = sorted(path.parent for path in folder.glob("*/sessions.csv"))
    if not found:
        raise ScenarioMistake(f"{folder}: neither a trace (house.csv, sessions.csv, site.toml) nor a folder of traces")
    return found
