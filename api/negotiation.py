"""What a client asks for in headers: a format, a language, a wait (Prefer), a change (If-None-Match)."""

import re
from collections.abc import Sequence
from typing import Final

from shared.domain.reports import Language

LONGEST_WAIT: Final = 60.0
"""Seconds; proxies commonly cut an idle connection soon after."""

_LANGUAGES: Final = {"*": Language.ENGLISH} | {language.value: language for language in Language}
_PREFER_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=[,;]|$)", re.IGNORECASE)


def choose(accept: str | None, offered: Sequence[str]) -> str | None:
    """Return the offered media type that the client likes best, or None when it wants none of them.

    Among equals the earlier offer wins. Source: RFC 9110, 12.5.1 (the most specific range decides).
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = _ranges(accept)
    best, best_quality = None, 0.0
    for media_type in offered:
        quality = _quality(media_type, ranges)
        if quality > best_quality:
            best, best_quality = media_type, quality
    return best


def preferred_language(accept_language: str | None) -> Language:
    """Return the language of reports that the client likes best; English when it names none of them.

    A region does not matter (`es-MX` is Spanish), and of equal weights the first counts. Source: RFC 9110,
    12.5.4; RFC 4647, 3.4 (lookup).
    """
    ranges = _ranges(accept_language or "")
    for language_range in sorted(ranges, key=ranges.__getitem__, reverse=True):
        language, _, _ = language_range.partition("-")
        if ranges[language_range] > 0 and language in _LANGUAGES:
            return _LANGUAGES[language]
    return Language.ENGLISH


def preferred_wait(prefer: str | None) -> float | None:
    """Return the seconds of `Prefer: wait=N` (RFC 7240, 4.3), at most LONGEST_WAIT; None without it."""
    found = _PREFER_WAIT.search(prefer or "")
    return min(float(found.group(1)), LONGEST_WAIT) if found else None


def same(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this version already (weak comparison, RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag.removeprefix("W/") in known


def _ranges(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, number = parameter.partition("=")
            if name.strip() == "q":
                quality = _number(number.strip())
        if media_range:
            ranges[media_range] = quality
    return ranges


def _number(text: str) -> float:
    # A weight that cannot be read counts as not wanted, rather than as wanted most.
    return min(float(text), 1.0) if re.fullmatch(r"\d(\.\d{0,3})?", text) else 0.0


def _quality(media_type: str, ranges: dict[str, float]) -> float:
    main, _, _ = media_type.partition("/")
    for media_range in (media_type, f"{main}/*", "*/*"):
        if media_range in ranges:
            return ranges[media_range]
    return 0.0
