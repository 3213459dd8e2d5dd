"""What happens when something is silent, in Swedish and English."""

from typing import Final

from gateway.control.fallback import Lack, Response, fallback_rules
from gateway.publish.board import BoardTable
from gateway.publish.words import Language, Pair, decimal, pick, reason
from gateway.site.because import Because

LACKS: Final[dict[Lack, Pair]] = {
    Lack.GRID_LATE: ("Elmätaren dröjer", "Grid meter is late"),
    Lack.GRID_SILENT: ("Elmätaren är tyst", "Grid meter is silent"),
    Lack.GRID_SILENT_LONG: ("Elmätaren är tyst länge", "Grid meter is silent for long"),
    Lack.GRID_FROZEN: ("Elmätaren upprepar sig, sedan som tyst", "Grid meter repeats itself, then as if silent"),
    Lack.GRID_IMPLAUSIBLE: ("Elmätarens värden är orimliga", "Grid meter's values are implausible"),
    Lack.GRID_IMPLAUSIBLE_STILL: ("Orimliga värden utan ett rimligt", "Implausible values and no plausible one"),
    Lack.GRID_IMPLAUSIBLE_LONG: ("Orimliga värden länge utan ett rimligt", "Implausible values for long"),
    Lack.PHASE_LOST: ("En fas saknas i telegrammen", "A phase is lacking in the telegrams"),
    Lack.SOCKET_METER_LATE: ("En plats mätare dröjer", "A socket's meter is late"),
    Lack.SOCKET_METER_SILENT: ("En plats mätare är tyst", "A socket's meter is silent"),
    Lack.ALL_SILENT: ("Alla mätare är tysta", "All meters are silent"),
    Lack.WALLBOX_SILENT: ("En laddbox är tyst", "A wallbox is silent"),
    Lack.RESTARTED: ("Laddvakt har startat om", "Laddvakt was restarted"),
}
RESPONSES: Final[dict[Response, Pair]] = {
    Response.HOLD: ("Inget höjs, ingen ny får börja", "Nothing is raised, nobody new may begin"),
    Response.SAFE: (
        "Säker ström: det som ryms bredvid husets högsta last, annars 0",
        "Safe current: what fits beside the house's highest load, else 0",
    ),
    Response.OFF: ("Allt står still: börvärde 0, kontaktorer öppna", "All is off: setpoints 0, contactors open"),
    Response.PHASE_FULL: ("Fasen räknas som full", "The phase counts as full"),
    Response.COUNTED: ("Platsen räknas för det den får dra", "The socket counts for what it may draw"),
    Response.SOCKET_OFF: (
        "Platsen står still: börvärde 0, kontaktor öppen",
        "The socket is off: setpoint 0, contactor open",
    ),
    Response.FAILSAFE_COUNTED: (
        "Boxen räknas för sin säkra ström, annars sin märkström",
        "The box counts for its failsafe current, else its rating",
    ),
}
HEADS: Final[tuple[Pair, ...]] = (
    ("Vad som fattas", "What is lacking"),
    ("Efter s", "After s"),
    ("Vad som görs", "What is done"),
    ("Så står det", "What is shown"),
)


def fallback_table(interval_s: float, language: Language) -> BoardTable:
    """One row for each rule, for a grid meter that speaks so often (s)."""
    title = pick(("När något inte syns", "When something is not seen"), language)
    rows = tuple(
        (
            pick(LACKS[rule.lack], language),
            decimal(rule.after_s, 0, language),
            pick(RESPONSES[rule.response], language),
            reason(Because(rule.why), language),
        )
        for rule in fallback_rules(interval_s)
    )
    return BoardTable(title, tuple(pick(head, language) for head in HEADS), rows)
