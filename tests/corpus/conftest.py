"""Prints what became of every real capture, after the tests."""

import pytest

LINES = pytest.StashKey[list[str]]()
READERS = pytest.StashKey[list[str]]()


@pytest.fixture
def capture_table(request: pytest.FixtureRequest) -> list[str]:
    """Lines of the table; a test appends one per capture."""
    return request.config.stash.setdefault(LINES, [])


@pytest.fixture
def reader_table(request: pytest.FixtureRequest) -> list[str]:
    """Lines of the table of DLMS readers; a test appends one per capture."""
    return request.config.stash.setdefault(READERS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section(f"real captures: {len(lines)}")
        for line in sorted(lines):
            terminalreporter.write_line(line)
    readers = config.stash.get(READERS, [])
    if readers:
        terminalreporter.section("DLMS messages by reader")
        terminalreporter.write_line(
            f"{'capture':<48} {'messages':>8} {'own':>5} {'gurux':>6} {'neither':>8} {'gurux alone':>11}"
        )
        for line in sorted(readers):
            terminalreporter.write_line(line)
        columns = [[int(cell) for cell in line.split()[1:]] for line in readers]
        sums = [sum(column) for column in zip(*columns, strict=True)]
        terminalreporter.write_line(
            f"{'sum':<48} {sums[0]:>8} {sums[1]:>5} {sums[2]:>6} {sums[3]:>8} {sums[4]:>11}"
            "   (gurux: given the message; gurux alone: given the raw bytes)"
        )
