"""What is told over MQTT from outside comes to the snapshot, or back to its sender with a reason."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.app.faults import FaultLog
from gateway.app.outside_ear import OutsideEar
from gateway.app.sight_board import SightBoard
from gateway.config.load import cabinet_of
from gateway.ids import LimitId
from gateway.publish.words import Language
from gateway.site.outside import OutsideSight
from gateway.site.prices import PriceRule
from gateway.site.restraints import CabinetTemperature, ExternalLimit, Restraints
from gateway.site.topology import Site
from tests.devices.paper_bus import StepClock
from tests.publish.cabinet_told import MAIN, site

PRICES = '{"unit": "SEK/kWh", "begin": "2026-01-15T00:00:00+01:00", "minutes": 60, "prices": [0.5, 0.7]}'
HOME = LimitId("home")
EXAMPLE = (Path(__file__).parents[2] / "deploy" / "restraints.toml.example").read_text("utf-8")


class PaperLink:
    """A link to a broker on paper."""

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[[str, bytes, bool], None]] = {}
        self.said: list[dict[str, Any]] = []
        self.again: list[str] = []

    def listen(self, topic_filter: str, listener: Callable[[str, bytes, bool], None]) -> None:
        self.listeners[topic_filter] = listener

    def say(self, topic: str, payload: str) -> None:
        self.said.append(json.loads(payload))

    def hear(self, tail: str, payload: str, *, retained: bool = False) -> None:
        topic = f"laddvakt/villa-1/{tail}"
        self.listeners[topic](topic, payload.encode(), retained)


def gateway(restraints: Restraints) -> tuple[PaperLink, SightBoard, FaultLog]:
    built: Site = replace(site(), restraints=restraints)
    link, board, faults = PaperLink(), SightBoard(built, 0.0), FaultLog()
    OutsideEar(
        site=built,
        link=link,
        board=board,
        clock=StepClock(),
        faults=faults,
        language=Language.EN,
        show_again=link.again.append,
    )
    return link, board, faults


def outside(board: SightBoard) -> OutsideSight:
    return board.snapshot(1.0, journal_accepts=True).outside


def test_limits_temperatures_and_prices_come_to_the_snapshot() -> None:
    async def play() -> None:
        limits = (ExternalLimit(HOME, MAIN, safe_a=6.0), ExternalLimit(LimitId("dso"), MAIN, wired_a=8.0))
        restraints = Restraints(
            limits=limits,
            temperature=CabinetTemperature(60.0),
            temperature_over_mqtt=True,
            prices=PriceRule(below=0.6),
            prices_over_mqtt=True,
        )
        link, board, faults = gateway(restraints)
        assert "laddvakt/villa-1/limit/dso/set" not in link.listeners
        link.hear("limit/home/set", "10")
        link.hear("cabinet_temperature/set", "43.5")
        link.hear("prices/set", PRICES, retained=True)
        seen = outside(board)
        assert seen.told[HOME].current_a == 10.0
        assert seen.temperature is not None
        assert seen.temperature.celsius == 43.5
        assert seen.prices is not None
        assert [slot.price for slot in seen.prices.slots] == [0.5, 0.7]
        link.hear("limit/home/set", "lots")
        link.hear("limit/home/set", "5", retained=True)
        link.hear("cabinet_temperature/set", "hot")
        link.hear("prices/set", "{}")
        assert [(one["key"], one["reason"]) for one in link.said] == [
            ("limit/home", "wrong_value"),
            ("limit/home", "retained"),
            ("cabinet_temperature", "wrong_value"),
            ("prices", "wrong_value"),
        ]
        assert outside(board) == seen
        assert link.again == ["laddvakt/villa-1/limit/home/state"]
        assert faults.now == ("prices over MQTT",)
        link.hear("prices/set", PRICES)
        assert faults.now == ()

    asyncio.run(play())


def test_nobody_over_mqtt_may_tell_what_the_config_takes_from_elsewhere() -> None:
    async def play() -> None:
        by_file = EXAMPLE.replace("mqtt = true                         # {", 'file = "/prices.json"  # {', 1)
        assert by_file != EXAMPLE
        link, _, _ = gateway(cabinet_of(by_file, "file").site.restraints)
        assert set(link.listeners) == {"laddvakt/villa-1/limit/home/set"}

    asyncio.run(play())


def test_each_of_temperature_and_prices_is_heard_where_its_own_section_says_mqtt() -> None:
    async def play() -> None:
        warm = re.sub(r'file = "/sys/[^"]*"', "mqtt = true", EXAMPLE, count=1)
        both = {"cabinet_temperature/set", "prices/set"}
        for text, heard in ((warm, both), (EXAMPLE, {"prices/set"})):
            link, _, _ = gateway(cabinet_of(text, "file").site.restraints)
            assert {topic.removeprefix("laddvakt/villa-1/") for topic in link.listeners} == heard | {"limit/home/set"}

    asyncio.run(play())


def test_a_gateway_without_restraints_listens_to_none() -> None:
    async def play() -> None:
        link, _, _ = gateway(Restraints())
        assert not link.listeners

    asyncio.run(play())
