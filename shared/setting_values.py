"""The kinds of values that settings have: an environment holds texts."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from shared.labels import LABELS, NO_FINDING


def _bare_seconds(value: object) -> object:
    """Read "20" as 20 seconds: pydantic does so for a number alone."""
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
        return timedelta(seconds=float(value))
    return value


def _listed(value: object) -> object:
    """Read "Pneumothorax, Fracture" as these two."""
    if isinstance(value, str):
        return tuple(name for part in value.split(",") if (name := part.strip()))
    return value


Duration = Annotated[timedelta, BeforeValidator(_bare_seconds)]
"""Seconds, or ISO 8601 such as PT5M."""
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""Texts with commas between."""


def known_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return labels, each once.

    Raises:
        ValueError: one is none that a classifier can find.
    """
    known = sorted(LABELS.keys() - {NO_FINDING})
    if unknown := [label for label in labels if label not in known]:
        message = (
            f"CXR_CRITICAL_FINDINGS names {', '.join(unknown)}, which no classifier can find here."
            f" Name any of {', '.join(known)}, with commas between, or nothing"
        )
        raise ValueError(message)
    return tuple(dict.fromkeys(labels))


def origins(named: tuple[str, ...]) -> tuple[str, ...]:
    """Return origins of web pages.

    Raises:
        ValueError: one is none.
    """
    for origin in named:
        if re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin) is None:
            message = f"CXR_API_VIEWER_ORIGINS: {origin!r} is no origin; one is https://viewer.example:8443"
            raise ValueError(message)
    return named
