"""Every reason, freshness, ending and state of a socket in Swedish and English, in the trade's words.

A reason without its figures (a lost fuse name, say) still gives a sentence: words are never refused.
"""

from enum import StrEnum
from typing import Final

from gateway.publish.policy_words import POLICY_WAITS
from gateway.publish.shown import ShownState
from gateway.publish.time_left import time_left
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.wishes import EndKind


class Language(StrEnum):
    """The language of the config."""

    SV = "sv"
    EN = "en"


Pair = tuple[str, str]
"""Swedish, English."""

REASONS: Final[dict[Why, Pair]] = {
    Why.IDLE: ("Ledig", "Idle"),
    Why.FULL_SPEED: ("Full ström", "Full current"),
    Why.FUSE_BINDS: ("{where} begränsar till {amps}", "{where} limits to {amps}"),
    Why.QUEUED: ("Väntar: {where} saknar {amps}{left}", "Waiting: {where} lacks {amps}{left}"),
    Why.QUEUED_BEHIND: (
        "Väntar: {where} sparas åt en som står före",
        "Waiting: {where} is saved for one ahead in line",
    ),
    Why.SLICE_OVER: ("Turen är slut: väntar på nästa", "Turn is over: waits for the next"),
    Why.SESSIONS_MAX: (
        "Väntar: {where} har sitt högsta antal laddningar{left}",
        "Waiting: {where} has its most sessions{left}",
    ),
    Why.MINIMUM_OFF: ("Väntar: kontaktorn vilar{left}", "Waiting: contactor rests{left}"),
    Why.RAISE_WAITS: ("Utrymme finns, höjs snart{left}", "Room is there, raised soon{left}"),
    Why.RESERVED: ("Startar: mätarställning läses och signeras", "Starting: meter reading is taken and signed"),
    Why.OVERLOAD: ("Överlast: {where} bär {amps}, sänkt", "Overload: {where} carries {amps}, lowered"),
    Why.HOUSE_OVERLOAD: ("Huset ensamt drar {amps}: mer än {where}", "The house alone draws {amps}: above {where}"),
    Why.HEAT: ("{where} är varm, sänkt", "{where} is hot, lowered"),
    Why.GRID_STALE: ("Elmätaren dröjer: ingen höjning", "Grid meter is late: no raise"),
    Why.GRID_FALLBACK: ("Elmätaren tyst: säker ström", "Grid meter silent: safe current"),
    Why.GRID_BLIND: ("Elmätaren tyst länge: frånkopplad", "Grid meter silent for long: switched off"),
    Why.GRID_IMPLAUSIBLE: ("Elmätarens värden är orimliga", "Grid meter's values are implausible"),
    Why.GRID_FROZEN: ("Elmätaren upprepar samma värden", "Grid meter repeats the same values"),
    Why.GRID_PHASE_UNKNOWN: (
        "Elmätaren säger inget om {where}: räknas som full",
        "Grid meter tells nothing of {where}: counts as full",
    ),
    Why.GRID_METER_CHANGED: ("Elmätaren är utbytt: räknar om från ny ställning", "Grid meter changed: counted anew"),
    Why.POWER_WAITS: (
        "Boxen saknar spänning: {where} saknar {amps}{left}",
        "Box has no power: {where} lacks {amps}{left}",
    ),
    Why.ROOM_FOR_PROOF: (
        "{where} lämnar {amps}: en box får spänning och prövas",
        "{where} leaves {amps}: a box gets power and is tried",
    ),
    Why.SOCKET_METER_SILENT: ("Platsens mätare svarar inte", "Socket meter does not answer"),
    Why.SOCKET_OVERLOAD_SOON: ("Platsen drar {amps}: bryts om det består", "Socket draws {amps}: cut if it stays so"),
    Why.SOCKET_OVERLOAD: ("Platsen drar {amps}: avbruten", "Socket draws {amps}: session closed"),
    Why.WALLBOX_SILENT: ("Laddboxen svarar inte", "Wallbox does not answer"),
    Why.WALLBOX_DISOBEYS: ("Laddboxen lyder inte", "Wallbox does not obey"),
    Why.OBEYS_AGAIN: ("Laddboxen lyder igen", "Wallbox obeys again"),
    Why.CONTACTOR_WELDED: ("Kontaktorn har svetsat: låst", "Contactor has welded: locked"),
    Why.CONTACTOR_NOT_CLOSED: ("Kontaktorn slöt inte", "Contactor did not close"),
    Why.BREAKER_OPEN: (
        "Ingen spänning: platsens automatsäkring eller jordfelsbrytare har löst ut",
        "No voltage: the socket's breaker or residual-current device has tripped",
    ),
    Why.REGISTER_CREEPS: (
        "Mätaren räknar fast kontaktorn är öppen: energin debiteras ingen",
        "The meter counts though the contactor is open: nobody is billed for it",
    ),
    Why.METER_STANDS_STILL: (
        "Ström flyter men mätarens räkneverk står stilla",
        "Current flows, but the meter's register stands still",
    ),
    Why.AUXILIARY_DISAGREES: (
        "Hjälpkontakten säger öppen fast {amps} flyter",
        "The auxiliary contact says open although {amps} flow",
    ),
    Why.CONTACTOR_UNKNOWN: ("Kontaktorns läge är okänt", "Contactor position unknown"),
    Why.PHASES_CROSSED: (
        "Fel fas i konfigurationen: strömmen syns i {where}",
        "Wrong phase in the config: its current is seen in {where}",
    ),
    Why.JOURNAL_ROLLED_BACK: (
        "Journalen är en gammal kopia: inget signeras och inget laddas",
        "The journal is an old copy: nothing is signed and nothing is charged",
    ),
    Why.JOURNAL_STOPPED: ("Journalen tar inte emot: ingen start", "Journal does not accept: no start"),
    Why.COMMAND: ("På begäran", "By command"),
    Why.CAR_AWAY: ("Bilen har åkt", "Car has left"),
    Why.CAR_FULL: ("Bilen är full: avslutad", "Car is full: ended"),
    Why.CAR_STANDBY: ("Bilen laddade aldrig: avslutad", "Car never charged: ended"),
    Why.CAR_WAKES: ("Bilen sover: väcks en gång", "Car sleeps: woken once"),
    Why.CAR_ASLEEP: ("Bilen laddar inte fast den får", "Car does not charge though it may"),
    Why.PHASES_TRIED: ("Prövar hur många faser bilen använder", "Finds out how many phases the car uses"),
    Why.PHASES_SHOWN: ("Bilen laddar på fler faser än det finns plats för", "Car uses more phases than have room"),
    Why.PHASES_TO_ONE: ("Byter till en fas{left}", "Switches to one phase{left}"),
    Why.PHASES_TO_THREE: ("Byter till tre faser{left}", "Switches to three phases{left}"),
    Why.PHASES_STUCK: (
        "Laddboxen byter inte faser: se efter och tryck sedan Lås upp",
        "Wallbox does not switch phases: look at it, then press Unlock",
    ),
    Why.PHASES_FORGOTTEN: (
        "Det som var känt om platsens faser är glömt",
        "What was known of the socket's phases is forgotten",
    ),
    **POLICY_WAITS,
    Why.SOLAR_SURPLUS: ("Bara solens överskott används", "Only the sun's surplus is used"),
    Why.RESTART_WAITS: ("Efter strömavbrott: startar snart{left}", "After an outage: starts soon{left}"),
    Why.UNPLUGGED: ("Kabeln är utdragen", "Cable unplugged"),
    Why.IDLE_RELEASE: ("Släppt: ingen ström på länge", "Released: no current for long"),
    Why.START_TOO_OLD: ("Startavläsningen för gammal: tas om", "Start reading too old: taken again"),
    Why.ROOM_LOST: ("Utrymmet försvann: {where} saknar {amps}", "Room was lost: {where} lacks {amps}"),
    Why.RECOVERED: ("Avslutad vid omstart", "Ended at restart"),
    Why.SHUTDOWN: ("Laddvakt stängs av", "Laddvakt shuts down"),
    Why.STARTUP: ("Laddvakt startar", "Laddvakt starts"),
    Why.USERS_LOCKED_OUT: (
        "För många felaktiga brickor eller koder: spärrat en stund",
        "Too many wrong cards or codes: locked for a while",
    ),
    Why.LIMIT_BY_COMMAND: ("Begränsad till {amps} på begäran", "Limited to {amps} by command"),
    Why.EXTERNAL_LIMIT: (
        "Begränsad utifrån: {where} till {amps}{left}",
        "Limited from outside: {where} to {amps}{left}",
    ),
    Why.CABINET_WARM: ("Varmt i skåpet: {where} bär {amps}", "Cabinet is warm: {where} carries {amps}"),
    Why.CABINET_SENSOR_SILENT: ("Skåpets termometer är tyst", "The cabinet's thermometer is silent"),
    Why.DEAD_PHASE: ("{where} är död: har säkringen gått?", "{where} is dead: has the fuse blown?"),
    Why.PRICE_WAITS: ("Väntar på billigare el{left}", "Waits for cheaper electricity{left}"),
    Why.PRICE_UNKNOWN: ("Elpriset är okänt: laddar ändå", "Price unknown: charges all the same"),
    Why.POWER_TARGET: (
        "Effektvakt: medeleffekten hålls under {power}{left}",
        "Power guard: mean power is kept below {power}{left}",
    ),
    Why.POWER_TARGET_MISSED: ("Medeleffekten blev högre än målet", "Mean power came above the target"),
    Why.EXTERNAL_LIMIT_OLD: (
        "Yttre gräns är tyst: {where} hålls på {amps}",
        "External limit is silent: {where} held at {amps}",
    ),
}

