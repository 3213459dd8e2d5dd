"""Wallboxes: what each lets the car draw, and what it does when nobody speaks to it any more.

Heidelberg Energy Control: Amperfied Modbus register table (input registers 4-18 and 100-101, holding 257-262);
any request counts as life. The MQTT box obeys a setpoint only as long as that setpoint says it is valid.
"""

from abc import ABC, abstractmethod
from struct import pack, unpack

from hil.world.cars import MINIMUM_A
from hil.world.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refusal, Unit
from hil.world.phases import Triple

_REGISTER_WATCHDOG_MS = 257
_REGISTER_STANDBY = 258
_REGISTER_UNLOCKED = 259
_REGISTER_CURRENT = 261
_REGISTER_FAILSAFE = 262
HOT_A = 1.0
"""A contactor that moves while more flows wears as under load."""
_HEIDELBERG_STATE = {("A", False): 2, ("A", True): 3, ("B", False): 4, ("B", True): 5, ("C", False): 6, ("C", True): 7}


class Wallbox(Unit, ABC):
    """A box between contactor and car. hardware_a_max: its DIP switches; disobeys: it offers that, come what may;
    phases: how many it connects, the first first."""

    latency_s = 0.02

    def __init__(self, hardware_a_max: float) -> None:
        self.hardware_a_max = hardware_a_max
        self.powered = False
        self.disobeys = False
        self.plugged = False
        self.car_wants = False
        self.volts: Triple = (0.0, 0.0, 0.0)
        self.amperes: Triple = (0.0, 0.0, 0.0)
        self.energy_vah = 0.0
        self.phases = 3
        self.phase_switchings = 0
        self.phase_switchings_hot = 0

    @property
    def answers(self) -> bool:
        return self.powered

    @abstractmethod
    def allowed_a(self) -> float:
        """What it was told, before its own limits."""

    @property
    def offered_a(self) -> float:
        """What the pilot advertises: 0 or at least 6 A, at most the hardware's maximum."""
        if not self.powered:
            return 0.0
        if self.disobeys:
            return self.hardware_a_max
        current_a = min(self.allowed_a(), self.hardware_a_max)
        return current_a if current_a >= MINIMUM_A else 0.0

    @property
    def state(self) -> str:
        """A no car, B plugged in, C charging (the car wants and may)."""
        if not self.plugged:
            return "A"
        return "C" if self.car_wants and self.offered_a > 0.0 else "B"

    @abstractmethod
    def boot(self) -> None:
        """Voltage came back: volatile settings are lost."""

    def step(self, powered: bool, dt_s: float) -> None:
        """Lets dt pass with or without voltage."""
        if powered and not self.powered:
            self.boot()
        self.powered = powered
        self._age(dt_s)

    @abstractmethod
    def _age(self, dt_s: float) -> None:
        """What it was told grows older by dt."""

    def measure(self, volts: Triple, amperes: Triple, dt_s: float) -> None:
        self.volts, self.amperes = volts, amperes
        self.energy_vah += sum(v * a for v, a in zip(volts, amperes, strict=True)) * dt_s / 3600.0


