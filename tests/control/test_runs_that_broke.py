"""Random cabinets of the long campaign in which a law was broken once, each played again."""

import pytest

from tests.campaigns import control_ticks

BROKE = {
    71000231: "faults",  # a silent box went on at 6 A under an order that left no room
    72000258: "faults",  # a box on one phase kept its current as its meter fell silent, and was counted on three
    74000235: "no faults",  # a car on its way down hid that the house had risen
    91000550: "no faults",  # two sockets that nothing switches overload the main fuse: the judge blamed control
    93000319: "no faults",  # the house alone above the rating, beside a box whose car does not use that phase
}


@pytest.mark.parametrize(("seed", "kind"), BROKE.items())
def test_no_law_is_broken_in_a_cabinet_that_once_broke_one(seed: int, kind: str) -> None:
    worst = control_ticks.Worst()
    control_ticks.one_run(seed, kind, worst, sample=False)
    assert worst.ticks == control_ticks.TICKS_PER_RUN
