"""The sources that the verifier needs: the closure of what `gateway.cli.verify` imports."""

import ast
from collections.abc import Iterator
from importlib.resources import files

START = "gateway.cli.verify"
README_TEXT = """\
Laddvakt archive / Laddvakt-arkiv

Check it / Kontrollera det:      python3 FILE --key KEY
Needs / Behöver:                 Python 3.11, cryptography

KEY is the gateway's public key as you were given it in another way than in this file: whoever forges an archive puts
his own key, and his own verifier, into it. In doubt use the verifier of an installation that you trust:
laddvakt verify FILE --key KEY.

KEY är gatewayens publika nyckel så som du fått den på annat sätt än i den här filen: den som förfalskar ett arkiv
lägger sin egen nyckel, och sitt eget kontrollprogram, i det. Är du osäker, använd en installation som du litar på.

Inside / Innehåll (unzip FILE): MANIFEST.json, journal.jsonl, records.ocmf, sessions.csv, keys/, config/, gateway/
"""


def verifier_sources() -> dict[str, bytes]:
    """Path inside the archive to content, of every module that the verifier imports, and of what starts it."""
    found: dict[str, bytes] = {}
    waiting = [START]
    while waiting:
        name = waiting.pop()
        for package in _parents(name):
            found.setdefault(f"{package.replace('.', '/')}/__init__.py", _source(package, is_package=True))
        path = f"{name.replace('.', '/')}.py"
        if path in found or not _exists(name):
            continue
        found[path] = _source(name)
        waiting += _imported(found[path])
    found["__main__.py"] = _source("gateway.cli.archive_main")
    found["README.txt"] = README_TEXT.encode("utf-8")
    return found


def _imported(source: bytes) -> Iterator[str]:
    """Our own modules that a module imports, at its head or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("gateway"):
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for count in range(1, len(parts)):
        package = ".".join(parts[:count])
        if _is_package(package):
            yield package


def _is_package(name: str) -> bool:
    return files("gateway").joinpath(*name.split(".")[1:], "__init__.py").is_file()


def _exists(name: str) -> bool:
    *folders, module = name.split(".")[1:]
    return files("gateway").joinpath(*folders, f"{module}.py").is_file()


def _source(name: str, *, is_package: bool = False) -> bytes:
    parts = name.split(".")[1:]
    path = [*parts, "__init__.py"] if is_package else [*parts[:-1], f"{parts[-1]}.py"]
    return files("gateway").joinpath(*path).read_bytes()
