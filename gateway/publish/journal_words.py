"""What the check of the whole journal found, in Swedish and English."""

from typing import Final

from gateway.publish.words import Pair

JOURNAL_WHOLE: Final[Pair] = (
    "Hela journalen är granskad och hel: {rows} rader, {pages} signerade sidor",
    "The whole journal was checked and is whole: {rows} rows, {pages} signed pages",
)
JOURNAL_UNCHECKED: Final[Pair] = (
    "Hela journalen har inte granskats än",
    "The whole journal has not been checked yet",
)
JOURNAL_DAMAGED: Final[Pair] = (
    "Journalen är skadad: laddningen är stoppad. Kör laddvakt journal verify",
    "The journal is damaged: charging is stopped. Run laddvakt journal verify",
)
JOURNAL_ROLLED_BACK: Final[Pair] = (
    "Journalen är en gammal kopia: laddningen är stoppad. Lägg tillbaka den nyaste och kör laddvakt journal verify",
    "The journal is an old copy: charging is stopped. Put the newest back and run laddvakt journal verify",
)
