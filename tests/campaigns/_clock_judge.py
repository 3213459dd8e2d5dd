"""A cabinet whose wall clock is set about, and a judge who knows what time it really was.

The ledger's own path is driven: readings, load profile, sessions, references. The machine's seconds are real; the wall
clock is off by `off_s`, and its discipline is honest: it vouches for the clock only while it is right.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from gateway.clock import UtcTrust
from gateway.ids import SocketId
from gateway.journal.archive import archive_of
from gateway.journal.profile_archive import profile_archive_of
from gateway.journal.profile_facts import TimeReferenced
from gateway.metering.keys import PublicKey, public_key
from gateway.metering.load_profile import ASYNC_OVER, QUARTER, quarter_of
from gateway.metering.profile_csv import csv_lines, rows_in
from gateway.metering.profile_proof import proven_profile, signature_worth
from gateway.metering.profile_table import Flaw, TableLine, nearest_quarter, table_of
from gateway.metering.record import Reading, Record, checked_record
from gateway.metering.time_references import MapState
from gateway.metering.verdicts import Verdict
from gateway.metering.verification import Submitted, verified
from gateway.meters.readings import SocketReading
from gateway.site.wishes import EndKind
from tests.ledger.ledger_bench import begin, end, reading
from tests.ledger.profile_bench import ProfileBench

P1 = SocketId("p1")
STOCKHOLM: tzinfo = ZoneInfo("Europe/Stockholm")

SLACK = timedelta(seconds=1)


class Course:
    """One life of the cabinet, event after event, with the true time of everything."""

    def __init__(self, begins: datetime, look_s: float = 5.0) -> None:
        self.look_s = look_s
        self.bench = ProfileBench((P1,), every_s=self.look_s)
        self.true = begins
        self.bench.clock.utc = begins
        self.session: str | None = None
        self.sessions: dict[str, tuple[datetime, datetime | None, bool]] = {}
        """By session: true begin and end, and whether one boot saw both."""
        self.doubted: set[str] = set()
        self.trusted_since: datetime | None = begins
        self.boundaries: list[datetime] = []
        """True quarter hours that a running gateway with a trusted clock lived through."""
        self.count = 0
        self.steps = 0
        self.true_of: dict[tuple[int, int], datetime] = {}
        """By boot and whole monotonic second: the true time."""

    async def boot(self, *, off_s: float = 0.0, trust: UtcTrust = UtcTrust.SYNCHRONISED, outage_s: float = 0.0) -> None:
        """The power was away for so long; the clock starts as it may."""
        self.true += timedelta(seconds=outage_s)
        self._set(off_s, trust)
        if self.session is not None:
            begun, _, _ = self.sessions[self.session]
            self.sessions[self.session] = (begun, None, False)
        await self.bench.boot()

    async def restart(self) -> None:
        """The daemon alone dies and starts again."""
        await self.bench.start()

    async def pass_s(self, seconds: float) -> None:
        clock, meters = self.bench.clock, self.bench.meters
        for _ in range(round(seconds / self.look_s)):
            before = self.true
            self.true += timedelta(seconds=self.look_s)
            clock.pass_s(self.look_s)
            self.count += 1
            meters.kwh[P1] = meters.kwh.get(P1, Decimal("100.00")) + (Decimal("0.01") if self.count % 7 == 0 else 0)
            self.true_of[self.bench.boots, round(clock.monotonic_s)] = self.true
            meters.poll()
            await self.bench.profile.look()
            since = self.trusted_since
            boundary = quarter_of(self.true - timedelta(seconds=3 * self.look_s))
            if (
                since is not None
                and since < boundary
                and boundary > quarter_of(before - timedelta(seconds=3 * self.look_s))
            ):
                self.boundaries.append(boundary)

    def step(self, seconds: float) -> None:
        """Somebody sets the clock, and nobody vouches for it any more."""
        self.steps += 1
        self._set(self._off_s + seconds, UtcTrust.INFORMATIVE)

    def lose(self) -> None:
        """The discipline is gone; the clock goes on."""
        self._set(self._off_s, UtcTrust.INFORMATIVE)

    def synchronise(self) -> None:
        """The discipline sets the clock right and vouches for it."""
        self.steps += 1
        self._set(0.0, UtcTrust.SYNCHRONISED)

    async def begin(self) -> None:
        if self.session is None:
            self.session = f"s{len(self.sessions) + 1}"
            self.sessions[self.session] = (self.true, None, True)
            await self.bench.ledger.record_begin(begin(self.session, self._reading()))

    async def end(self) -> None:
        if self.session is not None:
            begun, _, one_boot = self.sessions[self.session]
            kind = EndKind.COMPLETED if one_boot else EndKind.RECOVERED
            await self.bench.ledger.record_end(end(self.session, self._reading(), kind=kind))
            self.sessions[self.session] = (begun, self.true, one_boot)
            self.session = None

    @property
    def _off_s(self) -> float:
        return (self.bench.clock.utc - self.true).total_seconds()

    def _set(self, off_s: float, trust: UtcTrust) -> None:
        clock = self.bench.clock
        before = self.session, clock.trust, self._off_s
        try:
            clock.utc = self.true + timedelta(seconds=off_s)
        except OverflowError:
            clock.utc = self.true
        if not 1970 <= clock.utc.year < 2200:
            clock.utc = datetime(1970, 1, 1, tzinfo=UTC)
        unproven = UtcTrust.UNKNOWN if clock.utc.year < 2026 else UtcTrust.INFORMATIVE
        clock.trust = trust if trust.is_proven else unproven
        if before[0] is not None and (before[1:] != (clock.trust, off_s) or not clock.trust.is_proven):
            self.doubted.add(before[0])
        if clock.trust.is_proven:
            self.trusted_since = self.trusted_since or self.true
        else:
            self.trusted_since = None

    def _reading(self) -> SocketReading:
        return reading(self.bench.clock, self.bench.meters.kwh.get("p1", Decimal("100.00")))


def judged(course: Course) -> list[str]:
    """Everything that does not hold; empty when all does."""
    facts = list(course.bench.disk.facts())
    profile = profile_archive_of(facts)
    lines = table_of(profile.rows.get("p1", []), profile.times)
    wrong = [*_quarters(course, lines), *_energy(lines), *_sessions(course)]
    seconds = [one.registered.row.si_s for one in lines if one.registered is not None]
    if any(second <= first for first, second in pairwise(seconds)):
        wrong.append("the device's seconds step back")
    key = public_key(course.bench.keys.load().public_key_hex)
    text = "".join(csv_lines([(line, _signature_state(line, key)) for line in lines], STOCKHOLM)).encode()
    for report in proven_profile(rows_in(text, "profile"), key):
        wrong += [f"profile: {one}" for one in report.findings if one.verdict is Verdict.RED]
        if report.proven_wh != report.energy_wh:
            wrong.append(f"profile: {report.proven_wh} of {report.energy_wh} Wh are proven")
    return wrong


def _signature_state(line: TableLine, key: PublicKey) -> str:
    signed = line.registered
    if signed is None:
        return ""
    return signature_worth(signed.row, signed.signature_register, signed.signature_time, key).state.value


def _quarters(course: Course, lines: list[TableLine]) -> list[str]:
    wrong = []
    quarters = [line.quarter for line in lines if line.quarter is not None]
    if len(set(quarters)) != len(quarters):
        wrong.append("a quarter stands twice")
    if quarters and sorted(quarters) != [min(quarters) + at * QUARTER for at in range(len(quarters))]:
        wrong.append("a quarter is neither there nor said to be missing")
    first: dict[str, TimeReferenced] = {}
    for one in course.bench.references():
        first.setdefault(one.boot, one)
    by_quarter = {line.quarter: line for line in lines}
    for boundary in course.boundaries:
        line = by_quarter.get(boundary)
        if line is None or line.map_state is not MapState.OK or Flaw.ASYNC in line.flaws:
            wrong.append(f"{boundary}: a trusted quarter was lost: {line}")
    for line in lines:
        if line.registered is None or line.quarter is None:
            continue
        row = line.registered.row
        true = _true_of(course, line, first[line.registered.boot])
        if row.state == "S" and abs(row.utc - true) > SLACK:
            wrong.append(f"{row.utc}: a false S, it was {true}")
        near = abs(true - line.quarter) <= ASYNC_OVER + SLACK
        if near is (Flaw.ASYNC in line.flaws) and abs(abs(true - line.quarter) - ASYNC_OVER) > 2 * SLACK:
            wrong.append(f"{line.quarter}: read at {true}, and said to be {line.flaws}")
        of_it = quarter_of if line.map_state is MapState.OK else nearest_quarter
        if not near and line.quarter not in {of_it(true - SLACK), of_it(true + SLACK)}:
            wrong.append(f"{line.quarter}: read at {true}, which is of another quarter")
    return wrong


def _true_of(course: Course, line: TableLine, first: TimeReferenced) -> datetime:
    """By the device's seconds alone: each boot's begin where its first reference says."""
    assert line.registered is not None
    boot = int(line.registered.boot.removeprefix("boot-"))
    monotonic_s = float(line.registered.row.si_s - first.si_s) + first.at.monotonic_s
    return course.true_of[boot, round(monotonic_s)]


def _energy(lines: list[TableLine]) -> list[str]:
    registers = [one.registered.row.register_wh for one in lines if one.registered is not None]
    told = sum((line.energy_wh for line in lines if line.energy_wh is not None), Decimal(0))
    whole = registers[-1] - registers[0] if registers else Decimal(0)
    return [] if told == whole else [f"the rows say {told} Wh, the registers {whole} Wh"]


def _sessions(course: Course) -> list[str]:
    key = public_key(course.bench.keys.load().public_key_hex)
    archive = archive_of(course.bench.disk.facts())
    wrong = []
    pages = [Submitted(page.record, str(page.page.page)) for page in archive.pages]
    if pages:
        report = verified(pages, key, whole_key=True)
        found = [*report.findings, *(one for session in report.sessions for one in session.findings)]
        wrong += [f"records: {one}" for one in found if one.verdict is Verdict.RED]
    for name, (begun, ended, one_boot) in course.sessions.items():
        kept = next(session for session in archive.sessions.values() if session.begun.session == name)
        first = _times(kept.begin_record, key)
        if first.time_state not in {"S", "R"}:
            wrong.append(f"{name}: begins as {first.time_state}")
        if first.time_state == "S" and abs(first.time - begun) > SLACK:
            wrong.append(f"{name}: a false S at its begin")
        if ended is None:
            continue
        last = _times(kept.end_record, key)
        if last.time_state == "S" and abs(last.time - ended) > SLACK:
            wrong.append(f"{name}: a false S at its end")
        if one_boot and name in course.doubted and last.time_state == "S":
            wrong.append(f"{name}: the clock was in doubt meanwhile, and its end says S")
        lasted = last.time - first.time
        if one_boot and abs(lasted - (ended - begun)) > timedelta(milliseconds=1):
            wrong.append(f"{name}: lasted {ended - begun}, its record says {lasted}")
        if not one_boot and last.time_state == "R" and "t" not in last.errors:
            wrong.append(f"{name}: no duration was measured over a boot, and it says so of none")
    return wrong


def _times(record: str | None, key: PublicKey) -> Reading:
    assert record is not None
    checked = checked_record(record, key, "")
    assert isinstance(checked, Record), checked
    return checked.readings[0]
