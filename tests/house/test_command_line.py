"""The front door of the program: commands, exit codes, sentences in place of tracebacks."""

import argparse
import io
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

from gateway.cli import main as front
from gateway.errors import DeviceError, IllegalEvent

HEAVY = ("pymodbus", "aiomqtt", "pydantic", "cryptography", "rich", "serial", "sqlite3", "asyncio")


def with_command(monkeypatch: pytest.MonkeyPatch, outcome: int | BaseException) -> None:
    """A command that ends as told, in the table under the name `try-it`."""
    module = ModuleType("try_it")

    def run(args: argparse.Namespace) -> int:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--loud", action="store_true")

    module.__dict__.update(run=run, add_arguments=add_arguments)
    monkeypatch.setitem(sys.modules, "try_it", module)
    monkeypatch.setitem(front.COMMANDS, "try-it", ("try_it", "try it"))


@pytest.mark.parametrize("name", sorted(front.COMMANDS))
def test_every_command_of_the_table_is_there(name: str) -> None:
    module = import_module(front.COMMANDS[name][0])
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert callable(module.run)


@pytest.mark.parametrize(
    ("outcome", "code", "word"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (DeviceError("bus garage: no answer"), 1, "laddvakt try-it: bus garage: no answer\n"),
        (ModuleNotFoundError(name="gpiod"), 1, "pip install 'laddvakt[gpio]'"),
        (ModuleNotFoundError(name="gurux_dlms.enums"), 1, "pip install 'laddvakt[dlms]'"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_belongs_to_somebody_ends_as_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: int | BaseException,
    code: int,
    word: str,
) -> None:
    with_command(monkeypatch, outcome)
    assert front.main(["try-it"]) == code
    said = capsys.readouterr().err
    assert word in said
    assert "Traceback" not in said


@pytest.mark.parametrize("bug", [IllegalEvent("closed while unknown"), ModuleNotFoundError(name="gateway.sight")])
def test_a_bug_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch, bug: BaseException) -> None:
    with_command(monkeypatch, bug)
    with pytest.raises(type(bug)):
        front.main(["try-it"])


def test_without_a_command_the_commands_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main([]) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in front.COMMANDS)


def test_a_command_that_is_not_there_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        front.main(["chck-config"])
    assert ended.value.code == 2
    assert "check-config" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        front.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("laddvakt ")


def test_the_front_door_alone_loads_nothing_heavy() -> None:
    program = f"import sys, gateway.cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_reader_that_goes_away_is_no_error_to_tell() -> None:
    program = "import sys; from gateway.cli.main import main; sys.exit(main(['config-schema']))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        said = command.stderr.read()
        assert command.wait() == 1
    assert said == b""


def test_a_closed_stream_is_no_reason_to_fail() -> None:
    words = [sys.executable, "-m", "gateway.cli.main", "config-schema"]
    done = subprocess.run(["sh", "-c", '"$@" >&- <&-', "sh", *words], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_swedish_letters_loses_no_sentence(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    with_command(monkeypatch, 0)

    def speak(_: argparse.Namespace) -> int:
        print("Låt oss prova på nytt … ± 2 s \udcff \N{SNOWMAN}")
        return 0

    monkeypatch.setattr(sys.modules["try_it"], "run", speak)
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding))
    assert front.main(["try-it"]) == 0
    letters = {"ascii": "Lat oss prova pa nytt ... +/- 2 s ? ?\n", "latin-1": "Låt oss prova på nytt ... ± 2 s ? ?\n"}
    assert shown.getvalue() == letters[encoding].encode(encoding)


def test_a_command_that_asks_finds_an_end_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with_command(monkeypatch, 0)
    monkeypatch.setattr(sys.modules["try_it"], "run", lambda _: int(sys.stdin.isatty()))
    monkeypatch.setattr(sys, "stdin", None)
    assert front.main(["try-it"]) == 0
