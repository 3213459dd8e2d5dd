"""Load profiles checked row by row against one key that was pinned from outside.

A row whose first signature is right has a proven register, whatever its time is worth; a row's energy is proven if its
register and that of the row before are, and no row between them is missing. What the table says besides, such as
energy and quarter, is worked out anew and compared.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gateway.metering.keys import PublicKey, has_low_s
from gateway.metering.load_profile import (
    ASYNC_OVER,
    LATE_FROM,
    QUARTER,
    PeriodRow,
    RegisterStatus,
    is_proven,
    quarter_of,
)
from gateway.metering.profile_csv import ProfileCells, finite
from gateway.metering.profile_table import Flaw, mean_power_w
from gateway.metering.time_references import MapState
from gateway.metering.verdicts import Finding, ProfileReport, Reason

_CLOCKWORK: Final = frozenset({Flaw.LATE.value, Flaw.ASYNC.value})
_STATES: Final = frozenset("SIU")


class SignatureState(StrEnum):
    """What the two signatures of a row are worth, as the column `sig_state` says it."""

    PROVEN = "proven"
    ENERGY = "energy"
    TIME = "time"
    FALSE = "false"
    UNSIGNED = "unsigned"
    NONE = ""


@dataclass(frozen=True, slots=True)
class SignatureWorth:
    """By part: True right, False wrong, None not there."""

    register: bool | None
    time: bool | None

    @property
    def state(self) -> SignatureState:
        if self.register is False or self.time is False:
            return SignatureState.FALSE
        if self.register:
            return SignatureState.PROVEN if self.time else SignatureState.ENERGY
        return SignatureState.TIME if self.time else SignatureState.UNSIGNED


def signature_worth(row: PeriodRow, register: str, time: str, key: PublicKey) -> SignatureWorth:
    """What the signatures (DER in hex, "" if there is none) over both parts of the row are worth."""
    return SignatureWorth(_is_right(row.register_text, register, key), _is_right(row.time_text, time, key))


def _is_right(text: bytes, signature: str, key: PublicKey) -> bool | None:
    if not signature:
        return None
    try:
        der = bytes.fromhex(signature)
        return has_low_s(der) and key.verifies(text, der)
    except ValueError:
        return False


def proven_profile(rows: Sequence[ProfileCells], key: PublicKey | None) -> list[ProfileReport]:
    """A report for each place. Rows of another device than this key's are not proven by it; None: nobody's are."""
    places: dict[str, list[ProfileCells]] = {}
    for one in rows:
        places.setdefault(one.cells["socket"], []).append(one)
    return [_Place(key).report(place, lines) for place, lines in places.items()]


@dataclass(frozen=True, slots=True)
class _Known:
    """A row that was read before. quarter: as its table says; proven: its register is."""

    row: PeriodRow
    quarter: datetime | None
    proven: bool


class _Place:
    """One place's rows, in the order of the file."""

    def __init__(self, key: PublicKey | None) -> None:
        self._key = key
        self._before: _Known | None = None
        self._hashes: dict[tuple[str, int], str] = {}
        self._energy_wh = self._proven_wh = Decimal(0)

    def report(self, place: str, lines: Sequence[ProfileCells]) -> ProfileReport:
        findings = [finding for line in lines for finding in self._judged(line)]
        return ProfileReport(place, len(lines), self._energy_wh, self._proven_wh, tuple(findings))

    def _judged(self, line: ProfileCells) -> list[Finding]:
        cells = line.cells
        if line.is_empty:
            is_said = cells["err"] == Flaw.MISSING.value and not cells["energy_wh"] and not cells["mean_w"]
            reason = Reason.QUARTER_MISSING if is_said else Reason.FIELD_MISSING
            return [Finding(reason, line.where, cells["zst_utc"])]
        row = line.row
        if row is None or row.state not in _STATES:
            return [Finding(Reason.FIELD_MISSING, line.where)]
        if self._key is None or row.device != self._key.serial:
            worth = SignatureWorth(None, None)
            reasons = [(Reason.KEY_NOT_PINNED, row.device)]
        else:
            worth = signature_worth(row, cells["sig1"], cells["sig2"], self._key)
            reasons = list(_signature_reasons(worth))
            if worth.state is SignatureState.PROVEN and cells["sig_state"] != worth.state.value:
                reasons.append((Reason.CELL_CHANGED, f"sig_state {cells['sig_state']}"))
        try:
            quarter = _moment(cells["zst_utc"]) if cells["zst_utc"] else None
            reasons += _time_reasons(row, quarter, cells)
            reasons += self._table_reasons(row, quarter, cells)
        except (ValueError, TypeError, ArithmeticError):
            return [*(Finding(reason, line.where, detail) for reason, detail in reasons), _unreadable(line)]
        reasons += self._line_reasons(row)
        self._add(row, proven=worth.register is True)
        self._before = _Known(row, quarter, worth.register is True)
        return [Finding(reason, line.where, detail) for reason, detail in reasons]

    def _add(self, row: PeriodRow, *, proven: bool) -> None:
        before = self._before
        if before is None or row.status != RegisterStatus.GOOD.value:
            return
        energy_wh = row.register_wh - before.row.register_wh
        self._energy_wh += energy_wh
        follows = (before.row.device, before.row.serial, before.row.page + 1) == (row.device, row.serial, row.page)
        if proven and before.proven and follows and energy_wh >= 0:
            self._proven_wh += energy_wh

    def _line_reasons(self, row: PeriodRow) -> Iterable[tuple[Reason, str]]:
        """Each page once, rising, each naming the one before."""
        before, where = self._before, f"{row.place} {row.page}"
        known = self._hashes.setdefault((row.device, row.page), row.hash)
        if before is None or before.row.device != row.device:
            return
        if row.page == before.row.page + 1:
            if row.previous != before.row.hash:
                yield Reason.CHAIN_BROKEN, where
        elif row.page > before.row.page:
            yield Reason.PAGES_MISSING, f"{where}, {before.row.page}"
        elif row.page == before.row.page or known != row.hash:
            yield (Reason.REPLAYED if known == row.hash else Reason.PAGE_REUSED), where
        else:
            yield Reason.PAGES_NOT_RISING, f"{where}, {before.row.page}"

    def _table_reasons(
        self, row: PeriodRow, quarter: datetime | None, cells: Mapping[str, str]
    ) -> Iterable[tuple[Reason, str]]:
        """Energy, mean and marks, as they follow from this row and the one before. Raises ValueError."""
        before, flaws = self._before, set(cells["err"].split())
        energy_wh = None if not cells["energy_wh"] else finite(cells["energy_wh"])
        mean_w = None if not cells["mean_w"] else finite(cells["mean_w"])
        should_wh: Decimal | None = None
        should: set[str] = set()
        mean_may_be_w: Decimal | None = None
        if before is not None and row.status == RegisterStatus.EXCHANGED.value:
            should.add(Flaw.EXCHANGED.value)
        elif before is not None:
            should_wh = row.register_wh - before.row.register_wh
            if quarter is None or before.quarter is None or quarter - before.quarter != QUARTER:
                should.add(Flaw.GAP.value)
            else:
                mean_may_be_w = mean_power_w(should_wh, row.si_s - before.row.si_s)
        if energy_wh != should_wh:
            yield Reason.CELL_CHANGED, f"energy_wh {cells['energy_wh']}"
        elif should_wh is not None and should_wh < 0:
            yield Reason.VALUE_NOT_RISING, f"energy_wh {cells['energy_wh']}"
        if mean_w not in {None, mean_may_be_w}:
            yield Reason.CELL_CHANGED, f"mean_w {cells['mean_w']}"
        if (flaws - _CLOCKWORK - {Flaw.REPEATED.value}) != should:
            yield Reason.CELL_CHANGED, f"err {cells['err']}"