FRESHNESS: Final[dict[Freshness, Pair]] = {
    Freshness.FRESH: ("Färsk", "Fresh"),
    Freshness.STALE: ("Dröjer", "Stale"),
    Freshness.FALLBACK: ("Tyst, säker ström", "Silent, safe current"),
    Freshness.BLIND: ("Tyst länge, från", "Silent for long, off"),
}

ENDINGS: Final[dict[EndKind, Pair]] = {
    EndKind.COMPLETED: ("Avslutad", "Completed"),
    EndKind.RECOVERED: ("Avslutad vid omstart", "Ended at restart"),
    EndKind.CANCELLED: ("Avbruten före start", "Cancelled before start"),
}

SHOWN: Final[dict[ShownState, Pair]] = {
    ShownState.UNKNOWN: ("Okänd", "Unknown"),
    ShownState.IDLE: ("Ledig", "Idle"),
    ShownState.ARMED: ("Beredd", "Armed"),
    ShownState.QUEUED: ("I kö", "Queued"),
    ShownState.STARTING: ("Startar", "Starting"),
    ShownState.CHARGING: ("Laddar", "Charging"),
    ShownState.PAUSED: ("Pausad", "Paused"),
    ShownState.STOPPING: ("Avslutar", "Stopping"),
    ShownState.LOCKED: ("Låst", "Locked"),
    ShownState.FAULT: ("Fel", "Fault"),
}

