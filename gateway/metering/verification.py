"""Verification of records against one key that was pinned from outside: sessions, pages and chain.

What no public verifier does is done here: one begin and one end of the same meter, gateway, user, register and socket;
pages that are used once, follow each other and name their predecessor's hash; a record that stands twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from gateway.metering.keys import NotAKey, PublicKey, public_key
from gateway.metering.pins import Pin, PinState, pin_for
from gateway.metering.record import END_LETTERS, Reading, Record, checked_record, claimed_identity
from gateway.metering.verdicts import Finding, Reason, Report, SessionReport

_SAME = (
    ("GS", Reason.OTHER_GATEWAY),
    ("GI", Reason.OTHER_GATEWAY),
    ("MS", Reason.OTHER_METER),
    ("IS", Reason.OTHER_USER),
    ("IT", Reason.OTHER_USER),
    ("ID", Reason.OTHER_USER),
    ("XK", Reason.OTHER_SOCKET),
    ("CI", Reason.OTHER_SOCKET),
)


KWH_OF_UNIT = {"kWh": Decimal(1), "Wh": Decimal("0.001")}
_CORRECTED = frozenset({"98", "B1", "B3"})
_IMPORTED = frozenset({"1", "9E", "B0", "B2"})
_NOT_BILLED = 2
_ENERGY_STANDS = frozenset({Reason.CLOCK_NOT_TRUSTED, Reason.TIME_UNUSABLE, Reason.USER_NOT_ASSIGNED})


@dataclass(frozen=True, slots=True)
class Submitted:
    """A record as somebody hands it in. where: file and place; key: the key that came with it, believed in nothing;
    transaction: groups records that bear no session id of ours."""

    text: str
    where: str
    key: str | None = None
    transaction: str = ""


def verified(
    submitted: Sequence[Submitted], pinned: PublicKey, *, whole_key: bool = False, page_min: int = 0
) -> Report:
    """Everything that can be said of these records.

    whole_key: they claim to be all that the key ever signed, so that a missing page is found too. page_min: a page that
    is known to exist, from a receipt or the broker; the records must go at least so far.
    """
    findings: list[Finding] = []
    records: list[Record] = []
    for one in submitted:
        result = checked_record(one.text, pinned, one.where, one.transaction)
        if isinstance(result, Finding):
            findings.append(_foreign(result, one, pinned))
        else:
            records.append(result)
    if not submitted:
        findings.append(Finding(Reason.NOTHING_FOUND, ""))
    findings.extend(_page_findings(records, whole_key=whole_key))
    newest = max((record.page for record in records if record.context == "T"), default=0)
    if newest < page_min:
        findings.append(Finding(Reason.PAGES_MISSING, f"T{page_min}", f"T{newest}"))
    return Report(tuple(_session(group) for group in _grouped(records)), tuple(findings))


def verified_by_pins(
    submitted: Sequence[Submitted],
    pins: Sequence[Pin],
    *,
    whole_key: bool = False,
    otherwise: Sequence[PublicKey] = (),
) -> Report:
    """The same where each record has the key that is pinned for its gateway and meter. Nothing is green by a key that
    nobody confirmed, and a record without a pin is not proven, whatever key comes with it. otherwise: keys of
    which one must prove a record without a pin; the first is named if none does."""
    findings: list[Finding] = []
    sessions: list[SessionReport] = []
    groups: dict[str, list[Submitted]] = {}
    unconfirmed: set[str] = set()
    for one in submitted:
        identity = claimed_identity(one.text)
        pin = None if identity is None else pin_for(pins, *identity)
        if pin is None and otherwise:
            proving = (key for key in otherwise if isinstance(checked_record(one.text, key, one.where), Record))
            groups.setdefault(next(proving, otherwise[0]).hex, []).append(one)
        elif identity is None:
            findings.append(_without_identity(one))
        elif pin is None:
            findings.append(Finding(Reason.KEY_NOT_PINNED, one.where, ", ".join(identity)))
        else:
            groups.setdefault(pin.key, []).append(one)
            if pin.state is not PinState.CONFIRMED:
                unconfirmed.add(pin.key)
    for key, group in groups.items():
        report = verified(group, public_key(key), whole_key=whole_key)
        doubt = (Finding(Reason.KEY_NOT_CONFIRMED, "", public_key(key).fingerprint),) if key in unconfirmed else ()
        sessions += [replace(session, findings=(*session.findings, *doubt)) for session in report.sessions]
        findings += [*report.findings, *doubt]
    if not submitted:
        findings.append(Finding(Reason.NOTHING_FOUND, ""))
    return Report(tuple(sessions), tuple(findings))


def _without_identity(submitted: Submitted) -> Finding:
    sections = submitted.text.strip().split("|")
    unsigned = sections[0] == "OCMF" and (len(sections) == 2 or (len(sections) == 3 and not sections[2].strip()))
    return Finding(Reason.UNSIGNED if unsigned else Reason.NOT_OCMF, submitted.where)


def _foreign(finding: Finding, submitted: Submitted, pinned: PublicKey) -> Finding:
    """A wrong signature whose file brings another key along: said so, since that is how a forger goes about it."""
    if submitted.key is None or finding.reason not in {Reason.SIGNATURE_WRONG, Reason.OTHER_ALGORITHM}:
        return finding
    try:
        brought = public_key(submitted.key)
    except NotAKey:
        return finding
    if brought.spki == pinned.spki:
        return finding
    return Finding(Reason.FOREIGN_KEY, finding.where, brought.fingerprint)


def _page_findings(records: Sequence[Record], *, whole_key: bool) -> Iterable[Finding]:
    pages: dict[tuple[str, int], Record] = {}
    for record in records:
        known = pages.setdefault((record.context, record.page), record)
        if known is not record:
            reason = Reason.REPLAYED if known.payload == record.payload else Reason.PAGE_REUSED
            yield Finding(reason, f"{record.context}{record.page}", f"{known.where}, {record.where}")
    for (context, number), record in sorted(pages.items()):
        before = pages.get((context, number - 1))
        named = record.fields.get("XP") if "XI" in record.fields else None
        if before is not None and named is not None and named != before.hash:
            yield Finding(Reason.CHAIN_BROKEN, f"{context}{number}", record.where)
        elif before is None and whole_key and number > 1:
            yield Finding(Reason.PAGES_MISSING, f"{context}{number - 1}", record.where)


def _grouped(records: Sequence[Record]) -> Iterable[tuple[Record, ...]]:
    """Records by session; a replayed one counts once. Those without any session id stand together per meter."""
    groups: dict[tuple[str, str], dict[str, Record]] = {}
    for record in records:
        key = (record.session, "" if record.session else record.identity[1])
        groups.setdefault(key, {}).setdefault(record.payload, record)
    return [
        part for (name, _), group in groups.items() for part in ([tuple(group.values())] if name else _parted(group))
    ]


def _parted(group: Mapping[str, Record]) -> Iterable[tuple[Record, ...]]:
    """Several sessions of one meter, by their pages, if each of them begins and ends before the next one begins."""
    by_page = sorted(group.values(), key=lambda record: (record.context, record.page))
    letters = [{reading.letter for reading in record.readings} for record in by_page]
    alone = [{"B"} <= each and bool(each & END_LETTERS) for each in letters]
    if all(alone):
        return [(record,) for record in by_page]
    edges = zip(letters[::2], letters[1::2], strict=False)
    if len(by_page) % 2 == 0 and all(
        first == {"B"} and "B" not in last and last & END_LETTERS for first, last in edges
    ):
        return zip(by_page[::2], by_page[1::2], strict=True)
    return [tuple(group.values())]


def _session(group: tuple[Record, ...]) -> SessionReport:
    readings = [(record, reading) for record in group for reading in _billed(record.readings)]
    begins = _not_repeated([pair for pair in readings if pair[1].letter == "B"])
    ends = [pair for pair in readings if pair[1].letter in END_LETTERS]
    name = group[0].session
    where = name or f"{group[0].context}{group[0].page}"
    findings = [finding for record in group for finding in record.findings]
    findings += [Finding(reason, where) for reason in _counted(len(begins), len(ends))]
    energy: Decimal | None = None
    if len(begins) == len(ends) == 1:
        findings += [Finding(reason, where, detail) for reason, detail in _pair(begins[0], ends[0])]
        if all(finding.reason in _ENERGY_STANDS for finding in findings):
            energy = (ends[0][1].value - begins[0][1].value) * KWH_OF_UNIT[ends[0][1].unit]
    return SessionReport(
        session=name,
        meter_serial=group[0].identity[1],
        begin_time=begins[0][1].time_text if begins else None,
        end_time=ends[-1][1].time_text if ends else None,
        energy_kwh=energy,
        findings=tuple(findings),
    )


def _billed(readings: Sequence[Reading]) -> Iterable[Reading]:
    """Of several registers that a maker read at one moment, the one that is billed: imported energy, and that which is
    corrected for the cable before that which is not."""
    moments: dict[tuple[str, str], list[Reading]] = {}
    for reading in readings:
        moments.setdefault((reading.letter, reading.time_text), []).append(reading)
    for together in moments.values():
        registers = {(reading.register, reading.unit) for reading in together}
        if len(registers) < len(together) or len(together) == 1:
            yield from together
            continue
        ranked = sorted(together, key=_rank)
        yield from ranked[:1] if _rank(ranked[0]) < _NOT_BILLED else ranked


def _rank(reading: Reading) -> int:
    """By the quantity of its OBIS code (OCMF 1.4, table 25)."""
    quantity = reading.register.partition(":")[2].partition(".")[0].lstrip("0").upper()
    if reading.unit not in KWH_OF_UNIT or quantity not in _CORRECTED | _IMPORTED:
        return _NOT_BILLED
    return 0 if quantity in _CORRECTED else 1


def _not_repeated(begins: Sequence[tuple[Record, Reading]]) -> list[tuple[Record, Reading]]:
    """An end record of another maker may say its begin reading once more: that is one begin, the end record's own."""
    said_again = {
        (reading.time_text, reading.value)
        for record, reading in begins
        if any(other.letter in END_LETTERS for other in record.readings)
    }
    return [
        (record, reading)
        for record, reading in begins
        if len(record.readings) > 1 or (reading.time_text, reading.value) not in said_again
    ]


