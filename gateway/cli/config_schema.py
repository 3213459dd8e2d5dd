"""`laddvakt config-schema`: the JSON Schema of the config, for editors."""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command takes nothing."""
    parser.epilog = 'Save it, and begin the config with "#:schema ./laddvakt.schema.json" (Taplo, Even Better TOML).'


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every command has this form
    """Prints the schema."""
    from gateway.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
