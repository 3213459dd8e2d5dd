"""The grid meter and its P1 telegrams (HAN P1 companion 5.0.2 §6; the branch's recommendation "lokalt gränssnitt" 2.0
for the 27 Swedish lines), in the manners of several makers."""

from dataclasses import dataclass
from decimal import Decimal

from hil.world.crc import crc16_arc
from hil.world.grid_values import GridFlow, Shown, Steps, shown
from hil.world.phases import Triple

IDENT = r"LVK5\LADDVAKT-HIL"
_PHASES = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class P1Manner:
    """How a maker writes its telegram.

    by_phase: codes of the phases' active powers, in their order; small: kvar, not kVAr; in_watts: W and Wh, no
    decimals; tariffs: two tariff registers, no total; mark_on_line: "!" ends the last line; phases: 1 or 3.
    """

    ident: str = IDENT
    by_phase: tuple[int, ...] = (21, 22, 41, 42, 61, 62)
    small: bool = True
    in_watts: bool = False
    tariffs: bool = False
    amperes: str = "0.1"
    mark_on_line: bool = False
    line_end: str = "\r\n"
    phases: int = 3

    @property
    def steps(self) -> Steps:
        return Steps(amperes=self.amperes)


SWEDISH = P1Manner()


def _lines(of: Shown, manner: P1Manner, meter_time: str) -> list[str]:
    powers, energies = _powers(of, manner), _energies(of, manner)
    by_phase = []
    for group in manner.by_phase:
        watts = of.phase_w[group // 20 - 1] * (1 if group % 2 else -1)
        if group // 20 <= manner.phases:
            by_phase.append(f"1-0:{group}.7.0({_power(watts, manner)})")
    reactive = []
    for phase in _PHASES[: manner.phases]:
        group = 23 + 20 * phase
        reactive.append(f"1-0:{group}.7.0({_power(of.phase_var[phase], manner, reactive=True)})")
        reactive.append(f"1-0:{group + 1}.7.0({_power(Decimal(0), manner, reactive=True)})")
    volts = [f"1-0:{32 + 20 * phase}.7.0({of.volts[phase]:05.1f}*V)" for phase in _PHASES[: manner.phases]]
    amperes = []
    for phase in _PHASES[: manner.phases]:
        text = f"{abs(of.amperes[phase]):03.0f}" if manner.amperes == "1" else f"{abs(of.amperes[phase]):05.1f}"
        amperes.append(f"1-0:{31 + 20 * phase}.7.0({text}*A)")
    return [f"0-0:1.0.0({meter_time})", *energies, *powers, *by_phase, *reactive, *volts, *amperes]


def _power(value: Decimal, manner: P1Manner, *, reactive: bool = False) -> str:
    letters = ("var" if manner.small else "VAr") if reactive else "W"
    value = max(value, Decimal(0))
    return f"{value:.0f}*{letters}" if manner.in_watts else f"{value / 1000:08.3f}*k{letters}"


def _energy(watt_hours: Decimal, manner: P1Manner, *, reactive: bool = False) -> str:
    letters = ("varh" if manner.small else "VArh") if reactive else "Wh"
    return f"{watt_hours:.0f}*{letters}" if manner.in_watts else f"{watt_hours / 1000:012.3f}*k{letters}"


def _powers(of: Shown, manner: P1Manner) -> list[str]:
    active = [f"1-0:{group}.7.0({_power(watts, manner)})" for group, watts in ((1, of.import_w), (2, of.export_w))]
    reactive = ((3, of.import_var), (4, Decimal(0)))
    return active + [f"1-0:{group}.7.0({_power(each, manner, reactive=True)})" for group, each in reactive]


def _energies(of: Shown, manner: P1Manner) -> list[str]:
    zero = Decimal(0)
    if not manner.tariffs:
        active = [f"1-0:{group}.8.0({_energy(each, manner)})" for group, each in ((1, of.import_wh), (2, of.export_wh))]
        return active + [f"1-0:{group}.8.0({_energy(zero, manner, reactive=True)})" for group in (3, 4)]
    lines = []
    for group, total in ((1, of.import_wh), (2, of.export_wh)):
        low = (total / 3).quantize(Decimal(1))
        lines += [f"1-0:{group}.8.{tariff}({_energy(part, manner)})" for tariff, part in ((1, low), (2, total - low))]
    return lines


def p1_octets(flow: GridFlow, meter_time: str, manner: P1Manner, *, crc_wrong: bool = False) -> bytes:
    """One telegram in that manner, header to the line end after the check sum. meter_time: YYMMDDhhmmssW."""
    lines = [f"/{manner.ident}", "", *_lines(shown(flow, manner.steps), manner, meter_time)]
    text = manner.line_end.join(lines) + ("" if manner.mark_on_line else manner.line_end) + "!"
    body = text.encode("ascii")
    check = crc16_arc(body) ^ (0x0001 if crc_wrong else 0)
    return body + f"{check:04X}{manner.line_end}".encode("ascii")


def telegram(flow: GridFlow, meter_time: str, *, crc_wrong: bool = False) -> bytes:
    """One telegram of 27 lines as Swedish meters send it. meter_time: YYMMDDhhmmssW, standard time all year."""
    return p1_octets(flow, meter_time, SWEDISH, crc_wrong=crc_wrong)


class GridMeter:
    """The grid company's meter: counts the sum of the phases with one sign, as Swedish meters do."""

    def __init__(self, import_kwh: float, export_kwh: float) -> None:
        self.flow = GridFlow(import_kwh=import_kwh, export_kwh=export_kwh)

    def step(self, volts: Triple, amperes: Triple, dt_s: float) -> None:
        total_kwh = sum(v * a for v, a in zip(volts, amperes, strict=True)) * dt_s / 3.6e6
        self.flow = GridFlow(
            volts,
            amperes,
            self.flow.import_kwh + max(total_kwh, 0.0),
            self.flow.export_kwh + max(-total_kwh, 0.0),
        )
