"""The ground that the bench stands on: traces, physics, judge, optimum, ladder."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hil.__main__ import main
from hil.bench.cabinet import BenchCabinet, Fault, Wires
from hil.bench.course import run_course
from hil.bench.filling import Wish, fill
from hil.bench.ladder import climb
from hil.bench.optimum import clairvoyant
from hil.bench.site_plan import read_site
from hil.bench.table import Entry
from hil.bench.trace_kinds import KINDS, make_trace
from hil.bench.traces import read_trace, write_trace
from hil.bench.words import Orders
from hil.world.table_reader import ScenarioMistake
from tests.bench_hil.stages import Play, car, plain, socket, trace


class Fixed:
    """Tells every box the same, for ever."""

    def __init__(self, **current_a: float) -> None:
        self.current_a = current_a

    def tick(self, news: object) -> Orders:
        return Orders(self.current_a)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_seed_gives_the_same_trace_and_its_site_is_a_config_of_the_gateway(kind: str) -> None:
    from gateway.config.load import cabinet_of

    one = make_trace(kind, 4)
    assert make_trace(kind, 4) == one
    assert make_trace(kind, 5) != one
    site = cabinet_of(one.site_text, "site.toml").site
    own = read_site(one.site_text)
    assert {str(fuse): each.steady_a_max for fuse, each in site.fuses.items()} == own.limit_a
    assert [str(name) for name in site.sockets] == list(own.sockets)


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = make_trace("villa", 2)
    write_trace(made, tmp_path / made.name)
    assert read_trace(tmp_path / made.name) == made


def test_a_mistake_in_a_trace_is_named_with_file_and_line(tmp_path: Path) -> None:
    write_trace(make_trace("villa", 2), tmp_path)
    (tmp_path / "house.csv").write_text("t_s,l1_a,l2_a,l3_a\n0,1,2,3\n5,one,2,3\n")
    with pytest.raises(ScenarioMistake, match=r"house.csv:3: l1_a = 'one': a number is needed"):
        read_trace(tmp_path)


HEAD = "socket,arrive_s,depart_s,energy_kwh,phases,limit_a,kind\n"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("house.csv", "t_s;l1_a;l2_a;l3_a\n0;1;2;3\n", r"house.csv: no column t_s, .* with commas"),
        ("house.csv", "t_s,l1_a,l2_a,l3_a\n0,nan,2,3\n", r"house.csv:2: l1_a = 'nan': a number is needed"),
        ("sessions.csv", HEAD + "zz,60,600,1,3,16,car\n", r"sessions.csv:2: socket = 'zz': site.toml has p1, p2"),
        ("sessions.csv", HEAD + "p1,60,600,1,3,16,lorry\n", r"sessions.csv:2: kind = 'lorry': one of car"),
        ("sessions.csv", HEAD + "p1,60,600,1,3,5,car\n", r"sessions.csv:2: limit_a = 5: a car charges with 6 A"),
        ("sessions.csv", HEAD + "p1,60,inf,1,3,16,car\n", r"sessions.csv:2: depart_s = 'inf': a number is needed"),
        ("sessions.csv", HEAD + "p1,60,600,1,1.5,16,car\n", r"sessions.csv:2: phases = 1.5: 1, 2 or 3"),
        ("sessions.csv", HEAD + "p1,60,600,1,3,16,plain\n", r"sessions.csv:2: kind = plain: a wallbox gives"),
        (
            "sessions.csv",
            HEAD + "p1,60,600,1,3,16,car\np1,300,900,1,3,16,car\n",
            r"sessions.csv:3: arrive_s = 300: p1 is taken from 60 to 600 s",
        ),
        ("site.toml", '[grid_meter]\nmain_fuse = "main"\n', r"site.toml\n  gateway = .*\n"),
    ],
)
def test_what_cannot_be_played_is_named_with_place_value_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, said: str
) -> None:
    write_trace(make_trace("villa", 2), tmp_path)
    (tmp_path / file).write_text(text)
    assert main(["bench", "--traces", str(tmp_path), "--policy", "fifo"]) == 2
    assert re.search(said, capsys.readouterr().err)


def test_a_table_of_another_program_is_read_with_its_mark_blanks_and_words(tmp_path: Path) -> None:
    write_trace(make_trace("villa", 2), tmp_path)
    (tmp_path / "house.csv").write_text("\ufefft_s, l1_a, l2_a, l3_a\n0, 1.5, 2, 3\n\n600, 2, 2, 2\n")
    (tmp_path / "sessions.csv").write_text(HEAD + "p1, 60, 600, 1, 3, 16, EV\np4, 60, 600, 1, 3, 16,\n")
    read = read_trace(tmp_path)
    assert read.house_t_s == (0.0, 600.0)
    assert [visit.kind for visit in read.visits] == ["car", "car"]
    assert [visit.phases for visit in read.visits] == [3, 1]  # p4 has one phase


@pytest.mark.parametrize("access", ["command", "list", "open"])
@pytest.mark.parametrize("policy", ["ours", "fifo"])
def test_a_driver_asks_for_current_where_none_comes_by_itself(access: str, policy: str) -> None:
    played = trace([car("p1", depart_s=600)])
    text = played.site_text.replace('access = "open"', f'access = "{access}"')
    verdict = run_course(replace(played, site_text=text), policy)
    assert verdict.never == 0
    assert verdict.energy_kwh > 0.8


@pytest.mark.parametrize("policy", ["ours", "fifo", "evcc", "hass-evse"])
def test_a_contactor_before_a_box_keeps_no_policy_from_charging(policy: str) -> None:
    played = trace([car("p1", depart_s=900)], sockets=[socket("p1"), plain("h1", "L1")])
    text = played.site_text.replace("wallbox = {", 'contactor = { board = "relays", channel = 8 }\nwallbox = {')
    assert run_course(replace(played, site_text=text), policy).energy_kwh > 0.8


def test_a_car_at_a_plain_socket_draws_when_there_is_voltage() -> None:
    played = trace([car("h1", depart_s=900, phases=1, limit_a=10)], sockets=[plain("h1", "L2")])
    verdict = run_course(played, "ours")
    assert verdict.energy_kwh > 0.3


def test_a_site_without_visitors_is_judged_for_its_house_alone(tmp_path: Path) -> None:
    write_trace(make_trace("villa", 2), tmp_path)
    (tmp_path / "sessions.csv").write_text(HEAD)
    (tmp_path / "house.csv").write_text("t_s,l1_a,l2_a,l3_a\n0,30,2,3\n300,2,2,2\n")
    read = read_trace(tmp_path)
    entry = Entry(read, clairvoyant(read), climb(read), {"ours": run_course(read, "ours")})
    assert entry.verdicts["ours"].over_s > 200
    assert entry.part("ours") is None


def test_a_car_follows_its_box_within_five_seconds_and_a_slow_one_climbs_for_long_but_falls_at_once() -> None:
    played = trace([car("p1", arrive_s=1), car("p2", arrive_s=1, kind="slow")])
    play = Play(played, Fixed(p1=16.0, p2=16.0))
    play.run(9)
    assert play.drawn_a("p1") == pytest.approx(16.0)
    assert play.drawn_a("p2") < 10.0
    play.run(100)
    assert play.drawn_a("p2") == pytest.approx(16.0)
    play.policy = Fixed(p1=0.0, p2=6.0)
    play.run(7)
    assert play.drawn_a("p1") == 0.0
    assert play.drawn_a("p2") == pytest.approx(6.0)


def test_a_box_of_whole_amperes_rounds_down_and_offers_nothing_below_six() -> None:
    sockets = [socket("p1"), socket("p2", step_a=0.1), socket("p3")]
    play = Play(trace([car("p1"), car("p2"), car("p3")], sockets=sockets), Fixed(p1=9.9, p2=9.95, p3=5.9))
    play.run(200)
    assert [play.offered_a(name) for name in ("p1", "p2", "p3")] == [9.0, pytest.approx(9.9), 0.0]


def test_telegrams_are_late_unsigned_and_every_ten_seconds() -> None:
    cabinet = BenchCabinet(trace([car("p1")], [(0.0, (-4.04, 7.0, 1.0))]), Wires(telegram_delay_s=2))
    heard = [telegram for _ in range(40) for telegram in cabinet.step().telegrams]
    assert [telegram.at_s for telegram in heard] == [12.0, 22.0, 32.0]
    assert heard[0].current_a == (4.0, 7.0, 1.0)
    assert heard[0].power_w is not None
    assert heard[0].power_w[0] < 0.0


def test_a_frozen_meter_repeats_itself_to_the_letter_and_a_silent_one_says_nothing() -> None:
    faults = (Fault("han_frozen", 35, 100), Fault("han_silent", 100, 150))
    cabinet = BenchCabinet(trace([car("p1")], [(0.0, (1.0, 1.0, 1.0)), (50.0, (9.0, 9.0, 9.0))]), Wires(faults=faults))
    heard = [telegram for _ in range(170) for telegram in cabinet.step().telegrams]
    assert {telegram.meter_clock for telegram in heard if 40 < telegram.at_s < 100} == {"30"}
    assert not [telegram for telegram in heard if 101 < telegram.at_s < 150]
    assert heard[-1].current_a == (9.0, 9.0, 9.0)


def test_the_judge_counts_what_is_too_much_and_lets_the_fuse_melt() -> None:
    over = run_course(trace([car("p1", 1, 3900), car("p2", 1, 3900)]), Fixed(p1=16.0, p2=16.0))
    assert over.over_s > 600
    assert over.fuses["main"].current_a_worst == pytest.approx(37.0)
    assert over.melted == 1
    assert over.heat_worst >= 1.0
    kind = run_course(trace([car("p1", 1, 600)]), Fixed(p1=16.0))
    assert kind.over_s == 0
    assert kind.melted == 0


def test_the_judge_counts_switchings_waits_and_first_amperes() -> None:
    play = Play(trace([car("p1", 100, 1000)]), Fixed(p1=0.0))
    play.run(160)
    play.policy = Fixed(p1=10.0)
    play.run(100)
    play.policy = Fixed(p1=0.0)
    play.run(50)
    play.policy = Fixed(p1=10.0)
    verdict = play.run()
    assert verdict.switchings == 1
    assert verdict.wait_s_longest == pytest.approx(63.0, abs=4.0)
    assert verdict.first_s_median == pytest.approx(63.0, abs=4.0)


def test_filling_is_fair_until_a_fuse_phase_or_a_wish_binds() -> None:
    room = {("main", 0): 30.0, ("child", 0): 10.0}
    child, main = [("child", 0), ("main", 0)], [("main", 0)]
    assert fill([Wish(child, 0, 32), Wish(child, 0, 3), Wish(main, 0, 16), Wish(main, 6, 32)], room) == [7, 3, 10, 10]


def test_the_optimum_knows_the_future() -> None:
    """One phase, room for one: the one who leaves first is served first, and both get all."""
    visits = [car("p1", 60, 3660, 1.38, 1), car("p2", 60, 1860, 0.69, 1)]
    sockets = [socket("p1", "L1", rating_a=12), socket("p2", "L1", rating_a=12)]
    played = trace(visits, [(0.0, (13.0, 0.0, 0.0))], sockets=sockets)
    best = clairvoyant(played)
    assert best.energy_kwh == pytest.approx(2.07, rel=0.01)
    assert best.got_kwh[1] == pytest.approx(0.69, rel=0.01)


@pytest.mark.parametrize("seed", [1, 3])
def test_no_rung_of_the_ladder_is_above_the_optimum_and_the_losses_add_up(seed: int) -> None:
    played = make_trace("villa", seed).shortened(5400)
    best, rungs = clairvoyant(played), climb(played)
    assert rungs.share_kwh <= best.energy_kwh * 1.001
    verdict = run_course(played, "fifo")
    entry = Entry(played, best, rungs, {"fifo": verdict})
    losses, part = entry.losses("fifo"), entry.part("fifo")
    assert losses is not None
    assert part is not None
    assert sum(losses.values()) == pytest.approx(1.0 - part)


def test_the_commands_write_a_trace_and_print_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["traces", "villa", "--seed", "2", "--out", str(tmp_path / "v2")]) == 0
    capsys.readouterr()
    words = ["bench", "--traces", str(tmp_path), "--policy", "ours,equal", "--seconds", "900"]
    assert main([*words, "--json", "--plot", str(tmp_path / "plots")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found[0]["policies"]) == {"ours", "equal"}
    assert found[0]["policies"]["ours"]["melted"] == 0
    assert sorted(path.suffix for path in (tmp_path / "plots").iterdir()) == [".png", ".svg"]
    assert main([*words, "--no-optimum"]) == 0
    assert "kWh" in capsys.readouterr().out
    assert main(["bench", "--traces", str(tmp_path), "--policy", "magic"]) == 2


def test_an_overload_counts_as_shown_from_the_telegram_that_samples_it_and_what_the_house_adds_from_the_next() -> None:
    """Too much from 95 s on; sampled at 100 s, heard a second later. At 125 s the house adds; sampled at 130 s."""
    base = [(0.0, (5.0, 5.0, 5.0)), (95.0, (12.0, 5.0, 5.0))]
    once = Play(trace([car("p1", 1)], base), Fixed(p1=16.0))
    assert once.run(140).shown_over_s == 39
    twice = Play(trace([car("p1", 1)], [*base, (125.0, (14.0, 5.0, 5.0))]), Fixed(p1=16.0))
    assert twice.run(140).shown_over_s == 23
