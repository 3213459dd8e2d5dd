"""Verdicts and their reasons in Swedish and English, for those who verify a bill."""

from collections.abc import Mapping
from typing import Final, Literal

from gateway.metering.ocmf import number_text
from gateway.metering.verdicts import ProfileReport, Reason, Verdict

Language = Literal["sv", "en"]

VERDICT_WORDS: Final[Mapping[Verdict, Mapping[Language, str]]] = {
    Verdict.GREEN: {"sv": "GRÖN bevisad", "en": "GREEN proven"},
    Verdict.GREY: {"sv": "GRÅ osignerad", "en": "GREY unsigned"},
    Verdict.YELLOW: {"sv": "GUL kunde inte bevisas", "en": "YELLOW could not be proven"},
    Verdict.RED: {"sv": "RÖD falsk", "en": "RED false"},
}

REASON_WORDS: Final[Mapping[Reason, Mapping[Language, str]]] = {
    Reason.NOT_OCMF: {"sv": "det här är ingen OCMF-post", "en": "this is not an OCMF record"},
    Reason.NOT_ASCII_JSON: {"sv": "posten är inte ren ASCII-JSON", "en": "the record is not pure ASCII JSON"},
    Reason.DUPLICATE_NAME: {"sv": "ett fält står två gånger", "en": "a field stands twice"},
    Reason.OTHER_ALGORITHM: {
        "sv": "posten nämner en annan algoritm än den fastställda nyckelns",
        "en": "the record names another algorithm than the pinned key's",
    },
    Reason.SIGNATURE_WRONG: {
        "sv": "signaturen stämmer inte: posten är ändrad eller signerad med en annan nyckel",
        "en": "the signature does not fit: the record was changed, or another key signed it",
    },
    Reason.FOREIGN_KEY: {
        "sv": "signaturen stämmer inte, och filen har med sig en främmande nyckel",
        "en": "the signature does not fit, and the file brings a foreign key along",
    },
    Reason.SIGNATURE_MALLEATED: {
        "sv": "signaturen är inte den som gatewayen gjorde (omvänt s)",
        "en": "the signature is not the one that the gateway made (flipped s)",
    },
    Reason.FIELD_MISSING: {"sv": "ett fält saknas eller är fel", "en": "a field is missing or wrong"},
    Reason.REPLAYED: {"sv": "samma post står två gånger", "en": "the same record stands twice"},
    Reason.PAGE_REUSED: {"sv": "ett sidnummer är använt två gånger", "en": "a page number is used twice"},
    Reason.CHAIN_BROKEN: {
        "sv": "sidan följer inte på sidan före",
        "en": "the page does not follow from the page before it",
    },
    Reason.TWO_BEGINS: {"sv": "laddningen börjar två gånger", "en": "the session begins twice"},
    Reason.TWO_ENDS: {"sv": "laddningen slutar två gånger", "en": "the session ends twice"},
    Reason.OTHER_METER: {"sv": "start och slut är från olika mätare", "en": "begin and end are of different meters"},
    Reason.OTHER_GATEWAY: {
        "sv": "start och slut är från olika gatewayer",
        "en": "begin and end are of different gateways",
    },
    Reason.OTHER_USER: {"sv": "start och slut är från olika användare", "en": "begin and end are of different users"},
    Reason.OTHER_REGISTER: {
        "sv": "start och slut är från olika räkneverk eller enheter",
        "en": "begin and end are of different registers or units",
    },
    Reason.OTHER_SOCKET: {"sv": "start och slut är från olika uttag", "en": "begin and end are of different sockets"},
    Reason.OTHER_TARIFF: {"sv": "start och slut har olika tariffer", "en": "begin and end are of different tariffs"},
    Reason.PAGES_NOT_RISING: {"sv": "slutets sidnummer är inte högre", "en": "the end's page is not the higher one"},
    Reason.TIME_NOT_RISING: {"sv": "slutet är före starten", "en": "the end is before the begin"},
    Reason.VALUE_NOT_RISING: {"sv": "slutvärdet är lägre än startvärdet", "en": "the end value is below the begin's"},
    Reason.TIME_STATES_DIFFER: {
        "sv": "bara den ena tiden är relativ",
        "en": "only one of the two times is relative",
    },
    Reason.XML_NOT_RIGHT: {"sv": "XML-filen är inte riktig", "en": "the XML file is not right"},
    Reason.TABLE_NOT_RIGHT: {"sv": "tabellen går inte att tyda", "en": "the table cannot be read"},
    Reason.TABLE_CHANGED: {
        "sv": "tabellens signatur stämmer inte: rader eller celler är ändrade, eller en annan nyckel signerade den",
        "en": "the table's signature does not fit: rows or cells were changed, or another key signed it",
    },
    Reason.CELL_CHANGED: {
        "sv": "en cell säger något annat än det som signerades",
        "en": "a cell says something else than what was signed",
    },
    Reason.ARCHIVE_DAMAGED: {
        "sv": "arkivet är inte det som skrevs: något i det är ändrat, saknas eller har bytt plats",
        "en": "the archive is not what was written: something in it was changed, is missing or has changed places",
    },
    Reason.JOURNAL_DAMAGED: {
        "sv": "journalens kedja eller signaturer håller inte",
        "en": "the journal's chain or its signatures do not hold",
    },
    Reason.TOO_LONG: {"sv": "posten är för lång", "en": "the record is too long"},
    Reason.NOT_TEXT: {"sv": "posten är inte text i UTF-8", "en": "the record is not UTF-8 text"},
    Reason.NOT_OF_A_METER: {
        "sv": "posten är signerad av en gateway som denna, inte av en mätare",
        "en": "a gateway like this one signed the record, not a meter",
    },
    Reason.KEY_NOT_READ: {
        "sv": "nyckeln som kom med går inte att tyda",
        "en": "the key that came with it cannot be read",
    },
    Reason.PAGES_MISSING: {"sv": "det saknas sidor", "en": "pages are missing"},
    Reason.END_MISSING: {"sv": "slutposten saknas", "en": "the end record is missing"},
    Reason.BEGIN_MISSING: {"sv": "startposten saknas", "en": "the begin record is missing"},
    Reason.CLOCK_NOT_TRUSTED: {
        "sv": "klockan var inte synkroniserad; energin är bevisad men inte tiden",
        "en": "the clock was not synchronised; the energy is proven, the time is not",
    },
    Reason.ENERGY_UNUSABLE: {
        "sv": "gatewayen har märkt energin som oanvändbar; den får inte debiteras",
        "en": "the gateway marked the energy as unusable; it must not be billed",
    },
    Reason.TIME_UNUSABLE: {
        "sv": "gatewayen har märkt tiden som oanvändbar",
        "en": "the gateway marked the time as unusable",
    },
    Reason.METER_STATUS: {"sv": "mätaren meddelade ett fel", "en": "the meter reported a fault"},
    Reason.METER_SERIAL_UNREAD: {
        "sv": "mätarens serienummer kunde inte läsas",
        "en": "the meter's serial number could not be read",
    },
    Reason.USER_NOT_ASSIGNED: {
        "sv": "användaren kunde inte fastställas",
        "en": "the user could not be established",
    },
    Reason.NOTHING_FOUND: {"sv": "här finns inga poster", "en": "there are no records here"},
    Reason.KEY_NOT_PINNED: {
        "sv": "det finns ingen fastställd nyckel för den här gatewayen och mätaren",
        "en": "there is no pinned key for this gateway and meter",
    },
    Reason.KEY_NOT_CONFIRMED: {
        "sv": "nyckeln kom med data och är inte bekräftad av någon (tofu)",
        "en": "the key came with the data and nobody has confirmed it (tofu)",
    },
    Reason.TABLE_UNSIGNED: {
        "sv": "tabellen som helhet är inte signerad: rader kan saknas",
        "en": "the table as a whole is not signed: rows may be missing",
    },
    Reason.TABLE_RESAVED: {
        "sv": "ett annat program har sparat tabellen i annan form; varje cell är den som signerades",
        "en": "another program saved the table in another form; every cell is the one that was signed",
    },
    Reason.RECORD_NOT_HERE: {
        "sv": "de signerade poster som raden hänvisar till finns inte här",
        "en": "the signed records that the row refers to are not here",
    },
    Reason.ARCHIVE_UNSIGNED: {
        "sv": "arkivet som helhet är inte signerat; journalen i det är det",
        "en": "the archive as a whole is not signed; the journal in it is",
    },
    Reason.QUARTER_MISSING: {
        "sv": "kvarten avlästes inte; energin finns i räkneverket men kan inte placeras i den",
        "en": "this quarter hour was not read; its energy is in the register but cannot be placed in it",
    },
    Reason.TIME_NOT_SIGNED: {
        "sv": "tiden är inte signerad; energin kan vara bevisad men inte tiden",
        "en": "the time is not signed; the energy may be proven, the time is not",
    },
    Reason.UNSIGNED: {"sv": "posten är inte signerad", "en": "the record is not signed"},
}


ABSENT_WORDS: Final[Mapping[Language, str]] = {
    "sv": "sidor som inte finns med här (rätt för ett urval; med --whole-key är det ett fel)",
    "en": "pages that are not here (right for a selection; with --whole-key it is a fault)",
}


def profile_words(profile: ProfileReport, language: Language) -> str:
    """One place's load profile in a line: rows, energy, and how much of it is proven."""
    energy, proven = (f"{number_text(wh.scaleb(-3))} kWh" for wh in (profile.energy_wh, profile.proven_wh))
    place = plain(profile.place)
    if language == "sv":
        return f"lastprofil {place}: {profile.rows} rader, {energy}, varav bevisat {proven}"
    return f"load profile {place}: {profile.rows} rows, {energy}, of which proven {proven}"


def plain(text: str) -> str:
    """Text out of a record, without anything that a terminal or a page would act on."""
    return "".join(sign if sign.isprintable() and sign not in "<>&" else f"\\x{ord(sign):02x}" for sign in text)
