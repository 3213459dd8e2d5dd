"""Control's memory over restarts, as one JSON text: written when the order of the queue, a lock or a count changes, and
for the heat at most every 60 s, and every 5 min while anybody waits."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from gateway.control.draft import Draft
from gateway.control.phase_evidence import PhaseEvidence, rotations
from gateway.control.tariff_memory import checked_tariffs, saved_tariffs, tariff_facts
from gateway.errors import JournalDamaged
from gateway.ids import SessionId
from gateway.site.because import Because, Why
from gateway.site.requests import NO_PLAN, ChargePlan
from gateway.site.wishes import SaveCheckpoint

HEAT_SAVED_EVERY_S: Final = 60.0
WAITS_SAVED_EVERY_S: Final = 300.0
"""What a restart takes from anybody's patience at the most, however quiet the cabinet is."""
HEAT_CHANGE: Final = 0.01
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ControlCheckpoint:
    """queue: waiting sessions, first first; heat: per fuse L1, L2, L3; locked: socket and why; switchings: socket and
    how often its contactor was opened, and opened hot; obeyed: boxes that were seen to obey; waits_for_unplug: sockets
    whose car was stopped; overtaken: socket and how often; limits_a: limits by command; house_highest_a: per phase;
    saved_at_s: on the monotonic clock, which starts again with the machine; phases: socket and its `PhaseEvidence`, as
    steps, balanced, unclear, named (0 or 1) and the weights in hundredths; plans: socket and the plan of its session;
    waited_s: socket and how long its session has waited; last_used: socket and how many phases its last car used;
    turn_used_s: socket and how long its session has charged in its turn;
    rotations: socket and the phases of the config that `phases` were learned under; phases_lied: sockets whose box did
    not offer the phases that it said; delay_meter, delay_steps: of `TelegramDelay`."""

    queue: tuple[str, ...] = ()
    heat: dict[str, list[float]] = field(default_factory=dict)
    locked: dict[str, str] = field(default_factory=dict)
    switchings: dict[str, list[int]] = field(default_factory=dict)
    obeyed: tuple[str, ...] = ()
    waits_for_unplug: tuple[str, ...] = ()
    overtaken: dict[str, int] = field(default_factory=dict)
    armed: tuple[str, ...] = ()
    limits_a: dict[str, float] = field(default_factory=dict)
    house_highest_a: tuple[float | None, float | None, float | None] = (None, None, None)
    tariffs: dict[str, dict[str, Any]] = field(default_factory=dict)
    charge_now: tuple[str, ...] = ()
    saved_at_s: float = 0.0
    phases: dict[str, list[int]] = field(default_factory=dict)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    waited_s: dict[str, float] = field(default_factory=dict)
    last_used: dict[str, int] = field(default_factory=dict)
    turn_used_s: dict[str, float] = field(default_factory=dict)
    rotations: dict[str, list[int]] = field(default_factory=dict)
    phases_lied: tuple[str, ...] = ()
    delay_meter: str = ""
    delay_steps: tuple[tuple[float, float], ...] = ()

    def to_text(self) -> str:
        """JSON, ASCII, keys sorted."""
        return json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True, separators=(",", ":"))

    def without_phases(self, socket: str) -> "ControlCheckpoint":
        """Without what was learned of the phases of one socket."""
        return replace(self, phases={name: told for name, told in self.phases.items() if name != socket})

    @classmethod
    def from_text(cls, text: str) -> "ControlCheckpoint":
        """Raises `JournalDamaged` if the text is not one of ours."""
        try:
            said: dict[str, Any] = json.loads(text)
            if said["version"] != VERSION:
                raise JournalDamaged(f"control checkpoint of version {said['version']}, this program reads {VERSION}")
            highest = said["house_highest_a"]
            return cls(
                queue=tuple(str(one) for one in said["queue"]),
                heat={str(fuse): [float(heat) for heat in three] for fuse, three in said["heat"].items()},
                locked={str(socket): str(Why(why)) for socket, why in said["locked"].items()},
                switchings={str(socket): [int(n) for n in two] for socket, two in said["switchings"].items()},
                obeyed=tuple(str(one) for one in said["obeyed"]),
                waits_for_unplug=tuple(str(one) for one in said["waits_for_unplug"]),
                overtaken={str(socket): int(n) for socket, n in said["overtaken"].items()},
                armed=tuple(str(one) for one in said["armed"]),
                limits_a={str(socket): float(limit) for socket, limit in said["limits_a"].items()},
                house_highest_a=(_number(highest[0]), _number(highest[1]), _number(highest[2])),
                charge_now=tuple(str(one) for one in said.get("charge_now", ())),
                tariffs=checked_tariffs(said.get("tariffs", {})),
                saved_at_s=float(said.get("saved_at_s", 0.0)),
                phases={str(socket): [int(n) for n in told] for socket, told in said.get("phases", {}).items()},
                plans={str(socket): plan_kept(plan_known(plan)) for socket, plan in said.get("plans", {}).items()},
                waited_s={str(socket): float(waited) for socket, waited in said.get("waited_s", {}).items()},
                last_used={str(socket): int(n) for socket, n in said.get("last_used", {}).items()},
                turn_used_s={str(socket): float(used) for socket, used in said.get("turn_used_s", {}).items()},
                rotations={str(socket): [int(n) for n in own] for socket, own in said.get("rotations", {}).items()},
                phases_lied=tuple(str(one) for one in said.get("phases_lied", ())),
                delay_meter=str(said.get("delay_meter", "")),
                delay_steps=tuple((float(least), float(most)) for least, most in said.get("delay_steps", ())),
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise JournalDamaged(f"the control checkpoint cannot be read: {error}") from error


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    raise ValueError(f"{value!r} is not a number")


def save_checkpoint(draft: Draft, queue: list[SessionId]) -> None:
    """Wishes the checkpoint stored, if something in it has changed."""
    memory = draft.memory
    facts = _facts(draft, queue)
    heat_due = draft.now_s - memory.saved_heat_s >= HEAT_SAVED_EVERY_S and (
        len(memory.saved_heat) != len(draft.heat)
        or any(abs(heat - saved) >= HEAT_CHANGE for heat, saved in zip(draft.heat, memory.saved_heat, strict=True))
        or memory.saved_highest_a != _rounded(draft)
    )
    waits_due = draft.now_s - memory.saved_heat_s >= WAITS_SAVED_EVERY_S and any(
        it.memory.waits_since_s is not None for it in draft.each()
    )
    if facts == memory.saved_facts and not heat_due and not waits_due:
        return
    memory.saved_facts = facts
    memory.saved_heat = tuple(draft.heat)
    memory.saved_heat_s = draft.now_s
    memory.saved_highest_a = _rounded(draft)
    draft.wishes.append(SaveCheckpoint(_checkpoint(draft, queue).to_text(), Because(Why.COMMAND)))


def _rounded(draft: Draft) -> tuple[int | None, ...]:
    return tuple(None if highest is None else round(highest) for highest in draft.memory.house_highest_a)


def _facts(draft: Draft, queue: list[SessionId]) -> tuple[object, ...]:
    """What is saved on change, comparable and cheap."""
    return (
        tuple(queue),
        tariff_facts(draft.restraints),
        draft.restraints.charge_now,
        tuple(
            (
                None if it.locked is None else it.locked.why,
                it.memory.switchings,
                it.memory.obeyed_before,
                it.memory.waits_for_unplug,
                it.memory.overtaken,
                it.armed,
                it.limit_by_command_a,
                it.memory.plan,
                it.memory.taught_phases,
                it.memory.phases_lied,
            )
            for it in draft.each()
        ),
        draft.memory.phases.evidence,
        draft.memory.delay.known,
    )


def _checkpoint(draft: Draft, queue: list[SessionId]) -> ControlCheckpoint:
    each = list(draft.each())
    heat = draft.heat
    return ControlCheckpoint(
        queue=tuple(str(session) for session in queue),
        heat={
            str(fuse.id): [round(one, 4) for one in heat[3 * n : 3 * n + 3]] for n, fuse in enumerate(draft.tree.fuses)
        },
        locked={str(it.socket.id): str(it.locked.why) for it in each if it.locked is not None},
        switchings={
            str(it.socket.id): [it.memory.switchings, it.memory.switchings_hot] for it in each if it.socket.contactor
        },
        obeyed=tuple(str(it.socket.id) for it in each if it.memory.obeyed_before),
        waits_for_unplug=tuple(str(it.socket.id) for it in each if it.memory.waits_for_unplug),
        overtaken={str(it.socket.id): it.memory.overtaken for it in each if it.memory.overtaken},
        armed=tuple(str(it.socket.id) for it in each if it.armed),
        limits_a={str(it.socket.id): it.limit_by_command_a for it in each if it.limit_by_command_a is not None},
        house_highest_a=draft.memory.house_highest_a,
        tariffs=saved_tariffs(draft.restraints),
        charge_now=tuple(sorted(draft.restraints.charge_now)),
        saved_at_s=draft.now_s,
        phases={str(name): phases_kept(one) for name, one in draft.memory.phases.evidence.items()},
        plans={str(it.socket.id): plan_kept(it.memory.plan) for it in each if it.memory.plan != NO_PLAN},
        waited_s={
            str(it.socket.id): round(draft.now_s - it.memory.waits_since_s, 0)
            for it in each
            if it.memory.waits_since_s is not None
        },
        last_used={str(it.socket.id): it.memory.taught_phases for it in each if it.memory.taught_phases is not None},
        turn_used_s={str(it.socket.id): round(it.memory.turn_used_s, 0) for it in each if it.memory.turn_used_s},
        rotations={str(name): [*draft.sockets[name].socket.phases] for name in draft.memory.phases.evidence},
        phases_lied=tuple(str(it.socket.id) for it in each if it.memory.phases_lied),
        delay_meter=draft.memory.delay.known.meter,
        delay_steps=draft.memory.delay.known.steps,
    )


def plan_kept(plan: ChargePlan) -> dict[str, Any]:
    """What is said in a plan, as the checkpoint keeps it."""
    said = {key: value for key, value in asdict(plan).items() if value is not None}
    if plan.departs_at is not None:
        said["departs_at"] = plan.departs_at.isoformat()
    return said


def plan_known(kept: Mapping[str, Any]) -> ChargePlan:
    """The plan again. Raises ValueError or TypeError if it is none."""
    when = kept.get("departs_at")
    return replace(ChargePlan(**kept), departs_at=None if when is None else datetime.fromisoformat(when))


def phases_kept(evidence: PhaseEvidence) -> list[int]:
    """The evidence as the checkpoint keeps it."""
    counts = [evidence.steps, evidence.balanced, evidence.unclear, int(evidence.named)]
    return counts + [round(100.0 * weight) for weight in evidence.weights]


def phases_known(kept: list[int]) -> PhaseEvidence | None:
    """The evidence again; None if it is none of a socket of one to three phases."""
    steps, balanced, unclear, named, *weights = [*kept, *[0] * (4 - len(kept))]
    if len(weights) not in {len(rotations(1)), len(rotations(3))} or max(weights) > 0:
        return None
    return PhaseEvidence(tuple(weight / 100.0 for weight in weights), steps, balanced, unclear, bool(named))
