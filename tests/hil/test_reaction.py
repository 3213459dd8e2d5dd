"""The reaction bench counts the right pairs of a log."""

import json
from pathlib import Path

import pytest

from hil.__main__ import main
from hil.bench.reaction import figures, reactions_ms


def line(kind: str, at_ms: float, **words: object) -> str:
    return json.dumps({"t_ns": int(at_ms * 1e6), "kind": kind, **words})


def current(at_ms: float, unit: int, tenths: int) -> str:
    return line("write", at_ms, bus="b", unit=unit, function=6, address=261, values=[tenths])


def test_only_the_first_lowering_after_a_telegram_counts() -> None:
    log = [
        current(5, 1, 100),
        line("telegram", 1000),
        current(1010, 1, 100),
        current(1030, 1, 80),
        current(1040, 1, 60),
        line("telegram", 2000),
        current(2500, 1, 120),
        line("telegram", 3000),
        line("write", 3005, bus="b", unit=9, function=5, address=0, values=[0xFF00]),
        line("telegram", 4000),
        line("write", 4007.5, bus="b", unit=9, function=5, address=0, values=[0]),
    ]
    assert reactions_ms(log) == [30.0, 7.5]


def test_figures_of_few_reactions_call_the_worst_p99() -> None:
    assert figures([3.0, 1.0, 2.0]) == {"count": 3, "median_ms": 2.0, "p99_ms": 3.0, "worst_ms": 3.0}
    assert figures([])["count"] == 0


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"kind": "telegram"}', b'{"kind": "setpoint", "t_ns": 1}', b"\xe5", None]
)
def test_a_log_that_is_none_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    log = tmp_path / "log"
    log.mkdir() if content is None else log.write_bytes(content)
    assert main(["reaction", str(log)]) == 2
    assert capsys.readouterr().err.startswith("hil: ")


@pytest.mark.parametrize("content", [b"\xe5", b"a = " + b"[" * 5000, b"a = " + b"1" * 5000, b"", None])
def test_a_scenario_that_is_none_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    scenario = tmp_path / "none.toml"
    scenario.mkdir() if content is None else scenario.write_bytes(content)
    assert main(["cabinet", str(scenario)]) == 2
    assert capsys.readouterr().err.startswith("hil: ")


@pytest.mark.parametrize("words", [["--speed", "nan"], ["--port", "/dev/none-such"]])
def test_a_replay_that_cannot_be_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    (tmp_path / "bytes").write_bytes(b"/x")
    assert main(["replay", str(tmp_path / "bytes"), *words]) == 2
    assert capsys.readouterr().err.startswith(f"hil: {words[1] if words[0] == '--port' else words[0]}")
