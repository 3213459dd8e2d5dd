"""The lists that makers push, from what the meter shows.

Aidon: Aidon HAN interface description 1.1 (list of 27 as its Swedish meters send it). Kaifa: HAN OBIS codes KFM_001,
and its Swedish list of 18 pairs. Kamstrup: HAN-NVE interface description 3.1. Landis+Gyr E450 and Kaifa MA309 as grid
companies in Switzerland, Austria and Poland let them push.
"""

import struct
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from hil.world.dlms_frames import length_octets
from hil.world.grid_values import Shown, counts

W, VAR, WH, VARH, A, V = 27, 29, 30, 32, 33, 35
"""Units (IEC 62056-6-2)."""
_AIDON_TYPE = "6534"
_KAIFA_TYPES = {1: "MA105H2E", 3: "MA304H4E"}
METER_ID = "7350000000004711"


def octet_string(value: bytes) -> bytes:
    return b"\x09" + length_octets(len(value)) + value


def visible_string(text: str) -> bytes:
    return b"\x0a" + length_octets(len(text)) + text.encode("ascii")


def code(*groups: int) -> bytes:
    return octet_string(bytes((*groups, 0xFF)))


def u32(value: int) -> bytes:
    return b"\x06" + struct.pack(">I", value)


def u64(value: int) -> bytes:
    return b"\x15" + struct.pack(">Q", value)


def u16(value: int) -> bytes:
    return b"\x12" + struct.pack(">H", value)


def i16(value: int) -> bytes:
    return b"\x10" + struct.pack(">h", value)


def structure(*values: bytes) -> bytes:
    return b"\x02" + length_octets(len(values)) + b"".join(values)


def array(*values: bytes) -> bytes:
    return b"\x01" + length_octets(len(values)) + b"".join(values)


def cosem_time(at: datetime, deviation_min: int | None = None) -> bytes:
    """12 octets (IEC 62056-6-2 §4.1.6.1); deviation None: not said."""
    deviation = -0x8000 if deviation_min is None else deviation_min
    day = at.isoweekday()
    return struct.pack(">HBBBBBBBhB", at.year, at.month, at.day, day, at.hour, at.minute, at.second, 0, deviation, 0)


def notification(body: bytes, time: bytes = b"") -> bytes:
    """A data notification. time: as it is sent; empty for none."""
    return b"\x0f\x40\x00\x00\x00" + (time or b"\x00") + body


def tagged_time(at: datetime) -> bytes:
    """09 0C: Kaifa, and Kamstrup before version 3.0."""
    return octet_string(cosem_time(at))


def plain_time(at: datetime) -> bytes:
    """0C: the standard."""
    return b"\x0c" + cosem_time(at)


def _scaled(groups: tuple[int, ...], value: bytes, scaler: int, unit: int) -> bytes:
    return structure(code(*groups), value, structure(b"\x0f" + struct.pack(">b", scaler), bytes((0x16, unit))))


def _aidon_head() -> list[bytes]:
    texts = (((1, 1, 0, 2, 129), "AIDON_V0001"), ((0, 0, 96, 1, 0), METER_ID), ((0, 0, 96, 1, 7), _AIDON_TYPE))
    return [structure(code(*groups), visible_string(text)) for groups, text in texts]


def _aidon_powers(of: Shown) -> list[bytes]:
    powers = ((1, of.import_w, W), (2, of.export_w, W), (3, of.import_var, VAR), (4, Decimal(0), VAR))
    return [_scaled((1, 0, group, 7, 0), u32(int(value)), 0, unit) for group, value, unit in powers]


def _aidon_phases(of: Shown) -> list[bytes]:
    currents = [
        _scaled((1, 0, c, 7, 0), i16(counts(a, "0.1")), -1, A) for c, a in zip((31, 51, 71), of.amperes, strict=True)
    ]
    voltages = [
        _scaled((1, 0, c, 7, 0), u16(counts(v, "0.1")), -1, V) for c, v in zip((32, 52, 72), of.volts, strict=True)
    ]
    return currents + voltages


