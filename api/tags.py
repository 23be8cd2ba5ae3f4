"""The tags by which a client says which version of a report, or which save of a draft, it has read."""

import re
from typing import Final
from uuid import UUID

from shared.domain.versions import History

_TAG: Final = re.compile(r'(?:W/)?"(?P<version>\d{1,9})(?:\+\d{1,9})?-[a-z0-9-]+"')
_DRAFT: Final = re.compile(r'(?:W/)?"draft-(?P<revision>[0-9a-f-]{36})"')


def report_tag(history: History, form: str) -> str:
    """Return the tag of a version in a format: another once superseded or read again."""
    later = history.newer_reading or history.superseded_by
    return f'"{history.number}{f"+{later}" if later else ""}-{form}"'


def names_version(if_match: str, version: int) -> bool:
    """Tell whether If-Match names a version, in whatever format it was read; a proxy may have weakened it."""
    found = (_TAG.fullmatch(tag.strip()) for tag in if_match.split(","))
    return any(match is not None and int(match["version"]) == version for match in found)


def draft_tag(revision: UUID) -> str:
    """Return the tag of a draft as it was saved."""
    return f'"draft-{revision}"'


def revision_of(if_match: str) -> UUID | None:
    """Return the save of a draft that If-Match names; None where it names none."""
    match = _DRAFT.fullmatch(if_match.strip())
    return UUID(match["revision"]) if match else None
