"""What the log tells of the HAN port: what was found on it, and what ails it, when either changes."""

import logging

from gateway.app.faults import FaultLog
from gateway.meters.han_diagnosis import Diagnosis
from gateway.meters.han_port import HanSight
from gateway.publish.han_words import PROBLEMS, clock_words, what_is_wrong, what_to_do, what_was_found
from gateway.publish.words import Language

CLOCK_FAULT = "grid meter clock"
log = logging.getLogger("laddvakt")


class HanLog:
    """Remembers what it has told."""

    def __init__(self, faults: FaultLog, language: Language) -> None:
        self._faults = faults
        self._language = language
        self._diagnosis: Diagnosis | None = None
        self._found: str | None = None

    def seen(self, sight: HanSight, now_s: float) -> None:
        """Tells what is new. Called twice a second."""
        finding, language = sight.finding, self._language
        if finding.diagnosis is not self._diagnosis:
            if self._diagnosis in PROBLEMS:
                self._faults.off(f"HAN port {self._diagnosis}")
            self._diagnosis = finding.diagnosis
            if finding.diagnosis in PROBLEMS:
                words = f"{what_is_wrong(finding, language, now_s)}. {what_to_do(finding, language)}"
                self._faults.on(f"HAN port {finding.diagnosis}", words)
        found = what_was_found(sight, language) if sight.settled else None
        if found is not None and found != self._found:
            self._found = found
            log.info("HAN port: %s", found)
        warning = clock_words(sight.clock, language)
        if warning is None:
            self._faults.off(CLOCK_FAULT)
        else:
            self._faults.on(CLOCK_FAULT, warning)
