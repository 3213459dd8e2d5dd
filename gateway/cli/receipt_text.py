"""A receipt as lines of label and value, in Swedish or English, and as a page for a browser or a printer.

Registers and energy have the digits that the meter showed and no others; times are as they were signed.
"""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final

from gateway.journal.archive import ArchivedSession
from gateway.journal.chain import Head
from gateway.metering.keys import public_key
from gateway.metering.meter_signed import meter_proof, those_proven
from gateway.metering.ocmf import Unbilled, number_text
from gateway.metering.pins import Pin
from gateway.metering.verdicts import Finding, Grade
from gateway.metering.verification import Submitted, verified
from gateway.publish.billing_words import GRADES, unbilled_text
from gateway.publish.verdict_words import REASON_WORDS, VERDICT_WORDS, Language, plain
from gateway.publish.words import Language as WordLanguage
from gateway.site.wishes import EndKind

WORDS: Final[Mapping[str, Mapping[Language, str]]] = {
    "title": {"sv": "Kvitto på laddning", "en": "Charging receipt"},
    "source": {
        "sv": "Energi enligt uttagets elmätare, signerad av denna gateway.",
        "en": "Energy from the socket's energy meter, signed by this gateway.",
    },
    "energy": {"sv": "Energi", "en": "Energy"},
    "not_billed": {"sv": "Debiteras inte", "en": "Not billed"},
    "begin": {"sv": "Start", "en": "Begin"},
    "end": {"sv": "Slut", "en": "End"},
    "begin_register": {"sv": "Mätarställning vid start", "en": "Register at the begin"},
    "end_register": {"sv": "Mätarställning vid slut", "en": "Register at the end"},
    "step": {"sv": "Räkneverkets upplösning", "en": "Resolution of the register"},
    "meter": {"sv": "Mätare", "en": "Meter"},
    "meter_serial": {"sv": "Mätarens serienummer", "en": "Serial number of the meter"},
    "socket": {"sv": "Uttag", "en": "Socket"},
    "tariff": {"sv": "Taxa", "en": "Tariff"},
    "user": {"sv": "Användare (pseudonym)", "en": "User (pseudonym)"},
    "nobody": {"sv": "ingen angiven", "en": "none given"},
    "session": {"sv": "Laddning", "en": "Session"},
    "continues": {"sv": "Fortsätter laddning", "en": "Continues session"},
    "ended": {"sv": "Avslutad", "en": "Ended"},
    "pages": {"sv": "Sidor i signaturföljden", "en": "Pages of the signed sequence"},
    "signatures": {"sv": "Signaturernas fingeravtryck (SHA-256)", "en": "Fingerprints of the signatures (SHA-256)"},
    "key": {"sv": "Nyckelns fingeravtryck (SHA-256)", "en": "Fingerprint of the key (SHA-256)"},
    "head": {"sv": "Journalens huvud", "en": "Head of the journal"},
    "grade": {"sv": "Energin är", "en": "The energy is"},
    "meter_energy": {"sv": "Energi enligt mätarens egen signatur", "en": "Energy by the meter's own signature"},
    "meter_verdict": {"sv": "Kontroll av mätarens signatur", "en": "Verification of the meter's signature"},
    "verdict": {"sv": "Kontroll", "en": "Verification"},
    "how": {
        "sv": "Kontrollera själv: laddvakt verify FIL --key NYCKEL, med filen ur laddvakt export --format safe-xml och "
        "nyckeln som du fått på annat sätt.",
        "en": "Verify it yourself: laddvakt verify FILE --key KEY, with the file of laddvakt export --format safe-xml "
        "and the key that you were given in another way.",
    },
}
ENDED_WORDS: Final[Mapping[EndKind, Mapping[Language, str]]] = {
    EndKind.COMPLETED: {"sv": "i ordning", "en": "in order"},
    EndKind.RECOVERED: {"sv": "efter ett avbrott i driften", "en": "after an interruption of the service"},
    EndKind.CANCELLED: {"sv": "avbruten", "en": "cancelled"},
}
STYLE: Final = (
    "body{font:16px/1.4 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}"
    "td{padding:.2em 1em .2em 0;vertical-align:top;overflow-wrap:anywhere}strong{font-size:1.6em}"
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is printed, in order. energy: with its unit; verdict: colour and reasons in words."""

    language: Language
    title: str
    source: str
    energy: str
    lines: tuple[tuple[str, str], ...]
    how: str


def receipt_of(session: ArchivedSession, key: str, head: Head, language: Language, pins: Sequence[Pin] = ()) -> Receipt:
    """The receipt of a whole session. key: in hex, that signed it; head: the journal's newest; pins: of the meters' own
    records. Raises ValueError."""
    begun, ended, first, last = session.begun, session.ended, session.begin_record, session.end_record
    if ended is None or first is None or last is None:
        raise ValueError("a session that still runs has no receipt")
    report = verified([Submitted(first, f"T{begun.page}"), Submitted(last, f"T{ended.page}")], public_key(key))
    findings = (*report.findings, *(finding for one in report.sessions for finding in one.findings))
    energy = f"{_number(ended.energy_kwh, language)} kWh"
    if not ended.billable:
        why = unbilled_text(ended.unbilled, ended.minimum_wh, WordLanguage(language))
        measured = "" if ended.unbilled is not Unbilled.BELOW_MINIMUM else f" ({energy})"
        energy = f"{_said('not_billed', language)}: {why}{measured}"
    lines = [
        ("begin", _signed_time(first)),
        ("end", _signed_time(last)),
        ("begin_register", f"{_number(begun.kwh, language)} kWh"),
        ("end_register", f"{_number(ended.kwh, language)} kWh"),
        ("step", f"{_number(begun.step_kwh, language)} kWh"),
        ("meter", f"{begun.vendor} {begun.model}"),
        ("meter_serial", begun.serial),
        ("socket", begun.socket),
        *([("tariff", begun.tariff_id)] if begun.tariff_id is not None else []),
        ("user", begun.token or _said("nobody", language)),
        ("session", begun.session),
        *([("continues", begun.continues)] if begun.continues else []),
        ("ended", ENDED_WORDS[ended.kind][language]),
        ("pages", f"T{begun.page}, T{ended.page}"),
        ("signatures", f"{_fingerprint(first)} {_fingerprint(last)}"),
        ("key", public_key(key).fingerprint),
        ("head", str(head)),
        *_meter_lines(session, pins, language),
        ("verdict", "; ".join([VERDICT_WORDS[report.verdict][language], *_reasons(findings, language)])),
    ]
    return Receipt(
        language=language,
        title=_said("title", language),
        source=_said("source", language),
        energy=energy,
        lines=tuple((_said(label, language), plain(value)) for label, value in lines),
        how=_said("how", language),
    )


def _meter_lines(session: ArchivedSession, pins: Sequence[Pin], language: Language) -> list[tuple[str, str]]:
    """The grade, and what the meter's own records say."""
    words = 0 if language == "sv" else 1
    proof = meter_proof(those_proven((record.text for record in session.meter_records), pins), pins)
    if proof is None:
        return [("grade", GRADES[Grade.GATEWAY_SIGNED][words])]
    grade = Grade.GATEWAY_SIGNED if proof.energy_kwh is None else Grade.METER_SIGNED
    energy = "–" if proof.energy_kwh is None else f"{_number(proof.energy_kwh, language)} kWh"
    verdict = "; ".join([VERDICT_WORDS[proof.verdict][language], *_reasons(proof.findings, language)])
    return [("grade", GRADES[grade][words]), ("meter_energy", energy), ("meter_verdict", verdict)]


def text_receipt(receipt: Receipt) -> str:
    """For a terminal or a printer of lines."""
    width = max(len(label) for label, _ in receipt.lines)
    table = (f"{label:<{width}}  {value}" for label, value in receipt.lines)
    return "\n".join([receipt.title, receipt.source, "", receipt.energy, "", *table, "", receipt.how, ""])


def html_receipt(receipt: Receipt) -> str:
    """One page without scripts and without anything from elsewhere."""
    rows = "\n".join(
        f"<tr><td>{html.escape(label)}</td><td>{html.escape(value)}</td></tr>" for label, value in receipt.lines
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{receipt.language}">\n<head><meta charset="utf-8">'
        f"<title>{html.escape(receipt.title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{html.escape(receipt.title)}</h1>\n<p>{html.escape(receipt.source)}</p>\n"
        f"<p><strong>{html.escape(receipt.energy)}</strong></p>\n<table>\n{rows}\n</table>\n"
        f"<p>{html.escape(receipt.how)}</p>\n</body>\n</html>\n"
    )


def _said(word: str, language: Language) -> str:
    return WORDS[word][language]


def _number(value: Decimal, language: Language) -> str:
    text = number_text(value)
    return text.replace(".", ",") if language == "sv" else text


def _signed_time(record: str) -> str:
    return str(json.loads(record.split("|")[1])["RD"][0]["TM"])


def _fingerprint(record: str) -> str:
    """Of the signature's bytes, shortened to 16 hex digits: enough to tell, on paper, which one it was."""
    signature = bytes.fromhex(json.loads(record.split("|")[2])["SD"])
    return sha256(signature).hexdigest()[:16]


def _reasons(findings: tuple[Finding, ...], language: Language) -> list[str]:
    return list(dict.fromkeys(REASON_WORDS[finding.reason][language] for finding in findings))
