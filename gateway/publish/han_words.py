"""What ails the HAN port in words for the installer: what is wrong, and what to do. Swedish and English.

Sources: HAN P1 companion 5.0.2, 5.7 (data request, pull-up, supply); makers' interface descriptions; what readers of
these meters report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.meters.grid import Rule
from gateway.meters.han_diagnosis import Diagnosis, Finding, MeterHint
from gateway.meters.han_port import HanSight
from gateway.meters.meter_clock import ClockSight
from gateway.publish.words import Language, Pair, decimal, pick
from gateway.wire.telegram import Form


@dataclass(frozen=True, slots=True)
class Advice:
    """What is seen, and what to do (empty where there is nothing to do), in Swedish and English."""

    what_sv: str
    what_en: str
    remedy_sv: str = ""
    remedy_en: str = ""

    @property
    def what(self) -> Pair:
        return self.what_sv, self.what_en

    @property
    def remedy(self) -> Pair:
        return self.remedy_sv, self.remedy_en


DIAGNOSES: Final[dict[Diagnosis, Advice]] = {
    Diagnosis.LISTENING: Advice(
        "Lyssnar",
        "Listening",
    ),
    Diagnosis.WELL: Advice(
        "Telegram kommer som de ska",
        "Telegrams come as they should",
    ),
    Diagnosis.LINE_LOST: Advice(
        "Datorns port finns inte eller går inte att öppna",
        "The machine's port is not there or cannot be opened",
        "Sätt i kabeln. Kontrollera port i konfigurationen. Stäng andra program som läser porten.",
        "Plug the cable in. Check port in the config. Stop other programs that read the port.",
    ),
    Diagnosis.NEVER_A_BYTE: Advice(
        "Aldrig en byte från mätaren",
        "Never a byte from the meter",
        "Be elnätsföretaget öppna HAN-porten (Mina sidor). Kontrollera kabeln, och att stift 2 (data request) har 5 "
        "V från stift 1.",
        "Ask the grid company to open the HAN port (Mina sidor). Check the cable, and that pin 2 (data request) has "
        "5 V from pin 1.",
    ),
    Diagnosis.ONLY_NOISE: Advice(
        "Bara brus, inga telegram",
        "Only noise, no telegrams",
        "Signalen är inte inverterad, eller pull-up-motståndet är för svagt: använd en P1-kabel med inverterad RXD, "
        "eller en inverterare med 1 till 4,7 kohm till 3,3 V. Bakom en brygga: kontrollera dess hastighet också.",
        "The signal is not inverted, or the pull-up is too weak: use a P1 cable with inverted RXD, or an inverter "
        "with 1 to 4.7 kohm to 3.3 V. Behind a bridge: check its speed too.",
    ),
    Diagnosis.ALMOST_FRAMES: Advice(
        "Nästan hela telegram: fel paritet",
        "Almost whole telegrams: wrong parity",
        'Ta bort parity ur konfigurationen, eller skriv den andra av "N" och "E". Bakom en brygga: ställ om bryggan '
        "mellan 8N1 och 8E1.",
        'Take parity out of the config, or write the other of "N" and "E". Behind a bridge: set the bridge from 8N1 '
        "to 8E1 or back.",
    ),
    Diagnosis.WRONG_SPEED: Advice(
        "Fel hastighet på linjen",
        "Wrong speed of the line",
        "Ta bort baud ur konfigurationen, eller skriv 115200 (RJ12) eller 2400 (RJ45). Bakom en brygga: ställ om "
        "bryggan.",
        "Take baud out of the config, or write 115200 (RJ12) or 2400 (RJ45). Behind a bridge: set the bridge.",
    ),
    Diagnosis.TEXT_MODE: Advice(
        "En brygga skriver om radslut (0A blir 0D 0A)",
        "A bridge rewrites line ends (0A becomes 0D 0A)",
        "Ställ bryggan på rå (binär) överföring, till exempel stty raw.",
        "Set the bridge to raw (binary) transfer, such as stty raw.",
    ),
    Diagnosis.BAD_CRC: Advice(
        "Telegram med fel kontrollsumma",
        "Telegrams with a wrong checksum",
        "Kabeln är för lång eller pull-up-motståndet för svagt, eller läsarens buffert tappar tecken: kortare kabel "
        "(högst 3 m), 1 till 4,7 kohm till 3,3 V.",
        "The cable is too long or the pull-up too weak, or the reader's buffer loses characters: a shorter cable (3 "
        "m at most), 1 to 4.7 kohm to 3.3 V.",
    ),
    Diagnosis.CUT_SHORT: Advice(
        "Telegram utan början eller slut",
        "Telegrams without their begin or end",
        "Bryggans buffert är för liten (minst 1500 byte behövs), eller läsaren startar om för att mätarens 5 V inte "
        "räcker: mata läsaren separat.",
        "The bridge's buffer is too small (1500 bytes are needed), or the reader restarts since the meter's 5 V do "
        "not suffice: feed the reader separately.",
    ),
    Diagnosis.WENT_SILENT: Advice(
        "Mätaren har tystnat",
        "The meter has gone silent",
        "Kontrollera kabeln och läsarens matning. Sitter den rätt: be elnätsföretaget starta om mätarens port.",
        "Check the cable and the reader's supply. If they are well: ask the grid company to restart the port.",
    ),
    Diagnosis.FROZEN: Advice(
        "Mätaren upprepar samma telegram",
        "The meter repeats the same telegram",
        "Bryggan eller mätaren har hängt sig: bryt matningen till bryggan; hjälper det inte, be elnätsföretaget "
        "starta om mätaren.",
        "The bridge or the meter hangs: cut the bridge's supply; if that does not help, ask the grid company to "
        "restart the meter.",
    ),
    Diagnosis.DRIBBLING: Advice(
        "Tecknen kommer för långsamt",
        "The characters come too slowly",
        "Bryggan skickar dem ett och ett eller nätet är överlastat: låt bryggan samla 10 till 50 ms, eller dra kabel.",
        "The bridge sends them one by one or the network is overloaded: let it gather 10 to 50 ms, or use a cable.",
    ),
    Diagnosis.NO_KEY: Advice(
        "Mätaren krypterar, och nyckeln saknas",
        "The meter encrypts, and there is no key",
        "Be elnätsföretaget om nycklarna och skriv encryption_key och authentication_key, eller key_file.",
        "Ask the grid company for the keys and write encryption_key and authentication_key, or key_file.",
    ),
    Diagnosis.WRONG_KEY: Advice(
        "Mätaren krypterar, och nyckeln passar inte",
        "The meter encrypts, and the key does not fit",
        "Kontrollera nycklarna; elnätsföretaget kan ha bytt dem när mätaren startades om.",
        "Check the keys; the grid company may have changed them when the meter was reset.",
    ),
    Diagnosis.WITHOUT_CRC: Advice(
        "Telegram utan kontrollsumma",
        "Telegrams without a checksum",
        "Är mätaren av den gamla sorten som inte skickar någon: skriv allow_without_crc = true.",
        "If the meter is of the old kind that sends none: write allow_without_crc = true.",
    ),
    Diagnosis.UNKNOWN_LIST: Advice(
        "Hela telegram i en form som Laddvakt inte känner",
        "Whole telegrams of a form that Laddvakt does not know",
        "Spela in med laddvakt record och skicka filen i en felanmälan.",
        "Record with laddvakt record and send the file in a bug report.",
    ),
    Diagnosis.WITHOUT_CURRENTS: Advice(
        "Hela telegram, men utan fasernas strömmar",
        "Whole telegrams, but without the phase currents",
        "Laddvakt kan inte styra lasten utan strömmar. Be elnätsföretaget om en lista (profil) med ström per fas på "
        "HAN-porten, eller byt till en mätare vars port anger dem.",
        "Laddvakt cannot manage the load without currents. Ask the grid company for a list (profile) with the "
        "current of each phase on the HAN port, or change to a meter whose port tells them.",
    ),
}

HINTS: Final[dict[MeterHint, Pair]] = {
    MeterHint.POWER_CYCLE: (
        "Kamstrups port kan dö tills mätaren blir strömlös eller elnätsföretaget startar om den på distans.",
        "Kamstrup's port can die until the meter loses power or the grid company resets it from afar.",
    ),
    MeterHint.DATA_REQUEST: (
        "Landis+Gyr E360 vill ha 5 V på stift 2; äldre programvara i mätaren slutar sända av sig själv.",
        "Landis+Gyr E360 wants 5 V on pin 2; old firmware of the meter stops by itself.",
    ),
}

FORMS: Final[dict[Form, Pair]] = {
    Form.P1: ("P1-text", "P1 text"),
    Form.HDLC: ("DLMS i HDLC", "DLMS in HDLC"),
    Form.MBUS: ("DLMS i M-Bus", "DLMS in M-Bus"),
    Form.APDU: ("DLMS utan ram", "DLMS without frame"),
}

RULES: Final[dict[Rule, Pair]] = {
    Rule.OBIS_TWICE: ("samma register två gånger", "one register twice"),
    Rule.UNIT_UNKNOWN: ("värde utan rätt enhet", "a value without its unit"),
    Rule.NEGATIVE_REGISTER: ("negativt register", "a negative register"),
    Rule.VOLTAGE_TOO_HIGH: ("för hög spänning", "voltage too high"),
    Rule.VOLTAGE_TOO_LOW: ("för låg spänning", "voltage too low"),
    Rule.POWER_ABOVE_CURRENTS: ("mer effekt än strömmarna kan bära", "more power than the currents can carry"),
    Rule.PHASE_ABOVE_CURRENT: ("mer effekt i en fas än dess ström", "more power in a phase than its current"),
    Rule.PHASES_AGAINST_TOTAL: ("fasernas summa är inte totalen", "the phases do not add up to the total"),
    Rule.CURRENT_TOO_HIGH: ("ström över tre gånger huvudsäkringen", "a current above three times the main fuse"),
    Rule.INCOMPLETE: ("värden saknas som fanns förut", "values are lacking that came before"),
    Rule.REGISTER_FELL: ("mätarställning som sjönk", "a register fell"),
    Rule.ENERGY_TOO_FAST: ("mer energi än huvudsäkringen släpper fram", "more energy than the main fuse passes"),
    Rule.METER_UNPROVEN: ("annan mätare än förut", "another meter than before"),
}
"""Why a reading is implausible."""

CLOCK_WARNING: Final[Pair] = (
    "Mätarens klocka går {amount} {way} värdens",
    "The meter's clock is {amount} {way} the host's",
)
_WAYS: Final[tuple[Pair, Pair]] = (("före", "ahead of"), ("efter", "behind"))

PROBLEMS: Final = frozenset(Diagnosis) - {Diagnosis.LISTENING, Diagnosis.WELL}


def what_is_wrong(finding: Finding, language: Language, now_s: float | None = None) -> str:
    """What is seen, one short sentence; with the share of bad bursts and since when, where that says something."""
    text = pick(DIAGNOSES[finding.diagnosis].what, language)
    if finding.diagnosis in (Diagnosis.BAD_CRC, Diagnosis.CUT_SHORT) and finding.share is not None:
        of_the_last = pick(("av de senaste", "of the last ones"), language)
        text += f" ({decimal(100 * finding.share, 0, language)} % {of_the_last})"
    if finding.diagnosis in (Diagnosis.WENT_SILENT, Diagnosis.FROZEN) and now_s is not None:
        text += f" ({pick(('sedan', 'for'), language)} {decimal(max(0.0, now_s - finding.since_s), 0, language)} s)"
    return text


def what_to_do(finding: Finding, language: Language) -> str:
    """What to do, in sentences; empty where there is nothing to do."""
    words = [pick(DIAGNOSES[finding.diagnosis].remedy, language)]
    if finding.hint is not None:
        words.append(pick(HINTS[finding.hint], language))
    return " ".join(word for word in words if word)


def why_implausible(refused: Sequence[str], language: Language) -> str:
    """The rules that a reading broke, one after the other."""
    return ", ".join(pick(RULES[Rule(rule)], language) for rule in refused)


def clock_words(clock: ClockSight | None, language: Language) -> str | None:
    """The warning that the clocks differ; None where they do not."""
    if clock is None or not clock.warns:
        return None
    way = pick(_WAYS[clock.difference_s < 0], language)
    return pick(CLOCK_WARNING, language).format(amount=f"{decimal(abs(clock.difference_s), 0, language)} s", way=way)


def what_was_found(sight: HanSight, language: Language) -> str:
    """Form, setting and maker of a settled port, such as "P1 text, 115200 8N1, ADN9 6534"."""
    form = pick(("okänd form", "unknown form"), language) if sight.form is None else pick(FORMS[sight.form], language)
    return ", ".join(part for part in (form, None if sight.line is None else str(sight.line), sight.ident) if part)
