"""What training's commands have in common: how they refuse, and numbers that an option may have."""

import argparse
import sys
from typing import NoReturn


def stop(message: str, *, status: int = 2) -> NoReturn:
    """Say on stderr why a command ends, and end it: as argparse does, unless told another status."""
    print(message, file=sys.stderr)
    sys.exit(status)


def above_zero(text: str) -> int:
    """Return an option's whole number above 0; for argparse's `type`."""
    number = int(text)
    if number < 1:
        message = f"{text} is not above 0"
        raise argparse.ArgumentTypeError(message)
    return number
