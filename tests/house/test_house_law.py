"""The law of the house, as far as a program can read it."""

import ast
import re
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
GATEWAY = HOUSE / "gateway"
CORE = ("wire", "meters", "actuators", "site", "metering", "control", "billing", "journal", "publish")
LINES_MAX = 350
FUNCTION_LINES_MAX = 65
TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "uv.lock", "gateway", "deploy", "udev", "tests", "hil"}
EMPTY_NAMES = {"manager", "helper", "helpers", "utils", "util", "common", "handler", "misc", "base", "data", "process"}
# In two halves, so that this file does not break the law that it reads.
FORBIDDEN_WORDS = (
    "MID " + "charging",
    "Eich" + "recht",
    "/work" + "/",
    "NotImplemented" + "Error",
    "TO" + "DO",
    "FIX" + "ME",
)


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=HOUSE,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [HOUSE / name for name in listed.split("\0") if name and (HOUSE / name).is_file()]


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (HOUSE / folder).rglob("*.py"))


def told(path: Path, node: ast.AST | None = None) -> str:
    line = f":{node.lineno}" if isinstance(node, ast.stmt | ast.expr | ast.ExceptHandler) else ""
    return f"{path.relative_to(HOUSE)}{line}"


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text("utf-8")))


def core_files() -> list[Path]:
    rooms = [path for room in CORE for path in python_files(f"gateway/{room}")]
    return [*rooms, *(GATEWAY / f"{name}.py" for name in ("clock", "ids", "quantities", "errors"))]


def test_the_top_level_holds_nothing_else() -> None:
    names = {path.relative_to(HOUSE).parts[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_the_core_asks_no_clock() -> None:
    calls = [
        told(path, node)
        for path in core_files()
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
    ]
    assert not calls


def test_the_core_opens_prints_and_awaits_nothing() -> None:
    deeds = [
        told(path, node)
        for path in core_files()
        for node in nodes(path)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"open", "print", "input"}
        )
    ]
    assert not deeds


def test_no_file_of_the_product_outgrows_a_reader() -> None:
    long = {told(path): len(path.read_text("utf-8").splitlines()) for path in python_files("gateway", "hil")}
    assert not {path: lines for path, lines in long.items() if lines > LINES_MAX}


def test_no_function_of_the_product_outgrows_a_page() -> None:
    long = [
        f"{told(path, node)} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in python_files("gateway", "hil")
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long


def test_names_say_what_a_thing_is() -> None:
    empty = [told(path) for path in python_files("gateway", "hil") if EMPTY_NAMES & set(path.stem.split("_"))]
    classes = [
        f"{told(path, node)} {node.name}"
        for path in python_files("gateway", "hil")
        for node in nodes(path)
        if isinstance(node, ast.ClassDef)
        and EMPTY_NAMES & {word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", node.name)}
    ]
    assert not empty + classes


def test_nobody_catches_what_he_does_not_know_without_saying_why() -> None:
    catches = [
        told(path, node)
        for path in python_files("gateway", "hil")
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and "noqa: BLE001 - " not in path.read_text("utf-8").splitlines()[node.lineno - 1]
        and not isinstance(node.body[-1], ast.Raise)
    ]
    assert not catches


def test_every_exemption_has_its_reason() -> None:
    bare = re.compile(r"#\s*(type:\s*ignore|noqa|pragma:)(?!.*(\s-\s|\s{2}#\s)\w)")
    found = [
        f"{told(path)}:{number}"
        for path in python_files("gateway", "hil", "tests")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert not found


@pytest.mark.parametrize("room", ["metering", "control", "journal"])
def test_the_rooms_that_decide_have_no_coverage_exemptions(room: str) -> None:
    assert not [told(path) for path in python_files(f"gateway/{room}") if "pragma" in path.read_text("utf-8")]


def test_words_that_may_not_stand_here_do_not() -> None:
    found = []
    for path in tracked():
        if path.suffix in {".bin", ".lock"} or path == Path(__file__):
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{told(path)}: {word}" for word in FORBIDDEN_WORDS if word in text]
    assert not found


def test_scripts_can_be_run() -> None:
    for name in (".ci/run", "deploy/demo.sh", "deploy/test.sh", "deploy/prove.sh"):
        path = HOUSE / name
        assert path.stat().st_mode & stat.S_IXUSR
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_the_lock_names_only_the_public_index() -> None:
    packages = tomllib.loads((HOUSE / "uv.lock").read_text("utf-8"))["package"]
    indexes = {package["source"]["registry"] for package in packages if "registry" in package["source"]}
    assert indexes == {"https://pypi.org/simple"}
