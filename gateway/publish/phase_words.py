"""What is known of the phases that sockets lie on, as figures for topics and as a table for people."""

import math
from collections.abc import Mapping
from typing import Final

from gateway.control.phase_evidence import PhaseEvidence, PhaseVerdict
from gateway.ids import SocketId
from gateway.publish.board import UNKNOWN, BoardTable
from gateway.publish.json_text import Value
from gateway.publish.words import Language, Pair, decimal, pick
from gateway.quantities import Phase
from gateway.site.topology import Site, Socket

VERDICTS: Final[dict[PhaseVerdict, Pair]] = {
    PhaseVerdict.UNPROVEN: ("Obevisad", "Unproven"),
    PhaseVerdict.PARTLY: ("Delvis bevisad", "Partly proven"),
    PhaseVerdict.PROVEN: ("Bevisad", "Proven"),
    PhaseVerdict.CROSSED: ("Fel fas i konfigurationen", "Wrong phase in the config"),
}
REMARKS: Final[dict[PhaseVerdict, Pair]] = {
    PhaseVerdict.UNPROVEN: (
        "Väntar på start och stopp med olika ström i faserna (en enfasig bil).",
        "Waits for starts and stops that differ between the phases (a single-phase car).",
    ),
    PhaseVerdict.PARTLY: (
        "En enfasig bil visar bara den första fasen.",
        "A single-phase car shows the first phase only.",
    ),
    PhaseVerdict.PROVEN: ("", ""),
    PhaseVerdict.CROSSED: (
        "Rätta phases i konfigurationen eller kablarna; mätaren kan också höra till en annan plats.",
        "Correct phases in the config, or the wiring; the meter may also belong to another socket.",
    ),
}
CONFIDENCE_MAX: Final = 0.999
"""More is not claimed: the noise of a house is a model."""


def confidence(socket: Socket, evidence: PhaseEvidence) -> float:
    """How sure the verdict is, 0..0.999: of a wrong config that it is wrong, else that every phase is as configured."""
    if evidence.verdict(socket.phases) is PhaseVerdict.CROSSED:
        return min(CONFIDENCE_MAX, 1.0 - evidence.of(socket.phases))
    return min(CONFIDENCE_MAX, *(evidence.on(own, phase) for own, phase in enumerate(socket.phases)))


def phase_facts(socket: Socket, evidence: PhaseEvidence | None) -> dict[str, Value]:
    """For the socket's topic. phases_seen: for each of its phases where it is proven to lie, null where it is not."""
    known = evidence or PhaseEvidence.none(len(socket.phases))
    return {
        "phases": known.verdict(socket.phases).value if socket.metered else None,
        "phases_confidence": math.floor(1000.0 * confidence(socket, known)) / 1000.0 if socket.metered else None,
        "phases_configured": tuple(phase.name for phase in socket.phases),
        "phases_seen": tuple(None if phase is None else phase.name for phase in known.likeliest()),
        "phases_steps": known.steps,
    }


def phase_table(site: Site, evidence: Mapping[SocketId, PhaseEvidence], language: Language) -> BoardTable:
    """One row for each socket with a meter."""
    heads: tuple[Pair, ...] = (
        ("Plats", "Socket"),
        ("Konfiguration", "Config"),
        ("Sedd på", "Seen on"),
        ("Omdöme", "Verdict"),
        ("Säkerhet %", "Confidence %"),
        ("Steg", "Steps"),
        ("Lika på alla", "Balanced"),
        ("Oklara", "Unclear"),
        ("Anmärkning", "Remark"),
    )
    rows = []
    for socket in site.sockets.values():
        if not socket.metered:
            continue
        known = evidence.get(socket.id) or PhaseEvidence.none(len(socket.phases))
        verdict = known.verdict(socket.phases)
        sure = math.floor(1000.0 * confidence(socket, known)) / 10.0
        rows.append(
            (
                str(socket.id),
                _names(socket.phases),
                _names(known.likeliest()),
                pick(VERDICTS[verdict], language),
                decimal(sure, 1, language),
                str(known.steps),
                str(known.balanced),
                str(known.unclear),
                pick(REMARKS[verdict], language),
            )
        )
    title = pick(("Faser", "Phases"), language)
    return BoardTable(f"{title} {site.gateway_id}", tuple(pick(head, language) for head in heads), tuple(rows))


def _names(phases: tuple[Phase | None, ...]) -> str:
    return " ".join(UNKNOWN if phase is None else phase.name for phase in phases)