def _aidon_energies(of: Shown, step: str, scaler: int) -> list[bytes]:
    energies = ((1, of.import_wh, WH), (2, of.export_wh, WH), (3, Decimal(0), VARH), (4, Decimal(0), VARH))
    return [_scaled((1, 0, group, 8, 0), u32(counts(value, step)), scaler, unit) for group, value, unit in energies]


def aidon_se(of: Shown, at: datetime) -> bytes:
    """27 items: clock, sums, phases, each phase's four powers, energies in Wh. No name, no number."""
    zero = Decimal(0)
    clock = structure(code(0, 0, 1, 0, 0), octet_string(cosem_time(at)))
    by_phase = []
    for phase, group in enumerate((21, 41, 61)):
        watts = of.phase_w[phase]
        powers = ((group, max(watts, zero), W), (group + 1, max(-watts, zero), W))
        reactive = ((group + 2, of.phase_var[phase], VAR), (group + 3, zero, VAR))
        by_phase += [_scaled((1, 0, c, 7, 0), u32(int(value)), 0, unit) for c, value, unit in (*powers, *reactive)]
    return array(clock, *_aidon_powers(of), *_aidon_phases(of), *by_phase, *_aidon_energies(of, "1", 0))


def aidon_no(of: Shown, at: datetime, number: int) -> bytes:
    """List 1: import alone; 2: all but energy; 3: with clock and energies of 10 Wh. Also Landis+Gyr E350."""
    if number == 1:
        return array(_aidon_powers(of)[0])
    items = [*_aidon_head(), *_aidon_powers(of), *_aidon_phases(of)]
    if number == 3:
        items.append(structure(code(0, 0, 1, 0, 0), octet_string(cosem_time(at, 0))))
        items += _aidon_energies(of, "10", 1)
    return array(*items)


def kaifa(of: Shown, at: datetime, items: int) -> bytes:
    """By position: 1, 9 (one phase), 13, 14 (one phase with energies) or 18 items; W, mA, 0.1 V, Wh."""
    if items == 1:
        return structure(u32(int(of.import_w)))
    phases = 1 if items in (9, 14) else 3
    values = [octet_string(text.encode()) for text in ("KFM_001", METER_ID, _KAIFA_TYPES[phases])]
    values += [u32(int(each)) for each in (of.import_w, of.export_w, of.import_var, Decimal(0))]
    values += [u32(abs(counts(each, "0.001"))) for each in of.amperes[:phases]]
    values += [u32(counts(each, "0.1")) for each in of.volts[:phases]]
    if items in (14, 18):
        values.append(octet_string(cosem_time(at)))
        values += [u32(int(each)) for each in (of.import_wh, of.export_wh, Decimal(0), Decimal(0))]
    return structure(*values)


def kaifa_se(of: Shown, at: datetime) -> bytes:
    """36 values: 18 pairs of code and value; energies of 64 bits, clock an hour ahead of UTC all the year."""
    pairs = [
        (code(1, 0, 0, 2, 129), octet_string(b"KFM_001")),
        (code(0, 0, 96, 1, 0), octet_string(METER_ID.encode())),
        (code(0, 0, 96, 1, 7), octet_string(_KAIFA_TYPES[3].encode())),
        *_codes_and_values((1, 2, 3, 4), (of.import_w, of.export_w, of.import_var, Decimal(0)), "1"),
        *_codes_and_values((31, 51, 71), [abs(each) for each in of.amperes], "0.001"),
        *_codes_and_values((32, 52, 72), of.volts, "0.1"),
        (code(0, 0, 1, 0, 0), octet_string(cosem_time(at, -60))),
    ]
    for group, value in zip((1, 2, 3, 4), (of.import_wh, of.export_wh, Decimal(0), Decimal(0)), strict=True):
        pairs.append((code(1, 0, group, 8, 0), u64(int(value))))
    return structure(*(part for pair in pairs for part in pair))


def _codes_and_values(groups: Sequence[int], values: Sequence[Decimal], step: str) -> list[tuple[bytes, bytes]]:
    return [(code(1, 0, g, 7, 0), u32(counts(value, step))) for g, value in zip(groups, values, strict=True)]


