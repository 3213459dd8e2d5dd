"""P1 telegrams made for tests: the Swedish line set with values that the test chooses, and an own bitwise checksum."""

from collections.abc import Mapping, Sequence

SWEDISH = {
    "1-0:1.8.0": "00001234.567*kWh",
    "1-0:2.8.0": "00000089.010*kWh",
    "1-0:1.7.0": "0002.415*kW",
    "1-0:2.7.0": "0000.000*kW",
    "1-0:21.7.0": "0001.150*kW",
    "1-0:22.7.0": "0000.000*kW",
    "1-0:41.7.0": "0000.690*kW",
    "1-0:42.7.0": "0000.000*kW",
    "1-0:61.7.0": "0000.575*kW",
    "1-0:62.7.0": "0000.000*kW",
    "1-0:32.7.0": "230.1*V",
    "1-0:52.7.0": "229.8*V",
    "1-0:72.7.0": "231.4*V",
    "1-0:31.7.0": "005.0*A",
    "1-0:51.7.0": "003.0*A",
    "1-0:71.7.0": "002.5*A",
}


def bitwise_crc(octets: bytes) -> int:
    """CRC-16/ARC bit by bit, as the standard draws it."""
    register = 0
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def p1_telegram(
    changed: Mapping[str, str | None] | None = None,
    *,
    ident: str = "TST5GRIDMETER",
    clock: str | None = "261121221000W",
    extra_lines: Sequence[str] = (),
    line_end: str = "\r\n",
    digits: str | None = None,
    end: str = "\r\n!",
) -> bytes:
    """The Swedish lines with some changed or (None) left out. digits: what stands for the checksum, default right."""
    registers = {**SWEDISH, **(changed or {})}
    lines = [f"0-0:1.0.0({clock})"] if clock else []
    lines += [f"{code}({value})" for code, value in registers.items() if value is not None]
    lines += extra_lines
    body = f"/{ident}\r\n\r\n" + "\r\n".join(lines) + end
    octets = body.replace("\r\n", line_end).encode("latin-1")
    if digits is None:
        digits = f"{bitwise_crc(octets):04X}"
    return octets + digits.encode() + line_end.encode()
