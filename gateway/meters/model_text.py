"""Device models as text: one TOML table read field by field, with every mistake collected before anything is refused.

Meters, relay boards and wallboxes are one file each. Those files are written by people, so a slip in one is told with
its path, value and remedy, all slips at once.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, TypeVar

from gateway.errors import ConfigMistake, Mistake

WORD_MAX: Final = 0xFFFF
Choice = TypeVar("Choice", bound=StrEnum)


class ModelTable:
    """One table of a model file. A wrong field is noted and read as a harmless stand-in; `finish` then refuses."""

    def __init__(self, path: str, fields: Mapping[str, object], mistakes: list[Mistake]) -> None:
        self._path = path
        self._fields = fields
        self._mistakes = mistakes
        self._read: set[str] = set()

    @classmethod
    def of_text(cls, text: str) -> "ModelTable":
        """Parses a whole file. Raises `ConfigMistake` if it is not TOML."""
        try:
            return cls("", tomllib.loads(text), [])
        except tomllib.TOMLDecodeError as error:
            mistake = Mistake("(file)", text[:40].replace("\n", " "), f"is not TOML: {error}.", "Mend the file.")
            raise ConfigMistake("device model", (mistake,)) from error

    def refuse(self, name: str, problem: str, remedy: str) -> None:
        """Notes one mistake at the named field."""
        path = f"{self._path}.{name}" if self._path else name
        self._mistakes.append(Mistake(path, repr(self._fields.get(name)), problem, remedy))

    def has(self, name: str) -> bool:
        return name in self._fields

    def text(self, name: str) -> str:
        value = self._take(name)
        if isinstance(value, str) and value:
            return value
        self.refuse(name, "must be a text.", f'Write {name} = "...".')
        return "?"

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._take(name)
        if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
            return tuple(str(item) for item in value)
        self.refuse(name, "must be a list of texts.", f'Write {name} = ["..."].')
        return ()

    def whole(self, name: str, least: int, most: int) -> int:
        value = self._take(name)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.refuse(name, f"must be a whole number from {least} to {most}.", f"Write {name} = {least}.")
        return least

    def number(self, name: str, least: float, most: float) -> float:
        value = self._take(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        self.refuse(name, f"must be a number from {least} to {most}.", f"Write {name} = {least}.")
        return least

    def flag(self, name: str) -> bool:
        value = self._take(name)
        if isinstance(value, bool):
            return value
        self.refuse(name, "must be true or false.", f"Write {name} = false.")
        return False

    def decimal(self, name: str) -> Decimal:
        """A number written as text, so that no binary float comes between the file and the bill."""
        value = self._take(name)
        if isinstance(value, str):
            try:
                number = Decimal(value)
            except InvalidOperation:
                number = Decimal("NaN")
            if number.is_finite() and number != 0:
                return number
        self.refuse(name, "must be a decimal number in quotes, not zero.", f'Write {name} = "0.01".')
        return Decimal(1)

    def choice(self, name: str, kinds: type[Choice]) -> Choice:
        value = self._take(name)
        for kind in kinds:
            if kind.value == value:
                return kind
        self.refuse(name, f"must be one of {', '.join(kinds)}.", "Choose one of them.")
        return next(iter(kinds))

    def table(self, name: str) -> "ModelTable":
        """A table below this one; an absent one reads as empty, so that its fields are told one by one."""
        value = self._take(name)
        if not isinstance(value, dict):
            self.refuse(name, "must be a table.", f"Write [{name}].")
            value = {}
        return ModelTable(self._below(name), value, self._mistakes)

    def tables(self, name: str) -> tuple["ModelTable", ...]:
        """The tables of a list, empty if it is absent."""
        value = self._take(name) if name in self._fields else []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(name, "must be a list of tables.", f"Write [[{name}]].")
            return ()
        return tuple(ModelTable(f"{self._below(name)}[{n}]", item, self._mistakes) for n, item in enumerate(value))

    def names(self) -> tuple[str, ...]:
        return tuple(self._fields)

    def close(self) -> None:
        """Call when all fields are read: a field that nobody read is a slip of the pen."""
        for name in self._fields:
            if name not in self._read:
                self.refuse(name, "is not a field of this table.", "Remove it, or mend its name.")

    def finish(self, what: str) -> None:
        """Raises `ConfigMistake` with all mistakes of the file, if there are any."""
        if self._mistakes:
            raise ConfigMistake(what, tuple(self._mistakes))

    def _below(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _take(self, name: str) -> object:
        self._read.add(name)
        return self._fields.get(name)