def _counted(begins: int, ends: int) -> Iterable[Reason]:
    if begins == 0:
        yield Reason.BEGIN_MISSING
    elif begins > 1:
        yield Reason.TWO_BEGINS
    if ends == 0:
        yield Reason.END_MISSING
    elif ends > 1:
        yield Reason.TWO_ENDS


def _pair(begin: tuple[Record, Reading], end: tuple[Record, Reading]) -> Iterable[tuple[Reason, str]]:
    (first, start), (last, stop) = begin, end
    is_ours = "XI" in first.fields or "XI" in last.fields
    for name, reason in _SAME:
        if first.fields.get(name) != last.fields.get(name):
            yield reason, name
    if (start.register, start.unit) != (stop.register, stop.unit) or start.unit not in KWH_OF_UNIT:
        yield Reason.OTHER_REGISTER, f"{start.register} {start.unit}, {stop.register} {stop.unit}"
    # Another maker may name the tariff in one of his records alone.
    tariffs = (first.fields.get("TT"), last.fields.get("TT"))
    if tariffs[0] != tariffs[1] and (is_ours or None not in tariffs):
        yield Reason.OTHER_TARIFF, "TT"
    if first is not last and (first.context != last.context or last.page <= first.page):
        yield Reason.PAGES_NOT_RISING, f"{first.context}{first.page}, {last.context}{last.page}"
    if stop.time < start.time:
        yield Reason.TIME_NOT_RISING, f"{start.time_text}, {stop.time_text}"
    if stop.value < start.value:
        yield Reason.VALUE_NOT_RISING, f"{start.value}, {stop.value}"
    # Of another maker only the end may be relative: an exact duration on a begin that is worth what it says.
    if (start.time_state == "R") != (stop.time_state == "R") and (is_ours or stop.time_state != "R"):
        yield Reason.TIME_STATES_DIFFER, f"{start.time_state}, {stop.time_state}"
