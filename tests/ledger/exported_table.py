"""The table of a state folder: exported, read by csv, written as a spreadsheet or a forger would, and judged."""

import csv
import io
from pathlib import Path

import pytest

from gateway.cli import export, verify
from gateway.devices.key_store import KeyStore
from gateway.journal.tables import HEADER
from tests.ledger.command_bench import called

NUMBERS = ("begin_kwh", "end_kwh", "energy_kwh", "step_kwh")


def key_of(folder: Path) -> str:
    return KeyStore.load(folder).public_key_hex


def table(folder: Path, file: Path, *words: str) -> bytes:
    assert called(export, "--state-dir", str(folder), "--format", "csv", "-o", str(file), *words) == 0
    return file.read_bytes()


def rows(content: bytes, separator: str = ";") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator))


def written(file: Path, found: list[dict[str, str]], separator: str = ";") -> None:
    """As a spreadsheet or a forger would write it."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER, delimiter=separator)
        writer.writeheader()
        writer.writerows(found)


def verdict(file: Path, key: str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = called(verify, str(file), *words, "--key", key)
    return code, capsys.readouterr().out
