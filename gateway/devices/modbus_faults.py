"""What can go wrong on a Modbus wire, as `DeviceError`s that name the bus, the unit, what was asked and what to do."""

from typing import Final

from gateway.errors import DeviceError

HEX_BYTES_MAX: Final = 64
ILLEGAL_ADDRESS: Final = 2
GATEWAY_FAULTS: Final = (0x0A, 0x0B)
"""A TCP gateway says that the unit behind it does not answer (Modbus application protocol 1.1b3 §7)."""
REFUSALS: Final = {
    1: "does not know this function",
    2: "has no such register",
    3: "does not accept this value or length",
    4: "reports an internal failure",
    5: "needs more time",
    6: "is busy",
    0x0A: "cannot be reached by the gateway",
    0x0B: "does not answer the gateway",
}


class UnitSilent(DeviceError):  # noqa: N818 - names the state of the unit, as the trade says it
    """Nothing valid came in time, or the unit is paused because of that."""


class UnitRefused(DeviceError):  # noqa: N818 - names what the unit did, as the trade says it
    """The unit answered with an exception. code: Modbus exception code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def silent(bus: str, unit: int, what: str, after_s: float, received: bytes) -> UnitSilent:
    """received: whatever came instead of a reply; empty if nothing did."""
    if received:
        shown = received[:HEX_BYTES_MAX].hex(" ")
        return UnitSilent(
            f"{bus}: unit {unit} gave no valid reply to {what} within {after_s:.2f} s, but {len(received)} bytes came: "
            f"{shown}. Check baud, parity, termination, and that no two units share one number."
        )
    return UnitSilent(
        f"{bus}: unit {unit} did not answer {what} within {after_s:.2f} s. "
        f"Check its power, its number, A and B, baud and parity."
    )


def paused(bus: str, unit: int, what: str, for_s: float) -> UnitSilent:
    return UnitSilent(f"{bus}: unit {unit} is silent and is asked again in {for_s:.0f} s, so {what} was not sent.")


def refused(bus: str, unit: int, what: str, code: int) -> UnitRefused:
    meaning = REFUSALS.get(code, "refuses")
    return UnitRefused(f"{bus}: unit {unit} {meaning} (exception {code} to {what}). Check model and unit number.", code)


def misfit(bus: str, unit: int, what: str, received: bytes) -> DeviceError:
    return DeviceError(
        f"{bus}: unit {unit} answered {what} with something else: {received[:HEX_BYTES_MAX].hex(' ')}. "
        f"If this repeats, raise the bus' timeout_s: its replies come late."
    )


def own_words(bus: str, unit: int, what: str) -> DeviceError:
    return DeviceError(
        f"{bus}: the adapter hears its own words, so the answer of unit {unit} to {what} proves nothing. "
        f"Set local_echo = true for this bus."
    )


def no_port(bus: str, port: str, what: str) -> DeviceError:
    return DeviceError(
        f"{bus}: {port} cannot be opened, so {what} was not sent. Check the plug, the name and that no other program "
        f"has it."
    )


def too_late(bus: str, unit: int, what: str, after_s: float) -> DeviceError:
    return DeviceError(f"{bus}: {what} of unit {unit} was not served within {after_s:.0f} s: the wire is overbooked.")
