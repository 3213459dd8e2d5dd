"""Every meter model says what it means: its golden words give what its sources say, and slips in a file are named."""

import struct
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.errors import ConfigMistake
from gateway.meters.catalogue import parse_meter_model
from gateway.meters.readings import SocketReading
from gateway.meters.register_map import (
    Confidence,
    MeterModel,
    NumberType,
    Quantity,
    RegisterField,
    WordOrder,
    field_step,
    field_value,
    field_words,
    float32_decimal,
    float32_step,
)
from gateway.meters.socket_decode import against_last, decode, polls_agree, serial_text

MODELS = {
    path.name.removesuffix(".toml"): path.read_text(encoding="utf-8")
    for path in (resources.files("gateway.meters") / "models").iterdir()
    if path.name.endswith(".toml")
}


def at(monotonic_s: float = 0.0) -> Instant:
    return Instant(monotonic_s, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.SYNCHRONISED)


def words_of(model: MeterModel, **patches: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """All blocks zero, with the named quantities' words put in."""
    memory = {block.name: [0] * block.count for block in model.blocks}
    for field in model.fields:
        if field.quantity.value in patches:
            words = patches[field.quantity.value]
            memory[field.block][field.offset : field.offset + field.type.words] = words
    return {name: tuple(words) for name, words in memory.items()}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_models_golden_words_give_the_values_of_their_source(name: str) -> None:
    model = parse_meter_model(MODELS[name])
    assert model.id == name
    assert model.golden
    for golden in model.golden:
        for field in model.fields:
            if field.quantity in golden.expect:
                value = field_value(field, field_words(field, golden.words_by_block))
                assert value == golden.expect[field.quantity], (field.quantity, golden.source)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_no_read_is_longer_than_the_meter_allows_and_no_two_reads_are_of_one_length(name: str) -> None:
    model = parse_meter_model(MODELS[name])
    counts = [block.count for block in model.blocks]
    assert max(counts) <= model.link.registers_max
    assert len(set(counts)) == len(counts)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_without_a_printed_example_of_its_own_a_model_is_unproven(name: str) -> None:
    model = parse_meter_model(MODELS[name])
    printed = any(golden.printed for golden in model.golden)
    assert (model.confidence is Confidence.PROVEN) <= printed


def test_an_abb_energy_is_read_to_ten_watt_hours_exactly_as_shown() -> None:
    model = parse_meter_model(MODELS["abb-b23"])
    reading = decode(model, model.golden[0].words_by_block, at())
    assert reading.energy_import is not None
    assert str(reading.energy_import.kwh) == "8567.20"
    assert reading.energy_import.step_kwh == Decimal("0.01")
    assert reading.energy_import.raw_words == (0, 0, 0x000D, 0x1290)


def test_an_import_only_abb_meter_has_no_export_rather_than_an_enormous_one() -> None:
    model = parse_meter_model(MODELS["abb-b23"])
    assert decode(model, model.golden[1].words_by_block, at()).energy_export is None


def test_garo_and_carlo_gavazzi_read_the_same_layout() -> None:
    garo = parse_meter_model(MODELS["garo-gnm3d"])
    maker = parse_meter_model(MODELS["carlo-gavazzi-em340"])
    assert garo.fields == maker.fields
    assert garo.blocks == maker.blocks


def test_a_garo_overflow_is_unknown() -> None:
    model = parse_meter_model(MODELS["garo-gnm3d"])
    reading = decode(model, words_of(model, current_l1_a=(0xFFFF, 0x7FFF)), at())
    assert reading.current_a[0] is None


@pytest.mark.parametrize("words", [(0x7FC0, 0), (0x7F80, 0), (0xFF80, 0), (0x7F7F, 0xFFFF)])
def test_a_float_that_is_no_number_is_unknown(words: tuple[int, int]) -> None:
    model = parse_meter_model(MODELS["eastron-sdm630"])
    reading = decode(model, words_of(model, power_w=words, energy_import_kwh=words), at())
    assert reading.power_w is None
    assert reading.energy_import is None


@pytest.mark.parametrize(
    ("packed", "shown"),
    [
        ("43663333", "230.2"),
        ("43663334", "230.20001"),
        ("3DCCCCCD", "0.1"),
        ("4640E6B8", "12345.68"),
        ("4B800000", "16777216"),
        ("00000000", "0"),
        ("BFC00000", "-1.5"),
    ],
)
def test_a_float_register_is_shown_as_the_shortest_decimal_that_is_it(packed: str, shown: str) -> None:
    value = float32_decimal(bytes.fromhex(packed))
    assert value is not None
    assert format(value, "f") == shown


@pytest.mark.parametrize(
    ("number", "step"), [(0.0, 2.0**-23), (1.0, 2.0**-23), (16384.0, 2.0**-9), (131072.5, 2.0**-6)]
)
def test_a_float_registers_step_grows_with_it(number: float, step: float) -> None:
    assert float(float32_step(number)) == step


def test_word_order_is_the_models() -> None:
    high = RegisterField(
        Quantity.POWER_W, "b", 0, NumberType.S32, WordOrder.HIGH_FIRST, Decimal("0.1"), "W", frozenset()
    )
    low = replace(high, order=WordOrder.LOW_FIRST)
    assert field_value(high, (0xFFFF, 0xFFF6)) == Decimal("-1.0")
    assert field_value(low, (0xFFF6, 0xFFFF)) == Decimal("-1.0")
    assert field_step(high, (0, 0)) == Decimal("0.1")


def f32(number: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", number))
    return high, low


def test_a_reading_at_byte_shifted_voltages_is_refused_for_billing_but_keeps_its_currents() -> None:
    model = parse_meter_model(MODELS["eastron-sdm630"])
    words = words_of(model, voltage_l1_v=f32(61000.0), current_l1_a=f32(41.0), energy_import_kwh=f32(10.0))
    reading = decode(model, words, at())
    assert reading.refused == ("voltage_out_of_range",)
    assert reading.energy_import is None
    assert reading.current_a[0] == 41.0


def test_a_phase_that_is_switched_off_is_no_fault() -> None:
    model = parse_meter_model(MODELS["eastron-sdm630"])
    words = words_of(model, voltage_l1_v=f32(230.0), voltage_l2_v=f32(3.0), frequency_hz=f32(50.0))
    assert decode(model, words, at()).refused == ()


def test_a_register_that_falls_or_leaps_is_refused() -> None:
    model = parse_meter_model(MODELS["eastron-sdm630"])
    first = decode(model, words_of(model, energy_import_kwh=f32(100.0)), at(0.0))
    fallen = decode(model, words_of(model, energy_import_kwh=f32(99.5)), at(1.0))
    leapt = decode(model, words_of(model, energy_import_kwh=f32(101.0)), at(1.0))
    risen = decode(model, words_of(model, energy_import_kwh=f32(100.01)), at(1.0))
    assert against_last(fallen, first).refused == ("energy_import_fell",)
    assert against_last(leapt, first).refused == ("energy_import_leapt",)
    assert against_last(leapt, first).energy_import is None
    assert against_last(risen, first) == risen
    assert against_last(fallen, None) == fallen


def test_two_polls_agree_when_the_register_stood_still_or_rose_as_the_power_says() -> None:
    model = parse_meter_model(MODELS["abb-b23"])

    def poll(raw: int, at_s: float, power_w: int) -> SocketReading:
        words = words_of(model, energy_import_kwh=(0, 0, raw >> 16, raw & 0xFFFF), power_w=(0, power_w * 100))
        return decode(model, words, at(at_s))

    still = poll(1000, 0.0, 0)
    assert polls_agree(still, poll(1000, 1.0, 0))
    assert polls_agree(still, poll(1002, 1.0, 1))
    assert not polls_agree(still, poll(1010, 1.0, 1))
    assert not polls_agree(still, poll(999, 1.0, 1))
    assert polls_agree(still, poll(1010, 60.0, 6)) is False
    assert polls_agree(still, poll(1010, 600.0, 500))


def test_a_serial_number_is_text_whatever_its_form() -> None:
    abb = parse_meter_model(MODELS["abb-b23"]).serial
    garo = parse_meter_model(MODELS["garo-gnm3d"]).serial
    assert abb is not None
    assert garo is not None
    assert serial_text(abb, (0x0012, 0xD687)) == "1234567"
    assert serial_text(abb, (0xFFFF, 0xFFFF)) is None
    assert serial_text(garo, (0x4247, 0x3132, 0x3334, 0x3500, 0, 0, 0)) == "BG12345"
    assert serial_text(garo, (0,) * 7) is None


def test_every_slip_in_a_model_file_is_told_at_once() -> None:
    text = MODELS["abb-b23"].replace('unit = "V"', 'unit = "A"').replace("count = 8", "count = 45")
    text = text.replace("phases = 3", "fases = 3")
    with pytest.raises(ConfigMistake) as caught:
        parse_meter_model(text)
    told = "\n".join(str(mistake) for mistake in caught.value.mistakes)
    for path in ("unit", "block", "phases", "fases"):
        assert path in told


def test_a_claim_of_proof_without_a_printed_example_is_refused() -> None:
    text = MODELS["abb-b23"].replace('confidence = "unproven"', 'confidence = "proven"')
    with pytest.raises(ConfigMistake) as caught:
        parse_meter_model(text)
    assert "confidence" in caught.value.mistakes[0].path


def test_a_file_that_is_not_toml_is_a_mistake_not_a_crash() -> None:
    with pytest.raises(ConfigMistake):
        parse_meter_model("id = ")
