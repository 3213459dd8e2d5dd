"""When a message is due."""

from decimal import Decimal

from gateway.publish.json_text import Thing
from gateway.publish.rates import Pace


def thing(*, power_w: float | None = 1000.0, state: str = "idle", kwh: str = "1.00", ts: str = "a") -> Thing:
    return {"power_w": power_w, "current_a": (4.0, None, 4.0), "state": state, "kwh_kwh": Decimal(kwh), "ts": ts}


def due(pace: Pace, now_s: float, said: Thing) -> bool:
    return bool(pace.due({"t": said}, now_s))


def test_the_first_word_is_due_at_once() -> None:
    assert Pace().due({"t": {"a": 1}, "s": "online"}, 0.0) == {"t": '{"a":1}', "s": "online"}


def test_small_changes_wait_and_time_stamps_start_no_message() -> None:
    pace = Pace()
    assert due(pace, 0.0, thing())
    assert not due(pace, 5.0, thing(power_w=1009.0, ts="b"))
    assert due(pace, 6.0, thing(power_w=1010.0))


def test_one_per_cent_of_a_large_power_is_the_step() -> None:
    pace = Pace()
    assert due(pace, 0.0, thing(power_w=11000.0))
    assert not due(pace, 5.0, thing(power_w=11100.0))
    assert due(pace, 6.0, thing(power_w=11110.0))


def test_measurements_come_at_most_once_a_second_but_words_at_once() -> None:
    pace = Pace()
    assert due(pace, 0.0, thing())
    assert not due(pace, 0.5, thing(power_w=5000.0))
    assert due(pace, 0.6, thing(power_w=5000.0, state="charging"))
    assert due(pace, 1.6, thing(power_w=6000.0, state="charging"))


def test_silence_is_broken_after_thirty_seconds_where_something_is_measured() -> None:
    pace = Pace()
    assert due(pace, 0.0, thing())
    assert not due(pace, 29.9, thing())
    assert due(pace, 30.0, thing())
    words = Pace()
    assert due(words, 0.0, {"state": "idle", "ts": "a"})
    assert not due(words, 3600.0, {"state": "idle", "ts": "b"})


def test_a_told_limit_is_news_at_once_but_a_fuses_limits_follow_what_is_measured() -> None:
    pace = Pace()
    assert due(pace, 0.0, {"limit_a": 10.0})
    assert due(pace, 0.1, {"limit_a": 10.01})
    fuse = Pace()
    assert due(fuse, 0.0, {"limit_a": (20.0, 20.0, 20.0)})
    assert not due(fuse, 0.5, {"limit_a": (20.0, 12.0, 20.0)})
    assert due(fuse, 1.0, {"limit_a": (20.0, 12.0, 20.0)})
    assert not due(fuse, 3.0, {"limit_a": (20.0, 12.05, 20.0)})


def test_energy_is_due_at_a_hundredth_of_a_kilowatt_hour() -> None:
    pace = Pace()
    assert due(pace, 0.0, thing(kwh="1.000"))
    assert not due(pace, 2.0, thing(kwh="1.009"))
    assert due(pace, 3.0, thing(kwh="1.010"))


def test_a_value_that_becomes_unknown_or_known_is_news() -> None:
    pace = Pace()
    assert due(pace, 0.0, thing())
    assert due(pace, 2.0, thing(power_w=None))
    assert not due(pace, 4.0, thing(power_w=None))
    assert due(pace, 6.0, thing(power_w=0.0))


def test_a_told_value_is_news_however_small() -> None:
    pace = Pace()
    assert due(pace, 0.0, {"setpoint_a": 10.0})
    assert due(pace, 0.1, {"setpoint_a": 10.01})


def test_a_forgotten_topic_is_said_again_unchanged() -> None:
    pace = Pace()
    assert due(pace, 0.0, thing())
    pace.forget("t")
    assert due(pace, 0.1, thing())


def test_one_phase_of_three_is_enough() -> None:
    pace = Pace()
    assert due(pace, 0.0, {"current_a": (1.0, 2.0, None)})
    assert not due(pace, 2.0, {"current_a": (1.0, 2.05, None)})
    assert due(pace, 4.0, {"current_a": (1.0, 2.2, None)})
