"""Model text to `MeterModel`: one TOML file per meter type, beside this file in `models/`."""

from decimal import Decimal
from typing import Final

from gateway.meters.model_text import WORD_MAX, ModelTable
from gateway.meters.register_map import (
    Block,
    Confidence,
    GoldenWords,
    LinkFacts,
    MeterModel,
    NumberType,
    Quantity,
    RegisterField,
    SerialForm,
    SerialRegister,
    WordOrder,
)

__all__ = ["Confidence", "MeterModel", "parse_meter_model"]

REGISTERS_MAX: Final = 125
"""Most registers of one read (Modbus application protocol 1.1b3 §6.3)."""
UNITS: Final = {"v": "V", "a": "A", "w": "W", "hz": "Hz", "kwh": "kWh"}


def parse_meter_model(text: str) -> MeterModel:
    """One meter type from its file. Raises `ConfigMistake` with every mistake of the file at once."""
    top = ModelTable.of_text(text)
    model_id = top.text("id")
    link = _link(top.table("link"))
    blocks = tuple(_block(table, link.registers_max) for table in top.tables("block"))
    if not blocks:
        top.refuse("block", "is missing.", "Give at least one block of registers to read.")
    if len({block.count for block in blocks}) < len(blocks):
        top.refuse("block", "has two blocks of one length.", "Make the counts differ: a late reply is known by length.")
    fields = tuple(field for table in top.tables("field") for field in _field(table, blocks))
    for quantity in (Quantity.CURRENT_L1_A, Quantity.ENERGY_IMPORT_KWH):
        if quantity not in {field.quantity for field in fields}:
            top.refuse("field", f"lacks {quantity}.", "Without it a meter neither guards nor counts.")
    serial = _serial(top.table("serial")) if top.has("serial") else None
    golden = tuple(words for table in top.tables("golden") for words in _golden(table, blocks, fields))
    confidence = top.choice("confidence", Confidence)
    if confidence is Confidence.PROVEN and not any(words.printed for words in golden):
        top.refuse("confidence", "is claimed without a printed example.", 'Cite one in [[golden]], or say "unproven".')
    model = MeterModel(
        id=model_id,
        vendor=top.text("vendor"),
        name=top.text("name"),
        sources=top.texts("sources"),
        confidence=confidence,
        phases=top.whole("phases", 1, 3),
        link=link,
        blocks=blocks,
        fields=fields,
        serial=serial,
        golden=golden,
    )
    top.close()
    top.finish(f"meter model {model_id}")
    return model


def _link(table: ModelTable) -> LinkFacts:
    parity = table.text("parity")
    if parity not in ("N", "E", "O"):
        table.refuse("parity", "must be N, E or O.", 'Write parity = "N".')
    facts = LinkFacts(
        baud=table.whole("baud", 300, 1_000_000),
        parity=parity,
        stop_bits=table.whole("stop_bits", 1, 2),
        registers_max=table.whole("registers_max", 1, REGISTERS_MAX),
        silence_s=table.number("silence_s", 0.0, 1.0),
        timeout_s=table.number("timeout_s", 0.05, 10.0),
    )
    table.close()
    return facts


def _block(table: ModelTable, registers_max: int) -> Block:
    block = Block(
        name=table.text("name"),
        function=table.whole("function", 3, 4),
        address=table.whole("address", 0, WORD_MAX),
        count=table.whole("count", 1, registers_max),
    )
    table.close()
    return block


def _field(table: ModelTable, blocks: tuple[Block, ...]) -> tuple[RegisterField, ...]:
    """One field, or three of them when `quantity` ends in `_l1_…` and `per_phase` is true (addresses follow on)."""
    first = table.choice("quantity", Quantity)
    number_type = table.choice("type", NumberType)
    address = table.whole("address", 0, WORD_MAX)
    name = table.text("block")
    order = table.choice("word_order", WordOrder)
    scale = table.decimal("scale")
    unit = table.text("unit")
    per_phase = table.flag("per_phase") if table.has("per_phase") else False
    invalid = frozenset(_bits(table, pattern) for pattern in table.texts("invalid")) if table.has("invalid") else ()
    table.close()
    if unit != UNITS[first.rpartition("_")[2]]:
        table.refuse("unit", f"does not fit {first}.", f'Write unit = "{UNITS[first.rpartition("_")[2]]}".')
    if per_phase and "_l1_" not in first:
        table.refuse("per_phase", "needs a quantity of L1.", "Name the L1 quantity, or leave per_phase out.")
        return ()
    quantities = [Quantity(first.replace("_l1_", f"_l{n}_")) for n in (1, 2, 3)] if per_phase else [first]
    fields = []
    for step, quantity in enumerate(quantities):
        at = address + step * number_type.words
        block = next((b for b in blocks if b.name == name), None)
        if block is None or not block.address <= at <= block.address + block.count - number_type.words:
            table.refuse("address", f"{quantity} at {at:#06x} does not lie in block {name}.", "Mend one of the two.")
            continue
        offset = at - block.address
        fields.append(RegisterField(quantity, name, offset, number_type, order, scale, unit, frozenset(invalid)))
    return tuple(fields)


def _bits(table: ModelTable, pattern: str) -> int:
    try:
        return int(pattern, 16)
    except ValueError:
        table.refuse("invalid", f"{pattern} is not a hexadecimal number.", 'Write invalid = ["0xFFFFFFFF"].')
        return 0


def _serial(table: ModelTable) -> SerialRegister:
    register = SerialRegister(
        function=table.whole("function", 3, 4),
        address=table.whole("address", 0, WORD_MAX),
        count=table.whole("count", 1, 16),
        form=table.choice("form", SerialForm),
    )
    table.close()
    return register


def _golden(table: ModelTable, blocks: tuple[Block, ...], fields: tuple[RegisterField, ...]) -> tuple[GoldenWords, ...]:
    """Words given at some addresses of the blocks; all other words of the blocks are zero."""
    memory = {block.name: [0] * block.count for block in blocks}
    for words in table.tables("words"):
        address = words.whole("address", 0, WORD_MAX)
        for step, word in enumerate(_words(words, words.text("hex"))):
            block = next((b for b in blocks if b.address <= address + step < b.address + b.count), None)
            if block is None:
                words.refuse("address", f"{address + step:#06x} lies in no block.", "Mend the address.")
            else:
                memory[block.name][address + step - block.address] = word
        words.close()
    expect_table = table.table("expect")
    expect: dict[Quantity, Decimal | None] = {}
    for name in expect_table.names():
        if name not in {field.quantity.value for field in fields}:
            expect_table.refuse(name, "is not a field of this model.", "Mend the name.")
        elif expect_table.text(name) == "unknown":
            expect[Quantity(name)] = None
        else:
            expect[Quantity(name)] = Decimal(expect_table.text(name))
    source = table.text("source")
    printed = table.flag("printed")
    table.close()
    return (GoldenWords(source, printed, {name: tuple(words) for name, words in memory.items()}, expect),)


def _words(table: ModelTable, text: str) -> tuple[int, ...]:
    digits = text.replace(" ", "")
    if len(digits) % 4 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        table.refuse("hex", "must be whole words in hexadecimal.", 'Write hex = "4366 3334".')
        return ()
    return tuple(int(digits[at : at + 4], 16) for at in range(0, len(digits), 4))
