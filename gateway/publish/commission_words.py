"""What a commissioning test found at a socket, in words: instructions on the way, a sentence each, a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.ids import SocketId
from gateway.publish.board import UNKNOWN, BoardTable
from gateway.publish.words import Language, Pair, decimal, pick
from gateway.quantities import Phase
from gateway.site.topology import Site

SESSION_SIGNS: Final = 8
"""As much of a session's id as tells it from the others of a day."""


class Verdict(StrEnum):
    """What one try at one socket showed."""

    RIGHT = "right"
    CROSSED = "crossed"  # another socket's meter moved in its place
    DOUBLE = "double"  # its meter moved, and another's too
    NOTHING = "nothing"  # switched on, and no meter moved
    ELSEWHERE = "elsewhere"  # no current anywhere, but voltage came at another socket's meter
    BOX_CROSSED = "box_crossed"  # another socket's wallbox saw the cable
    CONTACTOR = "contactor"  # its feedback contradicts what the meter shows
    DRAWS_UNASKED = "draws_unasked"  # current though nobody switched it on
    STAYS_ON = "stays_on"  # current goes on after switching off
    DISOBEYS = "disobeys"  # the wallbox does not do what it was told
    METER_SILENT = "meter_silent"
    WRONG_PHASES = "wrong_phases"  # right meter; the gateway has proven other phases than the config's
    FAULT = "fault"  # right meter; the gateway reports something else that is wrong
    DISTURBED = "disturbed"  # others charge or draw: nothing can be told
    NOT_STARTED = "not_started"
    NO_CAR = "no_car"
    IN_USE = "in_use"
    LOCKED = "locked"
    SKIPPED = "skipped"
    NO_METER = "no_meter"


PASSED: Final = frozenset({Verdict.RIGHT, Verdict.NO_METER})
"""All others are wrong, or not tried."""

