"""Snapshot and control state become topics."""

import json
from dataclasses import replace
from typing import Any

from gateway.control.state import ControlState, FuseState, SessionPhase
from gateway.ids import FuseId
from gateway.publish.json_text import json_text
from gateway.publish.words import Language
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.snapshot import Pilot, Position, SiteSnapshot
from tests.publish.cabinet_told import (
    BOX,
    GATEWAY,
    LIFT,
    MAIN,
    PLAIN,
    SECRET,
    charging,
    control_state,
    idle,
    reading,
    session,
    snapshot,
    state_topics,
)


def told(topic: str, state: ControlState | None = None, seen: SiteSnapshot | None = None) -> dict[str, Any]:
    topics = state_topics(seen or snapshot(), state or control_state(), Language.SV)
    said: dict[str, Any] = json.loads(topics[f"laddvakt/{GATEWAY}/{topic}"])
    return said


def test_a_charging_socket_tells_its_figures_in_one_message() -> None:
    said = told("socket/p1/state")
    assert said["state"] == "charging"
    assert said["power_w"] == 6912
    assert said["current_a"] == [10.02, 10.02, 10.02]
    assert said["voltage_v"] == [230.0, 230.0, 231.0]
    assert said["setpoint_a"] == 10.0
    assert said["applied_a"] == 10.0
    assert said["queue_position"] == 0
    assert said["because_code"] == "fuse_binds"
    assert said["because_text"] == "Säkring main, fas L2 begränsar till 10,0 A"
    assert said["contactor"] == "ON"
    assert said["contactor_evidence"] == "coil"
    assert said["plug"] == "ON"
    assert said["charge"] == "ON"
    assert said["problem"] == "OFF"
    assert said["limit_a"] == 16.0
    assert said["ts"] == "2026-06-01T12:00:10+00:00"


def test_the_register_leaves_with_the_decimals_that_the_meter_shows() -> None:
    text = state_topics(snapshot(), control_state(), Language.EN)[f"laddvakt/{GATEWAY}/socket/p1/state"]
    assert '"energy_import_kwh":112.40,' in text
    assert '"session_energy_kwh":12.30' in text


def test_no_message_holds_the_token() -> None:
    for text in state_topics(snapshot(), control_state(), Language.EN).values():
        assert SECRET not in text


def test_every_key_is_always_there() -> None:
    silent = replace(snapshot(), sockets={})
    empty = control_state({BOX: idle()})
    assert told("socket/p1/state", empty, silent).keys() == told("socket/p1/state").keys()
    assert told("socket/p4/state").keys() == told("socket/p1/state").keys()


def test_what_is_unknown_is_null_and_never_zero() -> None:
    said = told("socket/p1/state", control_state({BOX: idle()}), replace(snapshot(), sockets={}))
    for key in ("power_w", "energy_import_kwh", "applied_a", "plug", "session_id", "session_energy_kwh"):
        assert said[key] is None
    assert said["current_a"] == [None, None, None]


def test_an_old_reading_is_no_measurement_of_now_but_its_register_stays() -> None:
    late = control_state(second=50.0)
    said = told("socket/p1/state", late)
    assert said["power_w"] is None
    assert said["current_a"] == [None, None, None]
    assert said["energy_import_kwh"] == 112.4
    assert state_topics(snapshot(), late, Language.SV)[f"laddvakt/{GATEWAY}/socket/p1/status"] == "offline"
    assert state_topics(snapshot(), control_state(), Language.SV)[f"laddvakt/{GATEWAY}/socket/p1/status"] == "online"


def test_the_last_session_stays_readable_after_its_end() -> None:
    ended = replace(session(SessionPhase.ENDED, name="s-0"), end=reading(8.0, "101.10"))
    said = told("socket/p1/state", control_state({BOX: replace(idle(), last_ended=ended)}))
    assert said["session_id"] == "s-0"
    assert said["session_energy_kwh"] == 1.0
    assert said["state"] == "idle"


def test_a_register_below_the_begin_is_another_meter_and_gives_no_energy() -> None:
    assert told("socket/p1/state", seen=snapshot(box_reading=reading(9.5, "0.30")))["session_energy_kwh"] is None


def test_a_waiting_socket_tells_when_its_turn_comes_at_the_latest_in_whole_minutes() -> None:
    """`control_state` stands at 10 s; a contactor's rest is no turn."""
    waits = replace(session(SessionPhase.QUEUED, name="a"), begin=None)
    for why, until_s, turn_at in (
        (Why.QUEUED, 70.0, "2026-06-01T12:02:00+00:00"),
        (Why.QUEUED_PRIORITY, 130.0, "2026-06-01T12:03:00+00:00"),
        (Why.QUEUED, None, None),
        (Why.MINIMUM_OFF, 70.0, None),
    ):
        seen = replace(idle(), session=waits, because=Because(why, until_s=until_s))
        assert told("socket/p1/state", control_state({BOX: seen}))["turn_at"] == turn_at
    assert told("socket/p1/state")["turn_at"] is None


