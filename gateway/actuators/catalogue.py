"""Model text to relay board and wallbox models: one TOML file per type, below `models/`."""

from typing import Final

from gateway.actuators.relay_board import FlashFacts, RelayBoardModel
from gateway.actuators.wallbox import (
    CurrentRegister,
    FixedSetting,
    PhaseRegister,
    PilotLetter,
    StateRegister,
    WallboxModel,
    WatchdogRegister,
)
from gateway.meters.model_text import WORD_MAX, ModelTable
from gateway.meters.register_map import Confidence

__all__ = ["RelayBoardModel", "WallboxModel", "parse_relay_board", "parse_wallbox"]

IEC_61851_A_MIN: Final = 6.0


def parse_relay_board(text: str) -> RelayBoardModel:
    """One relay board type from its file. Raises `ConfigMistake` with every mistake of the file at once."""
    top = ModelTable.of_text(text)
    model = RelayBoardModel(
        id=top.text("id"),
        vendor=top.text("vendor"),
        name=top.text("name"),
        sources=top.texts("sources"),
        confidence=top.choice("confidence", Confidence),
        channels=top.whole("channels", 1, 64),
        coil_address=top.whole("coil_address", 0, WORD_MAX),
        flash=_flash(top.table("flash")) if top.has("flash") else None,
    )
    top.close()
    top.finish(f"relay board model {model.id}")
    return model


def parse_wallbox(text: str) -> WallboxModel:
    """One wallbox type from its file. Raises `ConfigMistake` with every mistake of the file at once."""
    top = ModelTable.of_text(text)
    model = WallboxModel(
        id=top.text("id"),
        vendor=top.text("vendor"),
        name=top.text("name"),
        sources=top.texts("sources"),
        confidence=top.choice("confidence", Confidence),
        silence_s=top.number("silence_s", 0.0, 1.0),
        minimum_a=top.number("minimum_a", IEC_61851_A_MIN, 32.0),
        maximum_a=top.number("maximum_a", IEC_61851_A_MIN, 80.0),
        step_a=top.number("step_a", 0.01, 1.0),
        setpoint=_current(top.table("setpoint")),
        state=_state(top.table("state")),
        watchdog=_watchdog(top.table("watchdog")) if top.has("watchdog") else None,
        failsafe=_current(top.table("failsafe")) if top.has("failsafe") else None,
        settings=tuple(_setting(table) for table in top.tables("setting")),
        phases=_phases(top.table("phases")) if top.has("phases") else None,
    )
    if (model.watchdog is None) != (model.failsafe is None):
        top.refuse("watchdog", "and failsafe belong together.", "Give both, or neither.")
    top.close()
    top.finish(f"wallbox model {model.id}")
    return model


def _flash(table: ModelTable) -> FlashFacts:
    facts = FlashFacts(
        address=table.whole("address", 0, WORD_MAX),
        tick_s=table.number("tick_s", 0.001, 60.0),
        ticks_max=table.whole("ticks_max", 1, WORD_MAX),
    )
    table.close()
    return facts


def _current(table: ModelTable) -> CurrentRegister:
    register = CurrentRegister(address=table.whole("address", 0, WORD_MAX), scale_a=table.decimal("scale_a"))
    table.close()
    return register


def _state(table: ModelTable) -> StateRegister:
    letters = table.table("pilots")
    pilots: dict[int, PilotLetter] = {}
    for name in letters.names():
        if name.isdecimal():
            pilots[int(name)] = letters.choice(name, PilotLetter)
        else:
            letters.refuse(name, "is not a register value.", 'Write such as 2 = "A".')
    state = StateRegister(
        function=table.whole("function", 3, 4),
        address=table.whole("address", 0, WORD_MAX),
        pilots=pilots,
        lowered=frozenset(int(value) for value in table.texts("lowered") if value.isdecimal())
        if table.has("lowered")
        else frozenset(),
    )
    table.close()
    return state


def _watchdog(table: ModelTable) -> WatchdogRegister:
    register = WatchdogRegister(
        address=table.whole("address", 0, WORD_MAX),
        tick_s=table.decimal("tick_s"),
        after_s=table.number("after_s", 1.0, 60.0),
    )
    table.close()
    return register


def _phases(table: ModelTable) -> PhaseRegister:
    register = PhaseRegister(address=table.whole("address", 0, WORD_MAX), pause_s=table.number("pause_s", 1.0, 600.0))
    table.close()
    return register


def _setting(table: ModelTable) -> FixedSetting:
    setting = FixedSetting(
        address=table.whole("address", 0, WORD_MAX), value=table.whole("value", 0, WORD_MAX), why=table.text("why")
    )
    table.close()
    return setting
