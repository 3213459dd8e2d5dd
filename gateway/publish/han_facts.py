"""The HAN port's own part of the grid's state message."""

from gateway.meters.han_port import HanSight
from gateway.publish.han_words import PROBLEMS, clock_words, what_is_wrong, what_to_do
from gateway.publish.json_text import Thing, rounded
from gateway.publish.words import Language


def han_facts(han: HanSight | None, interval_s: float | None, language: Language) -> Thing:
    """Every key is always there. interval_s: between telegrams with currents, as control counts it."""
    finding = None if han is None else han.finding
    clock = None if han is None else han.clock
    line = None if han is None else han.line
    settled = han is not None and han.settled
    return {
        "form": han.form.value if han is not None and settled and han.form is not None else None,
        "baud": line.baud if line is not None and settled else None,
        "parity": line.parity if line is not None and settled else None,
        "ident": None if han is None else han.ident,
        "interval_s": rounded(interval_s, 1),
        "telegram_interval_s": rounded(None if han is None else han.interval_s, 1),
        "diagnosis": None if finding is None else finding.diagnosis.value,
        "diagnosis_text": None if finding is None else what_is_wrong(finding, language),
        "remedy_text": None if finding is None else what_to_do(finding, language),
        "diagnosis_problem": None if finding is None else ("ON" if finding.diagnosis in PROBLEMS else "OFF"),
        "meter_clock_difference_s": None if clock is None else rounded(clock.difference_s, 0),
        "meter_clock_convention_h": None if clock is None else clock.convention_h,
        "meter_clock_problem": None if clock is None else ("ON" if clock.warns else "OFF"),
        "meter_clock_text": clock_words(clock, language),
    }
