"""The label that is glued into the cabinet and pasted into agreements: which key signs here, and which meters it signs.

It is a source outside the data: whoever compares a key with it may confirm that key's pin (`metering.pins`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.metering.keys import PublicKey
from gateway.metering.ocmf import IMPORT_REGISTER
from gateway.publish.verdict_words import plain
from gateway.publish.words import Language, Pair, pick
from gateway.site.topology import Purpose

GROUP_DIGITS: Final = 4
GROUPS_PER_LINE: Final = 4

WORDS: Final[dict[str, Pair]] = {
    "title": ("Laddvakt: nyckeln som signerar här", "Laddvakt: the key that signs here"),
    "gateway": ("Gateway", "Gateway"),
    "serial": ("Serienummer (GS)", "Serial number (GS)"),
    "key": ("Nyckel", "Key"),
    "made": ("nummer {number}, skapad {made}", "number {number}, made {made}"),
    "unsure": ("{made} (klockan var inte synkroniserad)", "{made} (the clock was not synchronised)"),
    "fingerprint": ("Fingeravtryck (SHA-256)", "Fingerprint (SHA-256)"),
    "public": ("Öppen nyckel (hex)", "Public key (hex)"),
    "superseded": ("Ersatt nyckel", "Superseded key"),
    "end": ("nummer {number}, till och med sida T{page}", "number {number}, up to page T{page}"),
    "socket": ("Uttag", "Socket"),
    "meter": ("Mätare", "Meter"),
    "meter_serial": ("Mätarens serienummer", "Meter's serial number"),
    "register": ("Räkneverk", "Register"),
    "purpose": ("Används till", "Used for"),
    "no_meter": ("ingen mätare", "no meter"),
    "unread": ("ännu inte avläst", "not read yet"),
    "import": (f"{IMPORT_REGISTER} (uttagen energi, kWh)", f"{IMPORT_REGISTER} (energy taken, kWh)"),
}
PURPOSES: Final[dict[Purpose, Pair]] = {
    Purpose.BILLING: ("debitering", "billing"),
    Purpose.INTERNAL: ("intern fördelning", "internal allocation"),
    Purpose.INFO: ("information, inte debitering", "information, not billing"),
}
NOTES: Final[dict[str, Pair]] = {
    "source": (
        "Mätvärdena kommer från uttagens elmätare och signeras av denna gateway med nyckeln ovan.",
        "The readings come from the sockets' energy meters; this gateway signs them with the key above.",
    ),
    "scan": (
        (
            "Rutkoden är den öppna nyckeln i hex. Läs av den på plats och fäst nyckeln: laddvakt pins confirm "
            "FIL --gateway {serial} --key NYCKEL --who DITT-NAMN --how etikett"
        ),
        (
            "The code is the public key in hex. Scan it on the spot and pin the key: laddvakt pins confirm "
            "FILE --gateway {serial} --key KEY --who YOUR-NAME --how label"
        ),
    ),
    "pin": (
        "Fäst nyckeln: laddvakt pins confirm FIL --gateway {serial} --key NYCKEL --who DITT-NAMN --how avtal",
        "Pin the key: laddvakt pins confirm FILE --gateway {serial} --key KEY --who YOUR-NAME --how agreement",
    ),
    "compare": (
        (
            "Eller jämför för hand: fingeravtrycket som laddvakt pins show FIL skriver ska vara detta, grupp för "
            "grupp. Etikett, avtal och fil ska visa samma. Skiljer de sig åt: lita inte på mätvärdena, fråga den som "
            "sköter anläggningen."
        ),
        (
            "Or compare by eye: the fingerprint that laddvakt pins show FILE prints must be this one, group by "
            "group. Label, agreement and file must show the same. If they differ, do not trust the readings; ask "
            "whoever runs the installation."
        ),
    ),
    "superseded": (
        (
            "Nycklar före nummer {number} är ersatta: byt etiketter och avtal som visar ett annat fingeravtryck än det "
            "översta. Laddningar från en ersatt nyckels tid kontrolleras fortfarande med den."
        ),
        (
            "Keys before number {number} are superseded: replace labels and agreements that show another fingerprint "
            "than the topmost one. Sessions from a superseded key's time are still verified with it."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class LabelledSocket:
    """meter: vendor and model, None without one; serial: of the meter, None if nobody knows it yet."""

    name: str
    label: str
    purpose: Purpose
    meter: str | None
    serial: str | None


@dataclass(frozen=True, slots=True)
class SupersededKey:
    """The key before this one. page: its last."""

    key: PublicKey
    page: int


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says. number: of the key, counted from 1; made: its day, ISO 8601; sure: whether the clock was to be
    trusted then."""

    gateway: str
    key: PublicKey
    number: int
    made: str
    sure: bool
    superseded: SupersededKey | None
    sockets: tuple[LabelledSocket, ...]


