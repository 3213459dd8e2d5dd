"""The journal keeps what the config said, each change once, and none of its secrets."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from gateway.app.ledger import Ledger
from gateway.config.history import as_kept
from gateway.config.load import load_cabinet
from gateway.journal.facts import ConfigSeen
from tests.ledger.ledger_bench import Disk, DyingStore, HandClock, PocketKeys, station

EXAMPLE = Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example"


def test_a_config_stands_in_the_journal_once_for_each_change_over_any_number_of_starts() -> None:
    disk, keys = Disk(), PocketKeys()

    async def start(config: str) -> None:
        ledger = await Ledger.open(DyingStore(disk), keys, HandClock(), replace(station(), config=config))
        await ledger.shut_down()

    for config in ("", "one", "one", "two", "two", "one"):
        asyncio.run(start(config))
    seen = [fact.text for fact in disk.facts() if isinstance(fact, ConfigSeen)]
    assert seen == ["one", "two", "one"]


def test_secrets_are_left_out_wherever_they_stand_and_file_names_are_not() -> None:
    kept = as_kept({"b": [{"encryption_key": "00FF", "key_file": "/k", "x": {"My_Key": 1}}], "a": 1})
    assert json.loads(kept) == {
        "a": 1,
        "b": [{"encryption_key": "(not shown)", "key_file": "/k", "x": {"My_Key": "(not shown)"}}],
    }
    assert kept == as_kept({"a": 1, "b": [{"x": {"My_Key": 2}, "key_file": "/k", "encryption_key": "11"}]})


def test_the_example_is_kept_as_it_says() -> None:
    kept = json.loads(load_cabinet(EXAMPLE).kept)
    assert kept["gateway"]["id"]
    assert len(kept["socket"]) == len(load_cabinet(EXAMPLE).site.sockets)
