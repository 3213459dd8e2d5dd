"""How a HAN port's line is set, found without writing a byte.

A quiet line tells nothing, so the port stays as it is set until a burst comes. A burst that gives no telegram rules
its setting out, and what it looks like says which to try next. At 10 s between telegrams four settings take 40 s at
the very worst, the usual ones 10 to 30 s.

Settings of Swedish meters: 115200 8N1 (HAN P1 companion 5.0.2, 5.6; Aidon's HDLC on RJ12 too), 2400 8E1 (Aidon, Kaifa
on RJ45), 2400 8N1 (Kamstrup on RJ45); 9600 8N1 is for bridges and older meters.
"""

from typing import Final

from gateway.wire.likeness import SETTINGS_RIGHT, Likeness
from gateway.wire.line import LineSettings
from gateway.wire.telegram import Form

_P1: Final = LineSettings(115200, "N")
_SLOW_EVEN: Final = LineSettings(2400, "E")
_SLOW: Final = LineSettings(2400, "N")
_BRIDGE: Final = LineSettings(9600, "N")
SETTINGS_OF_FORM: Final[dict[Form | None, tuple[LineSettings, ...]]] = {
    None: (_P1, _SLOW_EVEN, _SLOW, _BRIDGE),
    Form.P1: (_P1,),
    Form.HDLC: (_P1, _SLOW_EVEN, _SLOW, _BRIDGE),
    Form.MBUS: (_SLOW_EVEN, _SLOW, LineSettings(9600, "E"), _BRIDGE),
}
"""What is tried for each form, in this order; P1 has one setting only."""

FAILURES_TO_DOUBT: Final = 3
"""So many bursts in a row without a telegram make a setting doubtful that was found before."""
FAILURES_OF_NOISE: Final = 2


def candidates(form: Form | None, baud: int | None, parity: str | None) -> tuple[LineSettings, ...]:
    """The settings to try. What a person has pinned is not varied; a speed that no form uses is tried with N and E."""
    wished = SETTINGS_OF_FORM.get(form, SETTINGS_OF_FORM[None])
    fitting = tuple(one for one in wished if baud in (None, one.baud) and parity in (None, one.parity))
    if baud is not None and parity is not None:
        return (LineSettings(baud, parity),)
    if fitting and (baud is None or form is Form.P1):
        return fitting
    if baud is not None:
        others = tuple(LineSettings(baud, other) for other in ("N", "E"))
        return tuple(dict.fromkeys((*fitting, *others)))
    return tuple(dict.fromkeys(LineSettings(one.baud, parity or one.parity) for one in wished))


class Sniffer:
    """Which setting is tried. settings: how the port shall be open now; settled: a telegram has come so."""

    def __init__(self, tried_in_order: tuple[LineSettings, ...]) -> None:
        self._all = tried_in_order
        self._tried: set[LineSettings] = set()
        self._failures = 0
        self._noisy = False
        self._slower = False
        self._found: LineSettings | None = None
        self.settings = tried_in_order[0]
        self.settled = False

    def succeeded(self) -> None:
        """A telegram came."""
        if self._failures or not self.settled:
            self._tried.clear()
            self._failures = 0
            self._noisy = False
            self._slower = False
            self._found = self.settings
            self.settled = True

    def doubt(self) -> None:
        """Nothing came for long: the next burst that gives no telegram rules the setting out."""
        self.settled = False

    def failed(self, likeness: Likeness) -> bool:
        """A whole burst gave no telegram. True if that is excused: another setting may well do, or this one was only
        tried because a better one went bad."""
        if likeness in SETTINGS_RIGHT or likeness is Likeness.STRAY or len(self._all) == 1:
            return False
        self._slower = self._slower or likeness is Likeness.SLOWER
        other_parity = any(self._may_help(Likeness.PARITY, one) for one in self._untried())
        if likeness is Likeness.NOISE and self._slower and other_parity:
            likeness = Likeness.PARITY  # the speed was seen, and encrypted octets keep no form under another parity
        self._failures += 1
        if self._failures < (FAILURES_TO_DOUBT if self.settled else self._patience(likeness)):
            return False
        self._failures = 0
        self.settled = False
        self._tried.add(self.settings)
        self._noisy = self._noisy or likeness is Likeness.NOISE
        elsewhere = self._found is not None and self.settings != self._found
        hopeful = any(self._may_help(likeness, one) for one in self._untried())
        excused = likeness is not Likeness.NOISE and (hopeful or elsewhere or self._noisy)
        self.settings = self._next(likeness)
        return excused

    @staticmethod
    def _patience(likeness: Likeness) -> int:
        """Noise tells nothing of the setting: it is looked at twice, so that it is named before it is left."""
        return FAILURES_OF_NOISE if likeness is Likeness.NOISE else 1

    def _untried(self) -> list[LineSettings]:
        """What was not tried yet, beginning with what follows the present setting."""
        at = self._all.index(self.settings)
        return [one for one in (*self._all[at + 1 :], *self._all[:at]) if one not in self._tried]

    def _may_help(self, likeness: Likeness, other: LineSettings) -> bool:
        if likeness is Likeness.SLOWER:
            return other.baud < self.settings.baud
        if likeness is Likeness.FASTER:
            return other.baud > self.settings.baud
        return other.baud == self.settings.baud

    def _next(self, likeness: Likeness) -> LineSettings:
        untried = self._untried()
        if not untried:
            self._tried.clear()
            self._noisy = False
            untried = self._untried()
        return next((one for one in untried if self._may_help(likeness, one)), untried[0])
