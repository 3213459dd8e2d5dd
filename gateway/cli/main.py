"""`laddvakt`: one table of commands. A command's module is imported only when it is called."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Protocol, cast

from gateway.cli.streams import drop_output, fill_closed_streams, soften_streams
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("gateway.cli.run", "run the gateway of a config"),
    "check-config": ("gateway.cli.check_config", "print every mistake of a config, and what to know about it"),
    "config-schema": ("gateway.cli.config_schema", "print the JSON Schema of the config file"),
    "commission": ("gateway.cli.commission", "test at each socket, before leaving, that it has the right meter"),
    "decode": ("gateway.cli.decode", "print the telegrams in bytes of a HAN port as JSON lines"),
    "listen": ("gateway.cli.listen", "show live what a HAN port sends, what is wrong with it, and what to do"),
    "record": ("gateway.cli.record", "keep the raw bytes of a HAN port with their times, for a bug report"),
    "verify": ("gateway.cli.verify", "verify signed records against a public key"),
    "pins": ("gateway.cli.pins", "keep the public keys that records are verified with"),
    "export": ("gateway.cli.export", "print sessions as signed XML, CSV or OCMF"),
    "import": ("gateway.cli.import_records", "take records into the journal that a meter signed itself"),
    "meter-key": ("gateway.cli.meter_key", "show or confirm the keys of the meters' own records"),
    "receipt": ("gateway.cli.receipt", "print the receipt of one session"),
    "key": ("gateway.cli.key", "show the public key of this gateway, or put a new key in its place"),
    "label": ("gateway.cli.label", "print the label of the cabinet: its key, to be compared, and its meters"),
    "timeref": ("gateway.cli.timeref", "list which calendar time the device's seconds have, or enter one by hand"),
    "users": ("gateway.cli.users", "keep the list of users: who may charge where a socket asks"),
    "journal": ("gateway.cli.journal", "check the journal, copy it, put a copy back"),
    "phases": ("gateway.cli.phases", "show on which phases the sockets really lie, and how sure that is"),
    "replay": ("gateway.cli.replay", "decide recorded readings again, and show what was decided and why"),
    "open-all": ("gateway.cli.open_all", "open every contactor and stop every wallbox of a config"),
    "states": ("gateway.cli.states", "print the state table of sessions or contactors as a drawing"),
    "watch": ("gateway.cli.watch", "show a live table of a running gateway"),
    "version": ("gateway.cli.version", "print the version, and which software makes the signed records"),
}
EXTRAS: Final[dict[str, str]] = {
    "gpiod": "gpio",
    "gurux_dlms": "dlms",
    "pkcs11": "pkcs11",
    "rich": "demo",
    "systemd": "systemd",
}
"""Optional modules and the extra that brings each."""

EXIT_FAILED: Final = 1
EXIT_MISTAKE: Final = 2
EXIT_INTERRUPTED: Final = 130


class Command(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 good, 1 the world, 2 a person's slip, 130 interrupted."""
    fill_closed_streams()
    soften_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return _guarded(words[0], words[1:])
    parser = _front_parser()
    parser.parse_args(words)
    parser.print_help(sys.stderr)
    return EXIT_MISTAKE


def _guarded(name: str, words: Sequence[str]) -> int:
    """A fault that belongs to somebody ends as a sentence; a bug of ours ends as a traceback."""
    try:
        code = _called(name, words)
        if sys.stdout is not None:  # closed by the caller
            sys.stdout.flush()
    except ConfigMistake as wrong:
        print(f"{wrong.file}: {len(wrong.mistakes)} mistake(s)", file=sys.stderr)
        for mistake in wrong.mistakes:
            print(f"  {mistake}", file=sys.stderr)
        return EXIT_MISTAKE
    except ModuleNotFoundError as missing:
        extra = EXTRAS.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
        print(f"laddvakt {name} needs {missing.name}: pip install 'laddvakt[{extra}]'", file=sys.stderr)
        return EXIT_FAILED
    except (DeviceError, JournalDamaged) as fault:
        print(f"laddvakt {name}: {fault}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return EXIT_FAILED
    except OSError as problem:
        drop_output()
        print(f"laddvakt {name}: {problem.filename or 'standard output'}: {problem.strerror}", file=sys.stderr)
        return EXIT_FAILED
    return code


def _called(name: str, words: Sequence[str]) -> int:
    path, summary = COMMANDS[name]
    module = importlib.import_module(path)
    command = cast(Command, module)
    made: type[argparse.ArgumentParser] = getattr(module, "Parser", argparse.ArgumentParser)
    parser = made(prog=f"laddvakt {name}", description=f"{summary[0].upper()}{summary[1:]}.")
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def _front_parser() -> argparse.ArgumentParser:
    width = max(len(name) for name in COMMANDS)
    lines = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="laddvakt",
        description="Charging gateway: HAN port in, fuses kept, signed sessions out.",
        epilog=f"commands:\n{lines}\n\n`laddvakt COMMAND --help` tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"laddvakt {installed_version()}")
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    return parser


def installed_version() -> str:
    try:
        return version("laddvakt")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
