"""Reads one table of a scenario file, key by key, and says what is wrong where."""


class ScenarioMistake(Exception):  # noqa: N818 - a slip of the scenario's author, not a failure of ours
    """The scenario file cannot be played: says where and why."""


class TableReader:
    """One table of the file; every key must be taken, and be of its kind."""

    def __init__(self, where: str, table: object) -> None:
        if not isinstance(table, dict):
            raise ScenarioMistake(f"{where}: a table is needed")
        self.where = where
        self.left: dict[str, object] = dict(table)

    def _take(self, key: str, default: object) -> object:
        value = self.left.pop(key, default)
        if value is ...:
            raise ScenarioMistake(f"{self.where}.{key}: is missing")
        return value

    def anything(self, key: str, default: object = ...) -> object:
        return self._take(key, default)

    def number(self, key: str, default: object = ...) -> float:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ScenarioMistake(f"{self.where}.{key} = {value!r}: a number is needed")
        return float(value)

    def number_or_none(self, key: str) -> float | None:
        return self.number(key) if key in self.left else None

    def text(self, key: str, default: object = ...) -> str:
        value = self._take(key, default)
        if not isinstance(value, str):
            raise ScenarioMistake(f"{self.where}.{key} = {value!r}: a text is needed")
        return value

    def truth(self, key: str, default: bool) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise ScenarioMistake(f"{self.where}.{key} = {value!r}: true or false is needed")
        return value

    def numbers(self, key: str, default: object = ...) -> tuple[float, ...]:
        value = self._take(key, default)
        if not isinstance(value, list) or not all(isinstance(each, int | float) for each in value):
            raise ScenarioMistake(f"{self.where}.{key} = {value!r}: a list of numbers is needed")
        return tuple(float(each) for each in value)

    def bounds(self, key: str) -> tuple[float, float]:
        values = self.numbers(key)
        if len(values) != 2 or values[0] > values[1]:
            raise ScenarioMistake(f"{self.where}.{key}: [least, most] is needed")
        return values[0], values[1]

    def table(self, key: str) -> "TableReader | None":
        value = self._take(key, None)
        return None if value is None else TableReader(f"{self.where}.{key}", value)

    def tables(self, key: str) -> "list[TableReader]":
        value = self._take(key, [])
        if not isinstance(value, list):
            raise ScenarioMistake(f"{self.where}.{key}: a list of tables is needed")
        return [TableReader(f"{self.where}.{key}[{at}]", each) for at, each in enumerate(value)]

    def rest(self) -> dict[str, object]:
        rest, self.left = self.left, {}
        return rest

    def done(self) -> None:
        if self.left:
            raise ScenarioMistake(f"{self.where}: does not know {', '.join(sorted(self.left))}")
