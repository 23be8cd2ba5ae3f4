"""A report's versions as clients see them, and what two of them differ in."""

from datetime import datetime

from pydantic import Field

from api.bodies.base import Body
from api.bodies.report import AuthorBody, author_body
from shared.domain.reports import Act, ReportStatus, Section
from shared.domain.versions import Version
from shared.reporting.differences import Difference, Op


class VersionBody(Body):
    """One version of a report, without its text."""

    version: int
    act: Act
    status: ReportStatus
    author: AuthorBody
    made_from: int | None
    created_at: datetime
    reason: str | None = Field(description="Why a signed report was changed or withdrawn.")


class VersionList(Body):
    """All versions of a report, oldest first."""

    items: list[VersionBody]


class DifferenceBody(Body):
    """One sentence of two versions."""

    section: Section
    op: Op
    before: str | None
    after: str | None


class DifferenceList(Body):
    """What two versions differ in, sentence by sentence, with what is the same."""

    items: list[DifferenceBody]


def version_body(version: Version) -> VersionBody:
    """Write a version down."""
    return VersionBody(
        version=version.version,
        act=version.act,
        status=version.status,
        author=author_body(version.author),
        made_from=version.made_from,
        created_at=version.created_at,
        reason=version.reason,
    )


def difference_body(difference: Difference) -> DifferenceBody:
    """Write a difference down."""
    return DifferenceBody(
        section=difference.section, op=difference.op, before=difference.before, after=difference.after
    )
