"""What training's commands have in common: how they refuse, and numbers that an option may have."""

import argparse
import sys
from typing import NoReturn


def stop(message: str) -> NoReturn:
    """Say on stderr why a command ends, and end it as argparse does: with 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


def above_zero(text: str) -> int:
    """Return an option's whole number above 0; for argparse's `type`."""
    number = int(text)
    if number < 1:
        message = f"{text} is not above 0"
        raise argparse.ArgumentTypeError(message)
    return number
