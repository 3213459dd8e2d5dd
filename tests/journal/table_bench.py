"""Tables of one signed session, of a meter's own records and of energy outside, as an export writes them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from gateway.clock import Instant, UtcTrust
from gateway.ids import SessionId, SocketId
from gateway.journal.archive import ArchivedSession
from gateway.journal.facts import EnergyOutside, SessionBegun, SessionEnded
from gateway.journal.meter_facts import MeterRecordKept
from gateway.journal.table_check import table_of
from gateway.journal.tables import HEADER, Exporter, TableForm, csv_lines, sealed
from gateway.metering.ocmf import Page, payload_hash
from gateway.metering.pins import Pin, PinState
from gateway.site.because import Because, Why
from gateway.site.wishes import EndKind
from tests.metering.makers import MakersMeter
from tests.metering.records import Pen, begin_text, end_text

NOW = Instant(1.0, datetime(2026, 3, 1, 12, tzinfo=UTC), UtcTrust.SYNCHRONISED)
P1, S1 = SocketId("p1"), SessionId("s1")
OUTSIDE = EnergyOutside(NOW, P1, "M1", Decimal("1.00"), Decimal("1.25"))
PEN, OTHER = Pen(), Pen()
FIRST = begin_text(session=S1)
BEGIN, END = PEN.record(FIRST), PEN.record(end_text(Page(2, payload_hash(FIRST)), session=S1))
BEGUN = SessionBegun(
    NOW, "boot", P1, S1, None, None, 1, "V", "M", None, "M1", Decimal("1.0"), Decimal("0.1"), (1,), Because(Why.COMMAND)
)
ENDED = SessionEnded(
    NOW, P1, S1, EndKind.COMPLETED, 2, Decimal("1.5"), Decimal("0.5"), True, (1,), Because(Why.OVERLOAD)
)
METER = MakersMeter()
METER_TEXT = METER.session(NOW.utc, "500.10", NOW.utc + timedelta(minutes=10), "507.40")
GATEWAY_OF_METER = f"GW-{METER.serial}"
TOFU = Pin(GATEWAY_OF_METER, METER.serial, METER.public.hex, PinState.TOFU, "", "", "file")
PIN = Pin(GATEWAY_OF_METER, METER.serial, METER.public.hex, PinState.CONFIRMED, "Eva", "", "label")
EXPORTER = Exporter("0A", "7:00", (PIN,))


def kept(text: str) -> MeterRecordKept:
    return MeterRecordKept(NOW, P1, S1, GATEWAY_OF_METER, METER.serial, "T1", None, None, "file", text)


def session(*meter_texts: str) -> ArchivedSession:
    return ArchivedSession(BEGUN, ENDED, BEGIN, END, PEN.public.hex, [kept(text) for text in meter_texts])


def exported(
    *sessions: ArchivedSession,
    outside: Iterable[EnergyOutside] = (),
    form: TableForm | None = None,
    exporter: Exporter = EXPORTER,
    pen: Pen | None = PEN,
) -> bytes:
    """The table as a file, signed if somebody signs it."""
    lines = csv_lines(sessions, outside, form or TableForm(), exporter)
    texts = (line.encode("utf-8") for line in lines)
    return b"".join(texts if pen is None else sealed(texts, lambda text: pen.der(text.decode("ascii")), exporter))


def row_of(content: bytes) -> Mapping[str, str]:
    (row,) = table_of(content, "t.csv").rows
    return row.cells


SIGNED_CELLS = {
    **dict.fromkeys(HEADER, ""),
    "kind": "session",
    "session": "s1",
    "socket": "p1",
    "user": "resident-7",
    "meter_vendor": "Eastron",
    "meter_model": "SDM630",
    "meter_serial": "12345678",
    "begin_time": "2026-03-01T10:00:00,000+0100 S",
    "end_time": "2026-03-01T11:00:00,000+0100 S",
    "begin_kwh": "1234,500",
    "end_kwh": "1242,250",
    "energy_kwh": "7,750",
    "step_kwh": "0,001",
    "billable": "yes",
    "end_kind": "completed",
    "why": "command",
    "begin_page": "T1",
    "end_page": "T2",
    "grade": "gateway-signed",
    "verdict": "green",
    "begin_record": BEGIN,
    "end_record": END,
    "gateway": "0A",
    "journal_head": "7:00",
}
