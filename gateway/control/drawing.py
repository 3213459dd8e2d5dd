"""Drawings of the state tables, made from the tables themselves, so that none can say anything else.

The text is a Mermaid state diagram, which forges and editors show as a picture and people can read as it is.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def drawn(table: Mapping[tuple[State, Event], State], states: Iterable[State], first: State, last: State | None) -> str:
    """One line for each two states that lead to each other, with every event that does; an event that changes nothing
    is left out. first: where it begins; last: where it is over, if ever."""
    order = list(states)
    events: dict[tuple[State, State], list[str]] = {}
    for (state, event), becomes in table.items():
        if becomes is not state:
            events.setdefault((state, becomes), []).append(event.value)
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    for state, becomes in sorted(events, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))):
        lines.append(f"    {state} --> {becomes}: {', '.join(events[state, becomes])}")
    if last is not None:
        lines.append(f"    {last} --> [*]")
    return "\n".join(lines)
