"""A wallbox controller on a Modbus bus, by its register map."""

from typing import Final

from gateway.actuators.wallbox import CurrentRegister, FixedSetting, WallboxModel
from gateway.devices.protocols import Clock, ModbusBus
from gateway.errors import DeviceError
from gateway.site.snapshot import Pilot, WallboxSight

REFRESH_S_WITHOUT_WATCHDOG: Final = 10.0
READ_HOLDING: Final = 3


class ModbusWallbox:
    """A `Wallbox`. failsafe_a: the current that it falls to when we are silent for the model's watchdog time."""

    def __init__(self, bus: ModbusBus, unit: int, model: WallboxModel, clock: Clock, failsafe_a: float) -> None:
        self._bus: Final = bus
        self._unit: Final = unit
        self._model: Final = model
        self._clock: Final = clock
        self._settings: Final = (*_failsafe_settings(model, failsafe_a), *model.settings)
        bus.rests(unit, model.silence_s)

    @property
    def refresh_s(self) -> float:
        """The setpoint is repeated three times within the box's watchdog time."""
        after_s = self._model.failsafe_after_s
        return REFRESH_S_WITHOUT_WATCHDOG if after_s is None else after_s / 3

    async def commission(self) -> None:
        """Makes the box hold our watchdog, failsafe and settings; writes only what differs, since some boxes keep these
        in memory that wears, and reads back what it wrote. Raises `DeviceError` if the box holds something else."""
        for setting in self._settings:
            if await self._read(setting.address) == setting.value:
                continue
            await self._write(setting.address, setting.value)
            held = await self._read(setting.address)
            if held != setting.value:
                raise DeviceError(
                    f"The wallbox {self._model.name}, unit {self._unit}, holds {held} instead of {setting.value} in "
                    f"register {setting.address} ({setting.why}). Check the model and the box's own limits."
                )

    async def set_current(self, current_a: float) -> None:
        """At most `current_a` per phase, rounded down to the box's step; 0 below its minimum."""
        await self._write(self._model.setpoint.address, self._model.setpoint_value(current_a))

    async def set_phases(self, phases: int) -> None:
        """Raises `DeviceError` where the map has no register for it."""
        if self._model.phases is None:
            raise DeviceError(f"The wallbox {self._model.name}, unit {self._unit}, cannot switch its phases.")
        await self._write(self._model.phases.address, phases)

    async def look(self) -> WallboxSight:
        """State and the current that it offers; both unknown where the box is in a state that the map does not know."""
        state_map = self._model.state
        (state,) = await self._bus.read_registers(self._unit, state_map.function, state_map.address, 1)
        setpoint = await self._read(self._model.setpoint.address)
        phases = None if self._model.phases is None else await self._read(self._model.phases.address)
        letter = state_map.pilots.get(state)
        says_so = letter is not None and state not in state_map.lowered
        return WallboxSight(
            pilot=None if letter is None else Pilot(letter.value),
            applied_a=self._model.setpoint.current_a(setpoint) if says_so else None,
            heard_s=self._clock.now().monotonic_s,
            phases=phases if phases in (1, 3) else None,
        )

    async def _read(self, address: int) -> int:
        (value,) = await self._bus.read_registers(self._unit, READ_HOLDING, address, 1)
        return value

    async def _write(self, address: int, value: int) -> None:
        await self._bus.write_register(self._unit, address, value)


def _failsafe_settings(model: WallboxModel, failsafe_a: float) -> tuple[FixedSetting, ...]:
    """Failsafe current first: the watchdog must not fire into an older one."""
    if model.watchdog is None or model.failsafe is None:
        return ()
    failsafe = FixedSetting(model.failsafe.address, _value(model.failsafe, model, failsafe_a), "failsafe current")
    return failsafe, FixedSetting(model.watchdog.address, model.watchdog.value, "watchdog time")


def _value(register: CurrentRegister, model: WallboxModel, current_a: float) -> int:
    return 0 if current_a < model.minimum_a else register.value(min(current_a, model.maximum_a))
