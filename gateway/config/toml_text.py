"""A config file as text, and the tables of that text, without the validator: what is wrong is said as a mistake."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gateway.errors import ConfigMistake, Mistake

FILE_BYTES_MAX: Final = 1_000_000


def text_of(path: Path) -> str:
    """The text of the file, without the mark that some editors put before it. Raises ConfigMistake."""
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise _whole_file(path, f"is larger than {FILE_BYTES_MAX} bytes.", "This is no config of ours.")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise _whole_file(path, f"is not UTF-8 at byte {wrong.start}.", "Save it as UTF-8 text.") from wrong
    except OSError as wrong:
        raise _whole_file(path, f"cannot be read ({wrong.strerror}).", "Check path and permissions.") from wrong


def tables_of(text: str, file: str) -> dict[str, Any]:
    """The tables of the text; `file` is what mistakes call it. Raises ConfigMistake."""
    try:
        tables = tomllib.loads(text)
        broken = tuple(_with_nul(tables, ""))
    except RecursionError:
        raise _not_readable(file, "lists or tables lie too deep in each other.") from None
    except ValueError as wrong:  # a number of thousands of digits is a plain one
        raise _not_readable(file, f"{wrong}.") from wrong
    if broken:
        raise ConfigMistake(file, broken)
    return tables


def _with_nul(value: object, path: str) -> Iterator[Mistake]:
    """No file, port or name can hold the sign with which the operating system ends one."""
    if isinstance(value, str) and "\0" in value:
        yield Mistake(path, "(not shown)", "holds the character NUL.", "Write it without \\u0000.")
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _with_nul(each, f"{path}[{at}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _with_nul(each, f"{path}.{key}".removeprefix("."))


def _not_readable(file: str, problem: str) -> ConfigMistake:
    return ConfigMistake(file, (Mistake("TOML", "(not readable)", problem, "Correct that place first."),))


def _whole_file(path: Path, problem: str, remedy: str) -> ConfigMistake:
    return ConfigMistake(str(path), (Mistake("file", str(path), problem, remedy),))