VERDICTS: Final[dict[Verdict, Pair]] = {
    Verdict.RIGHT: ("Rätt mätare", "Right meter"),
    Verdict.CROSSED: ("KORSAD: mätaren för {others} gick", "CROSSED: the meter of {others} moved"),
    Verdict.DOUBLE: ("DUBBEL: även mätaren för {others} gick", "DOUBLE: the meter of {others} moved too"),
    Verdict.NOTHING: ("Ingen mätare gick", "No meter moved"),
    Verdict.ELSEWHERE: ("KORSAD: spänningen kom på {others}", "CROSSED: the voltage came at {others}"),
    Verdict.BOX_CROSSED: (
        "KORSAD: laddboxen på {others} såg kabeln",
        "CROSSED: the wallbox of {others} saw the cable",
    ),
    Verdict.CONTACTOR: ("Kontaktorns läge stämmer inte", "Contactor feedback disagrees"),
    Verdict.DRAWS_UNASKED: ("Drar ström utan att vara påslagen", "Draws without being switched on"),
    Verdict.STAYS_ON: ("Drar ström efter frånslag", "Draws after being switched off"),
    Verdict.DISOBEYS: ("Laddboxen lyder inte", "Wallbox does not obey"),
    Verdict.METER_SILENT: ("Mätaren svarar inte", "Meter does not answer"),
    Verdict.WRONG_PHASES: ("Rätt mätare, fel faser", "Right meter, wrong phases"),
    Verdict.FAULT: ("Rätt mätare, men ett fel", "Right meter, but a fault"),
    Verdict.DISTURBED: ("Ej provad: {others} i drift", "Not tried: {others} in use"),
    Verdict.NOT_STARTED: ("Ej provad: ingen laddning", "Not tried: no session"),
    Verdict.NO_CAR: ("Ej provad: ingen bil", "Not tried: no car"),
    Verdict.IN_USE: ("Ej provad: i drift", "Not tried: in use"),
    Verdict.LOCKED: ("Ej provad: låst", "Not tried: locked"),
    Verdict.SKIPPED: ("Ej provad: överhoppad", "Not tried: skipped"),
    Verdict.NO_METER: ("Ingen mätare att prova", "No meter to test"),
}
REMEDIES: Final[dict[Verdict, Pair]] = {
    Verdict.RIGHT: ("", ""),
    Verdict.CROSSED: (
        "Byt mätarnas adresser eller ledare, eller rätta meter i konfigurationen, lås upp och prova båda igen.",
        "Swap the meters' addresses or wires, or correct meter in the config, unlock, and test both again.",
    ),
    Verdict.DOUBLE: (
        "Två mätare sitter efter varandra, delar adress eller mäter samma ledare.",
        "Two meters sit in series, share an address, or measure the same wire.",
    ),
    Verdict.NOTHING: (
        "Är lasten minst 500 W och påslagen? Annars sitter mätaren eller kontaktorn inte på den här platsen.",
        "Is the load at least 500 W, and switched on? If so, meter or contactor is not at this socket.",
    ),
    Verdict.ELSEWHERE: (
        "Kontaktorernas eller mätarnas ledare är förväxlade.",
        "The wires of the contactors or of the meters are swapped.",
    ),
    Verdict.BOX_CROSSED: (
        "Laddboxarnas adresser är förväxlade, eller så satte någon i en kabel där.",
        "The wallboxes' addresses are swapped, or somebody plugged in there.",
    ),
    Verdict.CONTACTOR: (
        "Kontrollera hjälpkontakten, kontaktorn och reläkanalen.",
        "Check auxiliary contact, contactor and relay channel.",
    ),
    Verdict.DRAWS_UNASKED: (
        "Kontaktorn är svetsad, förbikopplad eller hör till en annan plats.",
        "The contactor has welded, is bridged, or belongs to another socket.",
    ),
    Verdict.STAYS_ON: (
        "Dra ur lasten. Kontaktorn är svetsad, eller laddboxen lyder inte.",
        "Unplug the load. The contactor has welded, or the wallbox does not obey.",
    ),
    Verdict.DISOBEYS: (
        "Kontrollera laddboxens adress och inställningar.",
        "Check the wallbox's address and settings.",
    ),
    Verdict.METER_SILENT: (
        "Kontrollera mätarens adress, hastighet och ledare.",
        "Check the meter's address, speed and wires.",
    ),
    Verdict.WRONG_PHASES: ("laddvakt phases visar vilka.", "laddvakt phases shows which."),
    Verdict.FAULT: ("", ""),
    Verdict.DISTURBED: (
        "Låt allt annat vara frånslaget och prova igen.",
        "Have all others switched off, and try again.",
    ),
    Verdict.NOT_STARTED: ("", ""),
    Verdict.NO_CAR: (
        "Laddboxen såg ingen bil på den tiden.",
        "The wallbox saw no car in that time.",
    ),
    Verdict.IN_USE: ("Dra ur, vänta tills laddningen är avslutad och prova igen.", "Unplug, wait for the end, retry."),
    Verdict.LOCKED: (
        "Åtgärda felet, tryck Lås upp och prova igen.",
        "Mend the fault, press Unlock, and try again.",
    ),
    Verdict.SKIPPED: ("", ""),
    Verdict.NO_METER: ("", ""),
}
SAYINGS: Final[dict[str, Pair]] = {
    "signs": (
        "Varje prov är en laddning som alla andra: signerad, i journalen och i exporten, märkt {token}.",
        "Each try is a session like any other: signed, in the journal and in exports, marked {token}.",
    ),
    "by_itself": (
        "{place}: laddningen startade av sig själv och är inte märkt.",
        "{place}: the session started by itself and is not marked.",
    ),
    "fuses": (
        "Provet visar mätare och brytning. Säkringarna i tabellen är konfigurationens; följ ledarna med ögat.",
        "The test shows meters and switching. The fuses in the table are the config's; follow the wires by eye.",
    ),
    "plug_car": (
        "{place}: anslut en bil vid {label}. Enter går vidare, s hoppar över.",
        "{place}: plug a car into {label}. Enter goes on, s skips.",
    ),
    "plug_load": (
        "{place}: anslut en bil eller en last på minst 500 W vid {label}. Enter går vidare, s hoppar över.",
        "{place}: plug a car or a load of at least 500 W into {label}. Enter goes on, s skips.",
    ),
    "card": (
        "{place}: visa kort eller kod för en användare på listan.",
        "{place}: present card or code of a user on the list.",
    ),
    "starts": ("{place}: startar en laddning.", "{place}: starts a session."),
    "watches": ("{place}: ser efter i högst {seconds} s.", "{place}: watches for {seconds} s at most."),
    "in_use": (
        "{place}: väntar på att {others} ska vara utan laddning och ström. s hoppar över.",
        "{place}: waits for {others} to be without session and current. s skips.",
    ),
    "stops": ("{place}: stoppar laddningen.", "{place}: stops the session."),
    "unplug": ("{place}: dra ur lasten. Enter går vidare.", "{place}: unplug the load. Enter goes on."),
    "unread": ("Mätarnas serienummer kan inte läsas: {why}", "The meters' serial numbers cannot be read: {why}"),
    "all_right": ("Alla provade platser är rätt.", "All sockets tested are right."),
    "not_right": ("Inte klart: {others}.", "Not done: {others}."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one socket. others: the sockets that it names; phases: where its own meter moved, by how much (A);
    reason: what the gateway said of it; session: the id of the signed session that the try made."""

    socket: SocketId
    verdict: Verdict
    others: tuple[SocketId, ...] = ()
    phases: tuple[tuple[Phase, float], ...] = ()
    reason: str | None = None
    session: str | None = None


def saying(key: str, language: Language, **figures: str) -> str:
    """One line on the way."""
    return pick(SAYINGS[key], language).format(**figures)


def verdict_text(finding: Finding, language: Language) -> str:
    """The verdict as it stands in the table."""
    return pick(VERDICTS[finding.verdict], language).format(others=", ".join(finding.others) or UNKNOWN)


def finding_text(finding: Finding, language: Language) -> str:
    """The verdict with its phases, what the gateway said, and what to do."""
    measured = f" ({_phases(finding, language)})" if finding.phases else ""
    said = [f"{finding.socket}: {verdict_text(finding, language)}{measured}."]
    if finding.reason is not None:
        said.append(f"{finding.reason.rstrip('.')}.")
    said.append(pick(REMEDIES[finding.verdict], language))
    return " ".join(part for part in said if part)


def finding_table(
    site: Site, serials: Mapping[SocketId, str | None], findings: Sequence[Finding], language: Language
) -> BoardTable:
    """One row for each finding."""
    heads: tuple[Pair, ...] = (
        ("Plats", "Socket"),
        ("Säkringar (konfiguration)", "Fuses (config)"),
        ("Mätare", "Meter"),
        ("Omdöme", "Verdict"),
        ("Sedd ström", "Current seen"),
        ("Laddning", "Session"),
    )
    rows = tuple(
        (
            str(one.socket),
            " > ".join(f"{fuse.id} {fuse.rating_a:g} A" for fuse in reversed(site.fuses_above(one.socket))),
            serials.get(one.socket) or UNKNOWN,
            verdict_text(one, language),
            _phases(one, language) or UNKNOWN,
            UNKNOWN if one.session is None else one.session[:SESSION_SIGNS],
        )
        for one in findings
    )
    title = pick(("Driftsättning", "Commissioning"), language)
    return BoardTable(f"{title} {site.gateway_id}", tuple(pick(head, language) for head in heads), rows)


def _phases(finding: Finding, language: Language) -> str:
    return ", ".join(f"{phase.name} {decimal(amps, 1, language)} A" for phase, amps in finding.phases)
