"""`check-config` does the safety sum of the main fuse."""

import pytest

from gateway.config.load import cabinet_of
from gateway.config.safety_sum import safety_sum
from gateway.config.warnings import cautions

CABINET = """
[gateway]
id = "sum"
[grid_meter]
port = "/dev/laddvakt-p1"
main_fuse = "main"
house_load_a_max = [HOUSE, 2, 2]
[mqtt]
host = "127.0.0.1"
[[bus]]
name = "m"
port = "tcp://127.0.0.1:1502"
[[bus]]
name = "r"
port = "/dev/ttyUSB1"
[[relay_board]]
name = "relays"
model = "waveshare-modbus-rtu-relay-8ch"
bus = "r"
unit = 1
[[fuse]]
name = "main"
rating_a = RATING
kind = "KIND"
[[fuse]]
name = "row"
rating_a = 16
kind = "B"
parent = "main"
[[socket]]
name = "p1"
fuse = "main"
phases = ["L1", "L2", "L3"]
rating_a = 16
meter = { model = "eastron-sdm630", bus = "m", unit = 1, side = "supply" }
wallbox = { mqtt = true }
[[socket]]
name = "p2"
fuse = "row"
phases = ["L1"]
rating_a = 10
access = "armed"
meter = { model = "eastron-sdm630", bus = "m", unit = 2, side = "supply" }
contactor = { board = "relays", channel = 1 }
"""


def told(kind: str, rating_a: float, house_a: float) -> dict[str, str]:
    words = {"KIND": kind, "RATING": f"{rating_a:g}", "HOUSE": f"{house_a:g}"}
    text = CABINET
    for word, value in words.items():
        text = text.replace(word, value)
    return {caution.path: str(caution) for caution in cautions(cabinet_of(text, "cabinet"))}


@pytest.mark.parametrize(
    ("kind", "rating_a", "house_a", "figures"),
    [
        # 16 x 0.9 = 14.4 A of sockets and 12 A of house: 26.4 A; 0.5 x 16 + 12 = 20 A is above 1.13 x 16 = 18.08 A.
        ("C", 16, 12, ["17 s", "14.4 A", "26.4 A", "1.65 times", "counts on 5 s", "share = 0.5 leaves 20 A"]),
        # 25 x 0.9 = 22.5 A and 10 A: 32.5 A; (28.25 - 10) / 25 = 0.73, which leaves a margin of 6.75 A.
        ("B", 25, 10, ["32.5 A", "1.30 times", "counts on 30 s", "share = 0.73", "margin of 6.75 A", "to 8 s"]),
        # 20 A of sockets and 18 A of house: 38 A = 1.9 times; (36 - 18) / 20 = 0.9.
        ("gG", 20, 18, ["38 A", "1.90 times", "counts on 10 s", "share = 0.9", "margin of 2 A"]),
    ],
)
def test_a_main_fuse_that_is_not_proven_to_hold_is_told_with_the_figures(
    kind: str, rating_a: float, house_a: float, figures: list[str]
) -> None:
    said = told(kind, rating_a, house_a)["fuse[main].kind"]
    assert [figure for figure in figures if figure not in said] == []


@pytest.mark.parametrize(("kind", "rating_a", "house_a"), [("gG", 25, 16), ("gG", 20, 16), ("C", 63, 20)])
def test_a_main_fuse_that_holds_is_not_told(kind: str, rating_a: float, house_a: float) -> None:
    assert "fuse[main].kind" not in told(kind, rating_a, house_a)


def test_an_advised_share_passes_the_sum() -> None:
    text = CABINET.replace("RATING", "25").replace("HOUSE", "10")
    shared = text.replace('kind = "KIND"', 'kind = "B"\nshare = 0.73')
    assert safety_sum(cabinet_of(shared, "cabinet").site).multiple <= 1.13
