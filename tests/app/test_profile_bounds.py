"""What a row of the load profile may show more than the row before, by the fuses of the config."""

from decimal import Decimal

import pytest

from gateway.app.load_profile import most_w_by_place
from gateway.metering.load_profile import SITE
from tests.app.loop_bench import site


def test_each_place_has_three_times_the_rating_of_the_fuse_before_its_meter_at_253_v_and_a_tenth_more() -> None:
    cabinet = site()
    bounds_w = most_w_by_place(cabinet)
    assert bounds_w.keys() == {SITE, *cabinet.sockets}
    for place, bound_w in bounds_w.items():
        fuse = next((one.fuse for name, one in cabinet.sockets.items() if name == place), cabinet.main)
        assert bound_w == pytest.approx(Decimal("2504.7") * Decimal(cabinet.fuses[fuse].rating_a))
