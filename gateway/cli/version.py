"""`laddvakt version`: which program this is, and with `--legal` which software makes its signed records."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    words = "also the SHA-256 over the part that signs (gateway/metering), which stands in each record as XI"
    parser.add_argument("--legal", action="store_true", help=words)


def run(args: argparse.Namespace) -> int:
    """Prints them, a line each."""
    from gateway.cli.main import installed_version
    from gateway.devices.software_identity import software_identity

    print(f"laddvakt {installed_version()}")
    if args.legal:
        print(f"metering {software_identity()}")
    return 0
