"""One coverage-guided fuzzer in its own process: `python -m tests.campaigns._han_fuzzer PARSER [libFuzzer options]`."""

import importlib
import pkgutil
import sys

import atheris

with atheris.instrument_imports(include=["gateway.wire", "gateway.meters"]):
    from gateway import meters, wire

    for room in (wire, meters):
        for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            importlib.import_module(module.name)  # also what the product loads with its first message only
    from tests.campaigns import _han_targets


def main() -> None:
    parser = _han_targets.PARSERS[sys.argv[1]]
    watch = _han_targets.Watch()
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda octets: _han_targets.call(parser, octets, watch))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
