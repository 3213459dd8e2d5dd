"""`laddvakt states`: the state tables of sessions and contactors as drawings, made from the tables that run."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    words = "which table; the text is a Mermaid diagram, which forges and editors show as a picture"
    parser.add_argument("of", choices=["session", "contactor"], nargs="?", default="session", help=words)


def run(args: argparse.Namespace) -> int:
    """Prints the drawing."""
    from gateway.control import contactor_machine, session_machine
    from gateway.control.drawing import drawn
    from gateway.control.state import ContactorState, SessionPhase

    if args.of == "session":
        print(drawn(session_machine.TABLE, SessionPhase, SessionPhase.QUEUED, SessionPhase.ENDED))
    else:
        print(drawn(contactor_machine.TABLE, ContactorState, ContactorState.UNKNOWN, None))
    return 0
