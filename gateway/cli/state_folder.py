"""Which state folder a command looks into: that of a config, or one named outright."""

import argparse
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.config.toml_text import tables_of, text_of
from gateway.errors import ConfigMistake, Mistake

KEPT_NAMES: Final = ("journal.", "signing-key.", "users.", "tries.", "time-reference.")
"""How the names of the gateway's own files begin."""


def add_state_folder(parser: argparse.ArgumentParser) -> None:
    """Adds CONFIG and --state-dir, of which one is needed."""
    parser.add_argument("config", type=Path, nargs="?", metavar="CONFIG", help="the gateway's config file")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="the state folder, without a config")


def state_folder(args: argparse.Namespace) -> Path:
    """The folder. Raises ConfigMistake if neither or both are given, or the config does not name it."""
    config: Path | None = args.config
    folder: Path | None = args.state_dir
    if (config is None) == (folder is None):
        problem, remedy = "Exactly one of them is needed.", "Name the config, or the folder alone."
        value = "neither" if config is None else "both"
        raise ConfigMistake("arguments", (Mistake("CONFIG, --state-dir", value, problem, remedy),))
    if folder is not None:
        return folder
    if config is None:
        raise AssertionError
    try:
        return Path(_gateway_section(config)["state_dir"])
    except (KeyError, TypeError):
        problem, remedy = "this key is required: the journal lies there.", "Run laddvakt check-config."
        raise ConfigMistake(str(config), (Mistake("gateway.state_dir", "(missing)", problem, remedy),)) from None


def require_elsewhere(folder: Path, output: Path, argument: str) -> None:
    """Raises ConfigMistake if the output would take the place of what the gateway keeps in its state folder."""
    target = output.resolve()
    if target.parent == folder.resolve() and target.name.startswith(KEPT_NAMES):
        problem = "The gateway keeps its own file there; it would be lost."
        raise ConfigMistake("arguments", (Mistake(argument, str(output), problem, "Name a file elsewhere."),))


def time_zone(args: argparse.Namespace) -> ZoneInfo | None:
    """The zone that the config names, or its default; None without a config. Raises ConfigMistake."""
    if args.config is None:
        return None
    name = _gateway_section(args.config).get("time_zone", "Europe/Stockholm")
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError):
        mistake = Mistake("gateway.time_zone", str(name), "is no time zone.", "Run laddvakt check-config.")
        raise ConfigMistake(str(args.config), (mistake,)) from None


def _gateway_section(config: Path) -> dict[str, Any]:
    section = tables_of(text_of(config), str(config)).get("gateway", {})
    return section if isinstance(section, dict) else {}
