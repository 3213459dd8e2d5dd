"""Reads the QR code of a label by ISO/IEC 18004 alone: version 9, correction level Q, one alphanumeric segment."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

SIDE = 53
ALIGNED = (6, 26, 46)
DATA_OF_BLOCKS = (16,) * 4 + (17,) * 4
CORRECTION_OCTETS = 20
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
LEVEL_Q = 0b11
MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, _: y % 2 == 0,
    lambda _, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)


def read_code(dark: Sequence[Sequence[bool]]) -> str:
    """The text of a code without its margin."""
    assert len(dark) == SIDE
    level, mask = _format(dark)
    assert level == LEVEL_Q
    bits = [dark[y][x] != MASKS[mask](y, x) for y, x in _places()]
    octets = [_number(bits[at : at + 8]) for at in range(0, len(bits) - 7, 8)]
    return _text("".join(f"{octet:08b}" for block in _blocks(octets) for octet in block))


def _format(dark: Sequence[Sequence[bool]]) -> tuple[int, int]:
    """§7.9: 15 bits beside the upper left finder, BCH (15, 5) under a mask."""
    row = [dark[8][x] for x in (0, 1, 2, 3, 4, 5, 7, 8)]
    column = [dark[y][8] for y in (7, 5, 4, 3, 2, 1, 0)]
    number = _number([*row, *column]) ^ 0b101010000010010
    rest = number
    for shift in range(4, -1, -1):
        if rest >> (10 + shift) & 1:
            rest ^= 0b10100110111 << shift
    assert rest == 0
    return number >> 13, number >> 10 & 7


def _places() -> Iterator[tuple[int, int]]:
    """§7.7.3: two columns at a time from the right, upwards and downwards in turn, around what is no data."""
    upwards = True
    for right in (*range(SIDE - 1, 6, -2), 5, 3, 1):
        rows = range(SIDE - 1, -1, -1) if upwards else range(SIDE)
        yield from ((y, x) for y in rows for x in (right, right - 1) if not _is_pattern(y, x))
        upwards = not upwards


def _is_pattern(y: int, x: int) -> bool:
    far = SIDE - 8
    if (y < 9 and (x < 9 or x >= far)) or (y >= far and x < 9) or 6 in (y, x):
        return True
    if (y < 6 and x >= SIDE - 11) or (x < 6 and y >= SIDE - 11):
        return True
    corners = {(6, 6), (6, 46), (46, 6)}
    return any(
        abs(y - at_y) <= 2 and abs(x - at_x) <= 2
        for at_y, at_x in product(ALIGNED, ALIGNED)
        if (at_y, at_x) not in corners
    )


def _blocks(octets: Sequence[int]) -> list[list[int]]:
    """§7.6: the blocks' data, taken apart; each must be a code word of the correction as it stands."""
    assert len(octets) == sum(DATA_OF_BLOCKS) + CORRECTION_OCTETS * len(DATA_OF_BLOCKS)
    coming = iter(octets)
    blocks: list[list[int]] = [[] for _ in DATA_OF_BLOCKS]
    for at in range(max(DATA_OF_BLOCKS)):
        for block, length in zip(blocks, DATA_OF_BLOCKS, strict=True):
            if at < length:
                block.append(next(coming))
    rests: list[list[int]] = [[] for _ in DATA_OF_BLOCKS]
    for _ in range(CORRECTION_OCTETS):
        for rest in rests:
            rest.append(next(coming))
    root = 1
    for _ in range(CORRECTION_OCTETS):
        for block, rest in zip(blocks, rests, strict=True):
            value = 0
            for octet in (*block, *rest):
                value = _times(value, root) ^ octet
            assert value == 0
        root = _times(root, 2)
    return blocks


def _times(left: int, right: int) -> int:
    """In GF(256) modulo 100011101 (§7.5.2)."""
    result = 0
    while right:
        if right & 1:
            result ^= left
        left <<= 1
        if left > 255:
            left ^= 0b100011101
        right >>= 1
    return result


def _text(bits: str) -> str:
    assert bits[:4] == "0010"
    count = int(bits[4:13], 2)
    text, at = "", 13
    while len(text) + 1 < count:
        first, second = divmod(int(bits[at : at + 11], 2), 45)
        text += ALPHANUMERIC[first] + ALPHANUMERIC[second]
        at += 11
    return text + (ALPHANUMERIC[int(bits[at : at + 6], 2)] if len(text) < count else "")


def _number(bits: Sequence[bool]) -> int:
    return int("".join("01"[bit] for bit in bits), 2)
