"""The grid meter and its telegram: 27 lines as Swedish meters send them (HAN P1 companion 5.0.2 §6; the branch's
recommendation "lokalt gränssnitt" 2.0 for the line set and its order)."""

from dataclasses import dataclass

from hil.world.crc import crc16_arc
from hil.world.phases import ZERO, Triple

IDENT = r"LVK5\LADDVAKT-HIL"


@dataclass(frozen=True, slots=True)
class GridFlow:
    """What the grid meter measures: V; A signed (import positive), shown without sign; counters in kWh."""

    volts: Triple = ZERO
    amperes: Triple = ZERO
    import_kwh: float = 0.0
    export_kwh: float = 0.0

    @property
    def watts(self) -> Triple:
        return (
            self.volts[0] * self.amperes[0],
            self.volts[1] * self.amperes[1],
            self.volts[2] * self.amperes[2],
        )


def _kilo(value: float) -> str:
    return f"{max(value, 0.0) / 1000:08.3f}"


def _lines(flow: GridFlow, meter_time: str) -> list[str]:
    watts = flow.watts
    total_w = sum(watts)
    lines = [
        f"0-0:1.0.0({meter_time})",
        f"1-0:1.8.0({flow.import_kwh:012.3f}*kWh)",
        f"1-0:2.8.0({flow.export_kwh:012.3f}*kWh)",
        "1-0:3.8.0(00000000.000*kvarh)",
        "1-0:4.8.0(00000000.000*kvarh)",
        f"1-0:1.7.0({_kilo(total_w)}*kW)",
        f"1-0:2.7.0({_kilo(-total_w)}*kW)",
        "1-0:3.7.0(0000.000*kvar)",
        "1-0:4.7.0(0000.000*kvar)",
    ]
    for phase, active in enumerate((21, 41, 61)):
        lines.append(f"1-0:{active}.7.0({_kilo(watts[phase])}*kW)")
        lines.append(f"1-0:{active + 1}.7.0({_kilo(-watts[phase])}*kW)")
    for reactive in (23, 43, 63):
        lines.append(f"1-0:{reactive}.7.0(0000.000*kvar)")
        lines.append(f"1-0:{reactive + 1}.7.0(0000.000*kvar)")
    for phase, code in enumerate((32, 52, 72)):
        lines.append(f"1-0:{code}.7.0({flow.volts[phase]:05.1f}*V)")
    for phase, code in enumerate((31, 51, 71)):
        lines.append(f"1-0:{code}.7.0({abs(flow.amperes[phase]):05.1f}*A)")
    return lines


def telegram(flow: GridFlow, meter_time: str, *, crc_wrong: bool = False) -> bytes:
    """One telegram, header to CR LF after the check sum. meter_time: YYMMDDhhmmssW, standard time all year."""
    body = "\r\n".join([f"/{IDENT}", "", *_lines(flow, meter_time), "!"]).encode("ascii")
    check = crc16_arc(body) ^ (0x0001 if crc_wrong else 0)
    return body + f"{check:04X}\r\n".encode("ascii")


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