def kamstrup(of: Shown, at: datetime, items: int, type_number: str, energy_step: str) -> bytes:
    """Version, then pairs: 25 values, or 35 with clock and energies; W, 10 mA, V, and Wh or 10 Wh."""
    values = [visible_string("Kamstrup_V0001")]
    values += [code(1, 1, 0, 0, 5), visible_string(METER_ID), code(1, 1, 96, 1, 1), visible_string(type_number)]
    for group, watts in zip((1, 2, 3, 4), (of.import_w, of.export_w, of.import_var, Decimal(0)), strict=True):
        values += [code(1, 1, group, 7, 0), u32(int(watts))]
    for group, amperes in zip((31, 51, 71), of.amperes, strict=True):
        values += [code(1, 1, group, 7, 0), u32(abs(counts(amperes, "0.01")))]
    for group, volts in zip((32, 52, 72), of.volts, strict=True):
        values += [code(1, 1, group, 7, 0), u16(int(volts))]
    if items == 35:
        values += [code(0, 1, 1, 0, 0), octet_string(cosem_time(at))]
        for group, energy in zip((1, 2, 3, 4), (of.import_wh, of.export_wh, Decimal(0), Decimal(0)), strict=True):
            values += [code(1, 1, group, 8, 0), u32(counts(energy, energy_step))]
    return structure(*values)


def e450(of: Shown) -> bytes:
    """Landis+Gyr E450: 14 bare values; V, 10 mA, W, Wh, three unused, meter number."""
    values = [u16(int(each)) for each in of.volts]
    values += [u16(abs(counts(each, "0.01"))) for each in of.amperes]
    values += [u32(int(each)) for each in (of.import_w, of.export_w, of.import_wh, of.export_wh)]
    return structure(*values, u16(0), u16(0), u16(0), octet_string(METER_ID[-8:].encode()))


def e450_objects(of: Shown) -> bytes:
    """Landis+Gyr E450 with its list of objects first: energies, currents, powers, as a Swiss grid company has it."""
    listed: list[tuple[int, tuple[int, ...], bytes]] = [
        (1, (0, 0, 96, 1, 0), octet_string(METER_ID[-8:].encode())),
        (3, (1, 0, 1, 7, 0), u32(int(of.import_w))),
        (3, (1, 0, 2, 7, 0), u32(int(of.export_w))),
        (3, (1, 1, 1, 8, 0), u32(int(of.import_wh))),
        (3, (1, 1, 2, 8, 0), u32(int(of.export_wh))),
    ]
    listed += [
        (3, (1, 0, group, 7, 0), u16(abs(counts(amperes, "0.01"))))
        for group, amperes in zip((31, 51, 71), of.amperes, strict=True)
    ]
    first = structure(u16(40), code(0, 8, 25, 9, 0), b"\x0f\x02", u16(0))
    objects = [structure(u16(kind), code(*groups), b"\x0f\x02", u16(0)) for kind, groups, _ in listed]
    return structure(array(first, *objects), *(value for _, _, value in listed))


def ma309(of: Shown, at: datetime) -> bytes:
    """Kaifa MA309 on wired M-Bus: scalers and units, 10 mA."""
    items = [code(0, 0, 1, 0, 0), octet_string(cosem_time(at))]
    items.append(structure(code(0, 0, 96, 1, 0), octet_string(METER_ID.encode())))
    items += [
        _scaled((1, 0, c, 7, 0), u16(counts(v, "0.1")), -1, V) for c, v in zip((32, 52, 72), of.volts, strict=True)
    ]
    items += [
        _scaled((1, 0, c, 7, 0), u16(abs(counts(a, "0.01"))), -2, A)
        for c, a in zip((31, 51, 71), of.amperes, strict=True)
    ]
    items += [_scaled((1, 0, c, 7, 0), u32(int(w)), 0, W) for c, w in ((1, of.import_w), (2, of.export_w))]
    items += [_scaled((1, 0, c, 8, 0), u32(int(e)), 0, WH) for c, e in ((1, of.import_wh), (2, of.export_wh))]
    return structure(*items)
