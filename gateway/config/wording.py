"""A fault of one value, told to the person who writes the file: what stands there, what is wrong, what to do."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gateway.config.billing_section import TARIFF_FORM
from gateway.config.section_faults import Fault
from gateway.config.user_sections import FIELD_FORM, TOPIC_FORM
from gateway.errors import Mistake

VALUE_LENGTH_MAX: Final = 60
HIDDEN: Final = "(not shown)"

_NUMBERS: Final[Mapping[str, str]] = {
    "float_type": "Write a number without quotes, such as 16 or 0.6.",
    "int_type": "Write a whole number without quotes.",
    "int_from_float": "Write a whole number.",
    "bool_type": "Write true or false, without quotes.",
    "string_type": 'Write text in quotes, such as "main".',
    "list_type": 'Write a list in brackets, such as ["L1", "L2", "L3"].',
    "model_type": "Write a table, such as { key = value }, or a section of its own.",
    "finite_number": "Write a finite number.",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
    "too_short": ("min_length", "at least {} long"),
    "too_long": ("max_length", "at most {} long"),
    "string_too_short": ("min_length", "at least {} characters long"),
    "string_too_long": ("max_length", "at most {} characters long"),
}
_PATTERNS: Final[Mapping[str, str]] = {
    "^/": "Write an absolute path, starting with '/'.",
    r"^/dev/gpiochip\d+$": 'Write the chip as "/dev/gpiochip0".',
    TOPIC_FORM: "Write the one topic on which the reader speaks, without + and #.",
    FIELD_FORM: 'Write the names with points between, such as "RC522.UID".',
    TARIFF_FORM: "Write 1 to 250 plain characters: ASCII, no å, ä, ö, no '|', no blank first or last.",
    r"^[0-9A-Fa-f]{32}$": "A key has 32 hex digits: copy it as it was given.",
}


def shown(value: object) -> str:
    """The value as it stands in the file, cut to a line."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, dict):
        text = "{" + ", ".join(value) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(shown(part) for part in value) + "]"
    else:
        text = str(value)
    text = printable(text)
    return text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 3] + "..."


def printable(text: str) -> str:
    """The text with control characters as TOML writes them, so that none of them moves the terminal's cursor."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for a name that is not known: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if not near:
        near = [name for name in names if name.lower() == word.lower()]
    if near:
        return f'Did you mean "{near[0]}"?'
    if not names:
        return "There is none in this file."
    return "There are: " + ", ".join(names) + "."


def mistake_of(section_path: str, fault: Fault) -> Mistake:
    """The fault as a mistake; section_path is where the section stands, such as `socket[p3]`."""
    path = ".".join((section_path, *(str(step) for step in fault.place)))
    key = str(fault.place[-1]) if fault.place else section_path
    if is_secret(key):
        fault = replace(fault, value=HIDDEN)
    if fault.rule == "extra_forbidden":
        return Mistake(path, shown(fault.value), "there is no such key here.", did_you_mean(key, fault.keys))
    if fault.rule == "missing":
        return Mistake(path, "(missing)", "this key is required.", f"Add `{key} = ...`.")
    if fault.rule == "literal_error":
        expected = str(fault.bounds["expected"]).replace("'", '"').replace("True", "true")
        near = _near_literal(fault.value, expected)
        return Mistake(path, shown(fault.value), "is not one of the words for this key.", f"Write {expected}.{near}")
    if fault.rule == "string_pattern_mismatch":
        pattern = str(fault.bounds["pattern"])
        remedy = _PATTERNS.get(pattern, "Use a-z, 0-9 and '-' only, 32 characters at most, no space, no capital.")
        return Mistake(path, shown(fault.value), "is not written as this key wants it.", remedy)
    if fault.rule in _BOUNDS:
        bound, words = _BOUNDS[fault.rule]
        wanted = words.format(f"{fault.bounds[bound]:g}")
        return Mistake(path, shown(fault.value), "is out of range.", f"It must be {wanted}.")
    remedy = _NUMBERS.get(fault.rule, f"{fault.message}.")
    return Mistake(path, shown(fault.value), "is of the wrong kind.", remedy)


def is_secret(key: str) -> bool:
    """Whether what stands under this name is never shown, however wrong it is: every name with "key" in it, since
    names may be misspelt, but for that of a file."""
    return "key" in key.lower() and not key.endswith("_file")


def _near_literal(value: object, expected: str) -> str:
    words = [word for word in expected.split('"')[1::2] if word]
    if not isinstance(value, str) or not words:
        return ""
    near = [word for word in words if word.lower() == value.lower()]
    near = near or difflib.get_close_matches(value, words, n=1)
    return f' Did you mean "{near[0]}"?' if near else ""
