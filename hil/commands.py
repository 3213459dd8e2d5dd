"""Words to a running cabinet, one JSON object a line:

{"fault": "p1_silence", "for_s": 30}           a fault now (target, late_s, add_a … as in a scenario)
{"end": "p1_silence"}                          the acting faults of that kind end
{"arrive": {"socket": "p1", "energy_kwh": 1}}  a car comes now (keys as in a scenario)
{"leave": "p1"}                                whoever is at that socket unplugs and leaves
{"report": true}                               the report so far, on standard output
{"stop": true}                                 the end
"""

import json

from hil.faults import Faults
from hil.world.cabinet import Cabinet
from hil.world.scenario import parse_car, parse_fault


class CommandMistake(Exception):  # noqa: N818 - a slip of the person at the terminal, not a failure of ours
    """A command that cannot be obeyed: says why."""


def obey(text: str, cabinet: Cabinet, faults: Faults) -> str | None:
    """Does what the line says; returns "report" or "stop" for the caller to do. Raises `CommandMistake`."""
    try:
        words = json.loads(text)
    except ValueError as error:
        raise CommandMistake(f"not JSON: {error}") from error
    if not isinstance(words, dict):
        raise CommandMistake("a JSON object is needed")
    if "fault" in words:
        kind = words.pop("fault")
        faults.add(parse_fault("fault", {**words, "kind": kind, "at_s": cabinet.at_s}))
        return None
    if "end" in words:
        faults.end(str(words["end"]))
        return None
    if "arrive" in words:
        sockets = {name: socket.plan for name, socket in cabinet.sockets.items()}
        cabinet.arrive(parse_car("arrive", words["arrive"], sockets, cabinet.at_s))
        return None
    if "leave" in words:
        if str(words["leave"]) not in cabinet.sockets or not cabinet.leave(str(words["leave"])):
            raise CommandMistake(f"nobody is plugged in at {words['leave']}")
        return None
    if words.get("report"):
        return "report"
    if words.get("stop"):
        return "stop"
    raise CommandMistake("fault, end, arrive, leave, report or stop is needed")
