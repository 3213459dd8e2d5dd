"""`--seconds N`: how long a command that would go on by itself may run."""

import argparse
import math


def add_seconds(parser: argparse.ArgumentParser, words: str) -> None:
    """Adds the option; a time that is none ends with exit code 2 and a sentence."""
    parser.add_argument("--seconds", type=_seconds, metavar="N", help=words)


def _seconds(text: str) -> float:
    """Above 0 and finite. Raises ArgumentTypeError, which argparse tells with the option's name."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        remedy = "Give a number above 0, such as 60, or leave the option out."
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time in seconds. {remedy}")
    return seconds
