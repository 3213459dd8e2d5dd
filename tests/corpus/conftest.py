"""Prints what became of every real capture, after the tests."""

import pytest

LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def capture_table(request: pytest.FixtureRequest) -> list[str]:
    """Lines of the table; a test appends one per capture."""
    return request.config.stash.setdefault(LINES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section(f"real captures: {len(lines)}")
        for line in sorted(lines):
            terminalreporter.write_line(line)
