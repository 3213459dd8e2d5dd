"""Troubles of a HAN line, as what they do to the bits of each form of telegram."""

from dataclasses import dataclass

from gateway.meters.han_diagnosis import Diagnosis
from gateway.meters.han_port import HanPlan
from hil.world.grid_forms import FORMS
from hil.world.han_troubles import Trouble
from hil.world.uart import Receiver

NAMED_S_MAX = 30.0
SILENCE_NAMED_S_MAX = 25.0
ACTS_S = 60.0
WELL = {Diagnosis.LISTENING, Diagnosis.WELL}
MAKERS = ("p1", "aidon-se", "aidon-no-3", "kaifa-18", "kamstrup-se", "mbus")


@dataclass(frozen=True)
class Case:
    """A trouble and the name that it must get."""

    kind: str
    named: Diagnosis
    values: tuple[tuple[str, object], ...] = ()
    bridged: bool = False
    pinned: bool = False
    limit_s: float = NAMED_S_MAX
    acts_s: float = ACTS_S
    forms: tuple[str, ...] = MAKERS

    @property
    def title(self) -> str:
        figures = ", ".join(f"{key} {value}" for key, value in self.values)
        tail = " behind a bridge" * self.bridged + " pinned wrong" * self.pinned
        return f"{self.kind.removeprefix('p1_')}{f' ({figures})' if figures else ''}{tail}"

    @property
    def trouble(self) -> Trouble | None:
        return None if self.pinned else Trouble(self.kind, dict(self.values))

    def plan(self, form: str) -> HanPlan:
        """Pinned: the person wrote another parity or speed than the meter has."""
        wire = FORMS[form]
        if not self.pinned:
            return HanPlan()
        if self.kind == "p1_parity":
            return HanPlan(None, wire.baud, "E" if wire.parity == "N" else "N")
        return HanPlan(None, 2400 if wire.baud == 115200 else 115200, wire.parity)

    def receiver(self, form: str) -> Receiver:
        """The kind of UART that a wrong parity harms."""
        return Receiver(resyncs=FORMS[form].parity != "N")


TEXTS = ("p1", "kamstrup-se")
"""Forms that send 0A in every telegram."""
CASES = (
    Case("p1_silence", Diagnosis.WENT_SILENT, limit_s=SILENCE_NAMED_S_MAX),
    Case("p1_frozen", Diagnosis.FROZEN),
    Case("p1_bad_crc", Diagnosis.BAD_CRC),
    Case("p1_bad_crc", Diagnosis.BAD_CRC, (("share", 0.7),), limit_s=120.0, acts_s=150.0),
    Case("p1_cut", Diagnosis.CUT_SHORT),
    Case("p1_text_mode", Diagnosis.TEXT_MODE, forms=TEXTS),
    Case("p1_inverted", Diagnosis.ONLY_NOISE),
    Case("p1_pull_up", Diagnosis.ONLY_NOISE),
    Case("p1_parity", Diagnosis.ALMOST_FRAMES, pinned=True),
    Case("p1_parity", Diagnosis.ALMOST_FRAMES, bridged=True),
    Case("p1_baud", Diagnosis.WRONG_SPEED, pinned=True),
    Case("p1_baud", Diagnosis.WRONG_SPEED, bridged=True),
    Case("p1_dribble", Diagnosis.DRIBBLING, (("octet_s", 0.05),)),
    Case("p1_dribble", Diagnosis.DRIBBLING, (("octet_s", 0.004),), forms=("p1", "aidon-se")),
    Case("p1_encrypted", Diagnosis.NO_KEY),
    Case("p1_without_crc", Diagnosis.WITHOUT_CRC, forms=("p1",)),
)
