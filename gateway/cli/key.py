"""`laddvakt key show`: the public key, to be written down and pinned by those who verify."""

import argparse

from gateway.cli.state_folder import add_state_folder, state_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("action", choices=["show"], help="print hex, fingerprint and PEM of the public key")
    add_state_folder(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the key that signs now. The private part is not touched. Raises DeviceError, JournalDamaged."""
    from gateway.devices.journal_file import newest_key, opened_for_reading
    from gateway.metering.keys import public_key

    with opened_for_reading(state_folder(args)) as connection:
        made = newest_key(connection)
    key = public_key(made.public_key)
    print(f"gateway serial (GS): {made.serial}")
    print(f"made: {made.at.utc.isoformat(timespec='seconds')}")
    print(f"fingerprint (SHA-256): {key.fingerprint}")
    print(f"hex: {key.hex}")
    print(key.pem, end="")
    return 0