METER_EXCHANGED: Final[Pair] = ("Platsens mätare är utbytt", "Socket meter was exchanged")


def pick(pair: Pair, language: Language) -> str:
    return pair[0] if language is Language.SV else pair[1]


def decimal(value: float, digits: int, language: Language) -> str:
    """A figure for people: decimal comma in Swedish."""
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return text.replace(".", ",") if language is Language.SV else text


def reason(because: Because, language: Language, now_s: float | None = None) -> str:
    """The reason as one short sentence. `now_s` (monotonic) turns `until_s` into seconds left."""
    text = pick(REASONS[because.why], language)
    said = text.format(
        where=_where(because, language),
        amps=_amps(because, language),
        left=_left(because, language, now_s),
        power=_power(because, language),
    )
    return said[0].upper() + said[1:]


def _where(because: Because, language: Language) -> str:
    fuse = pick(("säkring", "fuse"), language)
    words = [fuse] if because.fuse is None else [f"{fuse} {because.fuse}"]
    if because.phase is not None:
        words.append(f"{pick(('fas', 'phase'), language)} {because.phase.name}")
    return ", ".join(words)


def _amps(because: Because, language: Language) -> str:
    if because.current_a is None:
        return pick(("okänd ström", "an unknown current"), language)
    return f"{decimal(because.current_a, 1, language)} A"


def _power(because: Because, language: Language) -> str:
    if because.power_w is None:
        return pick(("ett mål", "a target"), language)
    return f"{decimal(because.power_w / 1000.0, 2, language)} kW"


def _left(because: Because, language: Language, now_s: float | None) -> str:
    if because.until_s is None or now_s is None:
        return ""
    left = time_left(because.until_s - now_s)
    return pick((f", {left} kvar", f", {left} left"), language)
