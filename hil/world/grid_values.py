"""What a grid meter shows of its state: every quantity rounded to the meter's own step, as whole numbers of steps."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from math import sqrt

from hil.world.phases import Triple


@dataclass(frozen=True, slots=True)
class GridFlow:
    """What the grid meter measures: V; A signed (import positive); counters in kWh; power factor per phase."""

    volts: Triple = (0.0, 0.0, 0.0)
    amperes: Triple = (0.0, 0.0, 0.0)
    import_kwh: float = 0.0
    export_kwh: float = 0.0
    power_factor: Triple = (1.0, 1.0, 1.0)

    @property
    def watts(self) -> Triple:
        return (
            self.volts[0] * self.amperes[0] * self.power_factor[0],
            self.volts[1] * self.amperes[1] * self.power_factor[1],
            self.volts[2] * self.amperes[2] * self.power_factor[2],
        )

    @property
    def vars(self) -> Triple:
        """Reactive power, inductive."""
        l1, l2, l3 = (
            volts * abs(amperes) * sqrt(max(0.0, 1.0 - factor * factor))
            for volts, amperes, factor in zip(self.volts, self.amperes, self.power_factor, strict=True)
        )
        return l1, l2, l3


@dataclass(frozen=True, slots=True)
class Steps:
    """The last digit that a form shows, in W, A, V and Wh."""

    watts: str = "1"
    amperes: str = "0.1"
    volts: str = "0.1"
    watt_hours: str = "1"


@dataclass(frozen=True, slots=True)
class Shown:
    """Rounded values in W, var, A (signed), V and Wh; power by direction, never negative."""

    import_w: Decimal
    export_w: Decimal
    import_var: Decimal
    phase_w: tuple[Decimal, ...]
    phase_var: tuple[Decimal, ...]
    amperes: tuple[Decimal, ...]
    volts: tuple[Decimal, ...]
    import_wh: Decimal
    export_wh: Decimal


def rounded_to(value: float, step: str) -> Decimal:
    """The multiple of the step that is nearest."""
    size = Decimal(step)
    return (Decimal(value) / size).quantize(Decimal(1), ROUND_HALF_EVEN) * size


def shown(flow: GridFlow, steps: Steps) -> Shown:
    """What a meter with these steps shows of the flow."""
    total_w = rounded_to(sum(flow.watts), steps.watts)
    return Shown(
        import_w=max(total_w, Decimal(0)),
        export_w=max(-total_w, Decimal(0)),
        import_var=rounded_to(sum(flow.vars), steps.watts),
        phase_w=tuple(rounded_to(watts, steps.watts) for watts in flow.watts),
        phase_var=tuple(rounded_to(each, steps.watts) for each in flow.vars),
        amperes=tuple(rounded_to(amperes, steps.amperes) for amperes in flow.amperes),
        volts=tuple(rounded_to(volts, steps.volts) for volts in flow.volts),
        import_wh=rounded_to(flow.import_kwh * 1000, steps.watt_hours),
        export_wh=rounded_to(flow.export_kwh * 1000, steps.watt_hours),
    )


def counts(value: Decimal, step: str) -> int:
    """How many steps a rounded value has."""
    return int(value / Decimal(step))
