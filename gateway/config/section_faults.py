"""One section of the file checked by itself: the section, or everything that is wrong with its values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from gateway.config.section import Section
from gateway.config.socket_sections import ALTERNATIVES

AnySection = TypeVar("AnySection", bound=Section)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one value. place: keys and indices from the section down; rule: pydantic's name of the
    broken rule; bounds: the rule's figures; keys: what may stand at this place (for unknown keys)."""

    place: tuple[str | int, ...]
    rule: str
    value: object
    message: str
    bounds: Mapping[str, object]
    keys: tuple[str, ...]


def check_section(section: type[AnySection], value: object) -> tuple[AnySection | None, tuple[Fault, ...]]:
    """The section, or None with every fault that it has."""
    try:
        return section.model_validate(value), ()
    except ValidationError as broken:
        return None, tuple(_fault(section, error) for error in broken.errors(include_url=False))


def _fault(section: type[Section], error: Any) -> Fault:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict of its core
    at: type[Section] = section
    place: list[str | int] = []
    for step in error["loc"]:
        if step in ALTERNATIVES and at is not ALTERNATIVES[step] and step not in at.model_fields:
            at = ALTERNATIVES[step]
            continue
        place.append(step)
        field = at.model_fields.get(step) if isinstance(step, str) else None
        inner = _sections_in(field.annotation) if field is not None else ()
        at = inner[0] if len(inner) == 1 else at
    bounds = error.get("ctx", {})
    return Fault(tuple(place), error["type"], error["input"], error["msg"], bounds, tuple(at.model_fields))


def _sections_in(annotation: object) -> tuple[type[Section], ...]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return (annotation,)
    return tuple(found for part in get_args(annotation) for found in _sections_in(part))
