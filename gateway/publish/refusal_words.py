"""Why a command is not obeyed, and why somebody is not let in, in Swedish and English."""

from math import ceil
from typing import Final

from gateway.publish.commands import Refusal
from gateway.publish.words import Language, Pair, pick
from gateway.site.users import UserRefused

REFUSALS: Final[dict[Refusal, Pair]] = {
    Refusal.RETAINED: ("Kommandot var sparat hos mäklaren", "The command was a retained message"),
    Refusal.TOO_LONG: ("Kommandot är för långt", "The command is too long"),
    Refusal.NOT_TEXT: ("Kommandot är inte text i UTF-8", "The command is not UTF-8 text"),
    Refusal.NOT_A_COMMAND: ("Ämnet är inget kommando", "The topic is no command"),
    Refusal.UNKNOWN_SOCKET: ("Platsen finns inte", "No such socket"),
    Refusal.UNKNOWN_KEY: ("Kommandot finns inte", "No such command"),
    Refusal.WRONG_VALUE: ("Värdet går inte att tyda", "The value cannot be read"),
    Refusal.BAD_TOKEN: ("Brickans form är fel", "The token has the wrong form"),
    Refusal.OUT_OF_RANGE: ("Strömmen ligger utanför gränserna", "The current is out of range"),
    Refusal.NOT_CONTROLLED: ("Platsen styrs inte", "The socket is not controlled"),
    Refusal.NOT_ARMABLE: ("Platsen kan inte beredas", "The socket cannot be armed"),
    Refusal.NO_SETPOINT: ("Platsen har inget börvärde", "The socket has no setpoint"),
    Refusal.TOO_MANY: ("För många på kort tid", "Too many in a short time"),
    Refusal.KNOWN_ALREADY: ("Posten finns redan", "The record is known already"),
    Refusal.TOKEN_NEEDED: ("Platsen kräver bricka eller kod", "The socket asks for a card or a code"),
}

USERS_REFUSED: Final[dict[UserRefused, Pair]] = {
    UserRefused.UNKNOWN: ("Brickan eller koden är okänd", "The card or code is not known"),
    UserRefused.EXPIRED: ("Brickan eller koden har gått ut", "The card or code has expired"),
    UserRefused.NO_RIGHT: ("Brickan eller koden gäller inte här", "The card or code is not for this socket"),
    UserRefused.CLOCK_UNKNOWN: (
        "Klockan är inte ställd: ett slutdatum kan inte prövas",
        "The clock is not set: an end date cannot be judged",
    ),
    UserRefused.LOCKED_OUT: ("För många felaktiga försök: vänta{left}", "Too many wrong tries: wait{left}"),
    UserRefused.TAKEN: ("Någon annan laddar här", "Somebody else charges here"),
    UserRefused.BUSY: ("För mycket på en gång: försök igen", "Too much at once: try again"),
    UserRefused.LIST_UNREADABLE: ("Användarlistan går inte att läsa", "The list of users cannot be read"),
}


def user_refused_text(refused: UserRefused, wait_s: float, language: Language) -> str:
    """Why nobody is let in, as a sentence; wait_s: how long no try is free."""
    left = f" {ceil(wait_s / 60)} min" if wait_s > 0 else ""
    return pick(USERS_REFUSED[refused], language).format(left=left)
