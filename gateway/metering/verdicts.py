"""Verdicts and their reasons: green proven, yellow could not be proven, red false, grey unsigned."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum


class Verdict(IntEnum):
    """The worse, the higher."""

    GREEN = 0
    GREY = 1
    YELLOW = 2
    RED = 3


class Grade(StrEnum):
    """Who vouches for the energy of a session, the best first: the meter itself, this gateway, or nobody."""

    METER_SIGNED = "meter-signed"
    GATEWAY_SIGNED = "gateway-signed"
    UNSIGNED = "unsigned"


class Reason(StrEnum):
    """Why a record or a session is not green. Programs may rely on the values; words for people are elsewhere."""

    # What is false makes red.
    NOT_OCMF = "not_ocmf"
    NOT_ASCII_JSON = "not_ascii_json"
    DUPLICATE_NAME = "duplicate_name"
    OTHER_ALGORITHM = "other_algorithm"
    SIGNATURE_WRONG = "signature_wrong"
    FOREIGN_KEY = "foreign_key"
    SIGNATURE_MALLEATED = "signature_malleated"
    FIELD_MISSING = "field_missing"
    REPLAYED = "replayed"
    PAGE_REUSED = "page_reused"
    CHAIN_BROKEN = "chain_broken"
    TWO_BEGINS = "two_begins"
    TWO_ENDS = "two_ends"
    OTHER_METER = "other_meter"
    OTHER_GATEWAY = "other_gateway"
    OTHER_USER = "other_user"
    OTHER_REGISTER = "other_register"
    OTHER_SOCKET = "other_socket"
    OTHER_TARIFF = "other_tariff"
    PAGES_NOT_RISING = "pages_not_rising"
    TIME_NOT_RISING = "time_not_rising"
    VALUE_NOT_RISING = "value_not_rising"
    TIME_STATES_DIFFER = "time_states_differ"
    XML_NOT_RIGHT = "xml_not_right"
    TABLE_NOT_RIGHT = "table_not_right"
    TABLE_CHANGED = "table_changed"
    CELL_CHANGED = "cell_changed"
    ARCHIVE_DAMAGED = "archive_damaged"
    JOURNAL_DAMAGED = "journal_damaged"
    # Why a record is not taken in.
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    KEY_NOT_READ = "key_not_read"
    NOT_OF_A_METER = "not_of_a_meter"
    # What could not be proven makes yellow.
    PAGES_MISSING = "pages_missing"
    END_MISSING = "end_missing"
    BEGIN_MISSING = "begin_missing"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"
    ENERGY_UNUSABLE = "energy_unusable"
    TIME_UNUSABLE = "time_unusable"
    METER_STATUS = "meter_status"
    METER_SERIAL_UNREAD = "meter_serial_unread"
    USER_NOT_ASSIGNED = "user_not_assigned"
    NOTHING_FOUND = "nothing_found"
    KEY_NOT_PINNED = "key_not_pinned"
    KEY_NOT_CONFIRMED = "key_not_confirmed"
    TABLE_UNSIGNED = "table_unsigned"
    TABLE_RESAVED = "table_resaved"
    RECORD_NOT_HERE = "record_not_here"
    ARCHIVE_UNSIGNED = "archive_unsigned"
    QUARTER_MISSING = "quarter_missing"
    TIME_NOT_SIGNED = "time_not_signed"
    # What nobody signed makes grey.
    UNSIGNED = "unsigned"


_YELLOW = frozenset({
    Reason.PAGES_MISSING, Reason.END_MISSING, Reason.BEGIN_MISSING, Reason.CLOCK_NOT_TRUSTED, Reason.ENERGY_UNUSABLE,
    Reason.TIME_UNUSABLE, Reason.METER_STATUS, Reason.METER_SERIAL_UNREAD, Reason.USER_NOT_ASSIGNED,
    Reason.NOTHING_FOUND, Reason.KEY_NOT_PINNED, Reason.KEY_NOT_CONFIRMED, Reason.TABLE_UNSIGNED,
    Reason.TABLE_RESAVED, Reason.RECORD_NOT_HERE, Reason.ARCHIVE_UNSIGNED, Reason.QUARTER_MISSING,
    Reason.TIME_NOT_SIGNED,
})  # fmt: skip


def verdict_of(reason: Reason) -> Verdict:
    """What that reason makes of the whole."""
    if reason is Reason.UNSIGNED:
        return Verdict.GREY
    return Verdict.YELLOW if reason in _YELLOW else Verdict.RED


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason and where it was found: a page (`T7`), a session id, or the place of a record in its file.

    detail: what stands there, as it stands there; it comes from the record and must be escaped where that matters.
    """

    reason: Reason
    where: str
    detail: str = ""

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.reason)


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One session. energy_kwh: the difference of the two registers, None unless it is proven."""

    session: str
    meter_serial: str | None
    begin_time: str | None
    end_time: str | None
    energy_kwh: Decimal | None
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return max((finding.verdict for finding in self.findings), default=Verdict.GREEN)


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """The load profile of one place in one file. energy_wh: what its rows add up to; proven_wh: of which is proven."""

    place: str
    rows: int
    energy_wh: Decimal
    proven_wh: Decimal
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return max((finding.verdict for finding in self.findings), default=Verdict.GREEN)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was given. findings: those that belong to no session and no load profile."""

    sessions: tuple[SessionReport, ...]
    findings: tuple[Finding, ...]
    profiles: tuple[ProfileReport, ...] = ()

    @property
    def verdict(self) -> Verdict:
        parts = [finding.verdict for finding in self.findings] + [session.verdict for session in self.sessions]
        parts += [profile.verdict for profile in self.profiles]
        return max(parts, default=Verdict.GREEN)