class HeidelbergBox(Wallbox):
    """Registers by the maker's table. Silent for longer than its watchdog: the failsafe current holds.

    After boot the failsafe current holds until a current is written. Watchdog and failsafe survive a loss of power.
    """

    def __init__(self, hardware_a_max: float) -> None:
        super().__init__(hardware_a_max)
        self.watchdog_ms = 15000
        self.failsafe_da = 0
        self.standby = 0
        self.unlocked = 1
        self.current_da: int | None = None
        self.silent_s = 0.0
        self.energy_at_boot_vah = 0.0

    @property
    def failsafe_active(self) -> bool:
        return self.watchdog_ms > 0 and self.silent_s * 1000.0 > self.watchdog_ms

    def allowed_a(self) -> float:
        if not self.unlocked:
            return 0.0
        if self.failsafe_active or self.current_da is None:
            return self.failsafe_da / 10
        return self.current_da / 10

    def boot(self) -> None:
        self.current_da = None
        self.silent_s = 0.0
        self.energy_at_boot_vah = self.energy_vah

    def heard(self) -> None:
        self.silent_s = 0.0

    def _age(self, dt_s: float) -> None:
        self.silent_s += dt_s

    def _input_words(self) -> dict[int, int]:
        words = {4: 0x0108, 5: _HEIDELBERG_STATE[(self.state, self.offered_a > 0.0)], 9: 251, 13: self.unlocked}
        for phase in range(3):
            words[6 + phase] = round(self.amperes[phase] * 10)
            words[10 + phase] = round(self.volts[phase])
        words[14] = min(round(sum(v * a for v, a in zip(self.volts, self.amperes, strict=True))), 0xFFFF)
        words[15], words[16] = unpack(">HH", pack(">I", int(self.energy_vah - self.energy_at_boot_vah)))
        words[17], words[18] = unpack(">HH", pack(">I", int(self.energy_vah)))
        words[100], words[101] = round(self.hardware_a_max), round(MINIMUM_A)
        return words

    def _holding_words(self) -> dict[int, int]:
        return {
            _REGISTER_WATCHDOG_MS: self.watchdog_ms,
            _REGISTER_STANDBY: self.standby,
            _REGISTER_UNLOCKED: self.unlocked,
            260: 0,
            _REGISTER_CURRENT: self.current_da or 0,
            _REGISTER_FAILSAFE: self.failsafe_da,
        }

    def read_registers(self, function: int, address: int, count: int) -> list[int]:
        words = self._input_words() if function == 4 else self._holding_words()
        if any(at not in words for at in range(address, address + count)):
            raise Refusal(ILLEGAL_ADDRESS)
        return [words[at] for at in range(address, address + count)]

    def write_registers(self, address: int, values: list[int]) -> None:
        if any(at not in self._holding_words() for at in range(address, address + len(values))):
            raise Refusal(ILLEGAL_ADDRESS)
        for at, value in enumerate(values, start=address):
            if at in (_REGISTER_CURRENT, _REGISTER_FAILSAFE) and not (value == 0 or 60 <= value <= 160):
                raise Refusal(ILLEGAL_VALUE)
            if at == _REGISTER_WATCHDOG_MS:
                self.watchdog_ms = value
            elif at == _REGISTER_STANDBY:
                self.standby = value
            elif at == _REGISTER_UNLOCKED:
                self.unlocked = value
            elif at == _REGISTER_CURRENT:
                self.current_da = value
            elif at == _REGISTER_FAILSAFE:
                self.failsafe_da = value


class MqttBox(Wallbox):
    """A box that is told amperes and for how many seconds they hold; afterwards its safe current holds.

    phase_pause_s: it has a second contactor for L2 and L3, which moves so long after it was told; None: it has none.
    """

    def __init__(self, hardware_a_max: float, safe_a: float, phase_pause_s: float | None = None) -> None:
        super().__init__(hardware_a_max)
        self._phase_pause_s = phase_pause_s
        self._phases_told = 3
        self._phases_left_s = 0.0
        self.safe_a = safe_a
        self.told_a: float | None = None
        self.valid_left_s = 0.0
        self.seq: int | None = None

    def tell(self, amperes: float, valid_s: float, seq: int | None, phases: int | None = None) -> None:
        self.told_a, self.valid_left_s, self.seq = amperes, valid_s, seq
        if self._phase_pause_s is not None and phases in (1, 3) and phases != self._phases_told:
            self._phases_told = phases
            self._phases_left_s = self._phase_pause_s

    def allowed_a(self) -> float:
        if self.told_a is None or self.valid_left_s <= 0.0:
            return self.safe_a
        return self.told_a

    def boot(self) -> None:
        self.told_a = None

    def _age(self, dt_s: float) -> None:
        self.valid_left_s = max(0.0, self.valid_left_s - dt_s)
        self._phases_left_s -= dt_s
        if self._phases_left_s <= 0.0 and self._phases_told != self.phases:
            self.phase_switchings += 1
            self.phase_switchings_hot += max(self.amperes) > HOT_A
            self.phases = self._phases_told

    def words(self) -> dict[str, object]:
        """What it says on its state topic."""
        said: dict[str, object] = {"state": self.state, "applied_a": self.offered_a, "seq": self.seq}
        if self._phase_pause_s is not None:
            said["phases"] = self.phases
        return {**said, "safe_a": self.safe_a}