def _unreadable(line: ProfileCells) -> Finding:
    return Finding(Reason.FIELD_MISSING, line.where)


def _signature_reasons(worth: SignatureWorth) -> Iterable[tuple[Reason, str]]:
    if worth.register is False:
        yield Reason.SIGNATURE_WRONG, "sig1"
    if worth.time is False:
        yield Reason.SIGNATURE_WRONG, "sig2"
    if worth.register is None:
        yield Reason.UNSIGNED, "sig1"
    if worth.time is None:
        yield Reason.TIME_NOT_SIGNED, "sig2"


def _time_reasons(row: PeriodRow, quarter: datetime | None, cells: Mapping[str, str]) -> Iterable[tuple[Reason, str]]:
    """The quarter that a trusted row stands in follows from its own time; of others nothing can be proven."""
    if (None if not cells["zst_local"] else _moment(cells["zst_local"])) != quarter:
        yield Reason.CELL_CHANGED, f"zst_local {cells['zst_local']}"
    mapped = cells["map_state"]
    flaws = set(cells["err"].split())
    if Flaw.REPEATED.value in flaws and mapped != MapState.UNMAPPED.value:
        yield Reason.CELL_CHANGED, f"err {cells['err']}"
    own = quarter_of(row.utc.astimezone(UTC))
    if is_proven(row.state) and mapped == MapState.OK.value:
        late_by = row.utc - own
        clockwork = {Flaw.ASYNC.value} if late_by > ASYNC_OVER else {Flaw.LATE.value} if late_by >= LATE_FROM else set()
        if quarter != own:
            yield Reason.CELL_CHANGED, f"zst_utc {cells['zst_utc']}"
        if flaws & _CLOCKWORK != clockwork:
            yield Reason.CELL_CHANGED, f"err {cells['err']}"
    elif not _may_be_mapped(row, mapped, flaws) or (quarter is None) != (mapped == MapState.UNMAPPED.value):
        yield Reason.CELL_CHANGED, f"map_state {mapped}"
    else:
        yield Reason.CLOCK_NOT_TRUSTED, f"{row.state} {mapped}"


def _moment(text: str) -> datetime:
    """A time in the one way that this program writes it. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.isoformat() != text:
        raise ValueError(f"{text!r} is written in another way")
    return moment


def _may_be_mapped(row: PeriodRow, mapped: str, flaws: set[str]) -> bool:
    """A trusted row is without a quarter of its own only where another stands in it."""
    if is_proven(row.state):
        return mapped == MapState.UNMAPPED.value and Flaw.REPEATED.value in flaws
    return mapped in {MapState.INTERPOLATED.value, MapState.UNMAPPED.value}
