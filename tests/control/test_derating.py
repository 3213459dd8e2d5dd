"""A warm cabinet lowers its links, a silent thermometer is the worst that the config knows of."""

from dataclasses import replace

import pytest

from gateway.control.derating import part_carried
from gateway.ids import FuseId
from gateway.site.because import Why
from gateway.site.outside import OutsideSight, TemperatureTold
from gateway.site.restraints import CabinetTemperature, Restraints
from gateway.site.topology import FuseKind, Site
from gateway.site.wishes import NoteEvent
from tests.control.cabinet_world import Cabinet
from tests.control.planned_site import MAIN, fuse, site, wallbox


def warm_site(*sockets: str) -> Site:
    fuses = (fuse(), fuse("shed", 20.0, FuseKind.C, parent="main", share=0.9))
    built = site(*(wallbox(name) for name in sockets or ("p1", "p2")), fuses=fuses)
    return replace(built, restraints=Restraints(temperature=CabinetTemperature(60.0)))


def cabinet(celsius: float | None) -> Cabinet:
    made = Cabinet(warm_site(), house_a=[1.0, 1.0, 1.0])
    tell(made, celsius)
    return made


def tell(made: Cabinet, celsius: float | None) -> None:
    told = None if celsius is None else TemperatureTold(celsius, made.at_s)
    made.outside = replace(made.outside, temperature=told)


@pytest.mark.parametrize(
    ("kind", "celsius", "part"),
    [
        (FuseKind.GG, -20.0, 1.0),
        (FuseKind.GG, 40.0, 1.0),
        (FuseKind.GG, 55.0, 0.925),
        (FuseKind.GG, 60.0, 0.9),
        (FuseKind.GG, 500.0, 0.5),
        (FuseKind.B, 60.0, 1.0),
        (FuseKind.C, 60.0, 1.0),
    ],
)
def test_a_link_carries_half_a_percent_less_per_degree_above_forty(kind: FuseKind, celsius: float, part: float) -> None:
    assert part_carried(kind, celsius) == pytest.approx(part)


def test_a_warm_cabinet_lowers_its_links_and_says_why() -> None:
    made = cabinet(30.0)
    made.plug("p1")
    made.plug("p2")
    made.run(400)
    assert max(made.main_a()) > 18.5
    tell(made, 60.0)
    made.run(60)
    assert max(made.main_a()) <= 18.0
    assert made.state.fuses[MAIN].limit_a == pytest.approx((18.0, 18.0, 18.0))
    assert made.state.fuses[FuseId("shed")].limit_a == pytest.approx((18.0, 18.0, 18.0))
    because = [seen.because for seen in made.state.sockets.values() if seen.because.why is Why.CABINET_WARM]
    assert because[0].current_a == pytest.approx(18.0)


def test_the_last_value_holds_for_ten_minutes_then_the_worst_and_people_are_told_once() -> None:
    made = cabinet(40.0)
    made.run(595)
    assert made.state.fuses[MAIN].limit_a == (20.0, 20.0, 20.0)
    made.run(60)
    assert made.state.fuses[MAIN].limit_a == pytest.approx((18.0, 18.0, 18.0))
    assert made.state.restraints.temperature is not None
    assert made.state.restraints.temperature.silent
    noted = [wish for _, wish in made.log if isinstance(wish, NoteEvent)]
    assert [wish.because.why for wish in noted].count(Why.CABINET_SENSOR_SILENT) == 1
    tell(made, 20.0)
    made.run(2)
    assert made.state.fuses[MAIN].limit_a == (20.0, 20.0, 20.0)


def test_before_its_first_word_the_worst_is_assumed() -> None:
    made = cabinet(None)
    made.run(2)
    assert made.state.fuses[MAIN].limit_a == pytest.approx((18.0, 18.0, 18.0))


def test_without_a_sensor_in_the_config_nothing_is_derated() -> None:
    made = Cabinet(site(wallbox("p1")))
    made.outside = OutsideSight(temperature=TemperatureTold(80.0, made.at_s))
    made.run(2)
    assert made.state.fuses[MAIN].limit_a == (20.0, 20.0, 20.0)