def title(language: Language) -> str:
    """The heading."""
    return pick(WORDS["title"], language)


def fingerprint_lines(key: PublicKey) -> tuple[str, ...]:
    """SHA-256 of the key in groups that the eye can hold: four lines of four groups of four hex digits."""
    digits = key.fingerprint
    groups = [digits[at : at + GROUP_DIGITS] for at in range(0, len(digits), GROUP_DIGITS)]
    return tuple(" ".join(groups[at : at + GROUPS_PER_LINE]) for at in range(0, len(groups), GROUPS_PER_LINE))


def public_key_row(label: Label, language: Language) -> tuple[str, str]:
    """The key itself, where no QR code holds it."""
    return pick(WORDS["public"], language), label.key.hex


def key_rows(label: Label, language: Language) -> tuple[tuple[str, Sequence[str]], ...]:
    """What is said of the key: a name and the lines beside it."""
    made = label.made if label.sure else pick(WORDS["unsure"], language).format(made=label.made)
    rows: list[tuple[str, Sequence[str]]] = [
        (pick(WORDS["gateway"], language), [plain(label.gateway)]),
        (pick(WORDS["serial"], language), [label.key.serial]),
        (pick(WORDS["key"], language), [pick(WORDS["made"], language).format(number=label.number, made=made)]),
        (pick(WORDS["fingerprint"], language), fingerprint_lines(label.key)),
    ]
    if label.superseded is not None:
        end = pick(WORDS["end"], language).format(number=label.number - 1, page=label.superseded.page)
        rows.append((pick(WORDS["superseded"], language), [end, *fingerprint_lines(label.superseded.key)]))
    return tuple(rows)


def socket_rows(socket: LabelledSocket, language: Language) -> tuple[tuple[str, str], ...]:
    """What is said of one socket: names and values."""
    said = socket.name if socket.label == socket.name else f"{socket.name}, {socket.label}"
    name = "".join(sign if sign.isprintable() else "?" for sign in said)
    rows = [(pick(WORDS["socket"], language), name)]
    if socket.meter is None:
        return (*rows, (pick(WORDS["meter"], language), pick(WORDS["no_meter"], language)))
    serial = pick(WORDS["unread"], language) if socket.serial is None else plain(socket.serial)
    return (
        *rows,
        (pick(WORDS["meter"], language), plain(socket.meter)),
        (pick(WORDS["meter_serial"], language), serial),
        (pick(WORDS["register"], language), pick(WORDS["import"], language)),
        (pick(WORDS["purpose"], language), pick(PURPOSES[socket.purpose], language)),
    )


def notes(label: Label, language: Language, *, coded: bool) -> tuple[str, ...]:
    """Where the readings come from, how to compare, and what is no longer right. coded: beside a QR code."""
    names = ["source", "scan" if coded else "pin", "compare", *(["superseded"] if label.superseded is not None else [])]
    return tuple(pick(NOTES[name], language).format(serial=label.key.serial, number=label.number) for name in names)
