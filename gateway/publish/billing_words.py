"""How well a session's energy is proven, and why it is not billed, in Swedish and English."""

from typing import Final

from gateway.metering.ocmf import Unbilled
from gateway.metering.verdicts import Grade
from gateway.publish.words import Language, Pair, pick

UNBILLED: Final[dict[Unbilled | None, Pair]] = {
    None: (
        "mätaren byttes eller räkneverket föll under laddningen",
        "the meter was exchanged, or its register fell, during the session",
    ),
    Unbilled.METER_EXCHANGED: ("mätaren byttes under laddningen", "the meter was exchanged during the session"),
    Unbilled.REGISTER_FELL: ("räkneverket föll under laddningen", "the register fell during the session"),
    Unbilled.CANCELLED: ("avbruten före start", "cancelled before it started"),
    Unbilled.BELOW_MINIMUM: (
        "mindre än den minsta mätbara mängden{minimum}",
        "less than the minimum measured quantity{minimum}",
    ),
    Unbilled.METER_KEY_DOUBTED: (
        "poster med en annan nyckel än mätarens kom för platsen; jämför nyckeln (laddvakt meter-key confirm)",
        "records of another key than the meter's came for the socket; compare the key (laddvakt meter-key confirm)",
    ),
}
"""Why a session is signed and not billed; None: an older version did not say."""

GRADES: Final[dict[Grade, Pair]] = {
    Grade.METER_SIGNED: ("signerad av mätaren", "signed by the meter"),
    Grade.GATEWAY_SIGNED: ("signerad av denna gateway", "signed by this gateway"),
    Grade.UNSIGNED: ("osignerad", "unsigned"),
}


def unbilled_text(why: Unbilled | None, minimum_wh: int | None, language: Language) -> str:
    """Why a session is not billed, as the end of a sentence."""
    shown = "" if minimum_wh is None else f" {minimum_wh / 1000:g}".replace(".", pick((",", "."), language)) + " kWh"
    return pick(UNBILLED[why], language).format(minimum=shown)
