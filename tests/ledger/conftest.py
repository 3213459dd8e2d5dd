"""State folders in which a ledger has really charged."""

import asyncio
from pathlib import Path

import pytest

from tests.ledger.command_bench import charge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(charge(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(scope="session")
def charged_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, made once, for tests that only read it.

    Two sessions that ended, one of them by a user whose token is a formula, one that runs, and energy outside.
    """
    state = tmp_path_factory.mktemp("charged") / "state"
    asyncio.run(charge(state))
    return state