def test_a_reason_names_its_fuse_phase_amperes_and_time() -> None:
    """`control_state` stands at 10 s."""
    because = Because(Why.QUEUED, FuseId("main"), Phase.L2, 3.456, 70.0)
    said = told("socket/p1/state", control_state({BOX: replace(idle(), because=because)}))
    assert (said["because_fuse"], said["because_phase"], said["because_current_a"]) == ("main", "L2", 3.5)
    assert said["because_until"] == "2026-06-01T12:01:10+00:00"
    bare = told("socket/p1/state", control_state({BOX: replace(idle(), because=Because(Why.GRID_STALE))}))
    names = ("because_fuse", "because_phase", "because_current_a", "because_until")
    assert [bare[name] for name in names] == [None] * 4


def test_a_waiting_socket_tells_its_place_and_the_queue_its_order() -> None:
    first = replace(session(SessionPhase.QUEUED, name="a"), begin=None, socket=PLAIN)
    second = replace(session(SessionPhase.QUEUED, name="b"), begin=None)
    sockets = {BOX: replace(idle(), session=second), PLAIN: replace(idle(), session=first)}
    state = replace(control_state(sockets), queue=(first.id, second.id))
    assert told("socket/p1/state", state)["queue_position"] == 2
    assert told("socket/p1/state", state)["state"] == "queued"
    assert told("socket/p1/state", state)["session_energy_kwh"] is None
    queue = told("queue/state", state)
    assert queue["waiting"] == ["p3", "p1"]
    assert queue["length"] == 2
    assert queue["active"] == []


def test_a_stopping_session_shows_the_switch_off() -> None:
    for phase, shown in ((SessionPhase.LOWERING, "OFF"), (SessionPhase.QUEUED, "ON"), (SessionPhase.PAUSED, "ON")):
        state = control_state({BOX: replace(idle(), session=session(phase))})
        assert told("socket/p1/state", state)["charge"] == shown


def test_a_locked_socket_says_why() -> None:
    locked = replace(charging(), locked=Because(Why.CONTACTOR_WELDED))
    said = told("socket/p1/state", control_state({BOX: locked}))
    assert (said["state"], said["problem"], said["problem_code"]) == ("locked", "ON", "contactor_welded")
    assert said["problem_text"] == "Kontaktorn har svetsat: låst"


def test_an_unknown_contactor_position_is_null_and_a_socket_without_one_has_none() -> None:
    state = control_state({BOX: replace(idle(), contactor_position=Position.UNKNOWN)})
    assert told("socket/p1/state", state)["contactor"] is None
    assert told("socket/p4/state", state)["contactor_state"] is None
    assert LIFT == "p4"


def test_a_pilot_fault_leaves_the_plug_unknown() -> None:
    assert told("socket/p1/state", seen=snapshot(pilot=Pilot.F))["plug"] is None
    assert told("socket/p1/state", seen=snapshot(pilot=Pilot.A))["plug"] == "OFF"


def test_the_fuse_tells_load_headroom_and_overload() -> None:
    said = told("fuse/main/state")
    assert said["load_a"] == [11.0, 12.5, 11.0]
    assert said["headroom_a"] == 7.5
    assert said["load_pct"] == 62.5
    assert said["overload"] == "OFF"


def test_the_fuse_tells_what_each_of_its_phases_may_carry_now() -> None:
    assert told("fuse/main/state")["limit_a"] == [20.0, 20.0, 20.0]
    fuse = FuseState((None, 6.0, 3.0), (20.0, 6.0, 3.0), (10.0, 8.256, 0.0), (0.0, 0.0, 0.0))
    said = told("fuse/main/state", replace(control_state(), fuses={MAIN: fuse}))
    assert said["limit_a"] == [10.0, 8.26, 0.0]
    assert said["rating_a"] == 20.0


def test_one_unknown_phase_makes_the_headroom_unknown_but_hides_no_overload() -> None:
    fuse = FuseState((None, 21.0, 3.0), (20.0, 21.0, 3.0), (20.0, 20.0, 20.0), (0.0, 0.0, 0.0))
    said = told("fuse/main/state", replace(control_state(), fuses={MAIN: fuse}))
    assert said["headroom_a"] is None
    assert said["load_pct"] is None
    assert said["overload"] == "ON"


def test_a_silent_grid_meter_gives_no_power_but_keeps_its_registers() -> None:
    state = replace(control_state(), grid=Freshness.BLIND, grid_because=Because(Why.GRID_BLIND))
    said = told("grid/state", state)
    assert said["freshness"] == "blind"
    assert said["power_w"] is None
    assert said["energy_import_kwh"] == 12345.678
    assert said["because_text"] == "Elmätaren tyst länge: frånkopplad"
    assert told("grid/state")["power_w"] == 7500


def test_an_age_without_any_telegram_is_null_not_infinity() -> None:
    grid = replace(snapshot().grid, age_s=float("inf"), reading=None)
    assert told("grid/state", seen=replace(snapshot(), grid=grid))["age_s"] is None
    assert json_text(float("nan")) == "null"


def test_a_stopped_journal_is_a_problem_of_the_gateway() -> None:
    assert told("state", seen=replace(snapshot(), journal_accepts=False))["journal_problem"] == "ON"
    assert told("state")["journal_problem"] == "OFF"
    assert told("state")["active_sessions"] == 1


def test_the_delay_of_the_grid_meter_is_told_when_it_is_learned() -> None:
    said = told("grid/state", replace(control_state(), grid_delay_s=(4.5, 7.5)))
    assert (said["delay_s"], said["delay_least_s"], said["delay_most_s"]) == (6.0, 4.5, 7.5)
    assert told("grid/state")["delay_s"] is None
