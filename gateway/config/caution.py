"""What a caution says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to know: where it stands in the file, what follows from it, what could be done."""

    path: str
    consequence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}: {self.consequence} {self.advice}"
