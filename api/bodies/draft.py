"""A person's draft of a report as clients see it."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from api.bodies.base import Body
from api.bodies.report import AuthorBody, Evidence, SentenceBody, author_body, evidence_of, regions_of
from shared.domain.reports import Decision, GradedSentence, Person
from shared.records.drafts import DraftRecord
from shared.records.findings import FindingRecord


class LineBody(SentenceBody):
    """A sentence as a person leaves it, held against the findings."""

    of: int | None
    decision: Decision


class OtherDraft(Body):
    """Somebody else who works on the same report."""

    name: str
    opened_at: datetime
    saved_at: datetime


class DraftBody(Body):
    """What a person has made of a report so far."""

    base_version: int
    author: AuthorBody
    opened_at: datetime
    saved_at: datetime
    stale: bool = Field(description="Whether another version is the report by now than the one this is of.")
    lines: list[LineBody] = Field(
        description="Those that were sent, but for warnings, with decisions that say what the texts say; "
        "graded as they are now."
    )
    others: list[OtherDraft]


def draft_body(
    draft: DraftRecord,
    graded: Sequence[GradedSentence],
    rows: Sequence[FindingRecord],
    others: Sequence[DraftRecord],
    *,
    stale: bool,
) -> DraftBody:
    """Write a draft down.

    Args:
        graded: its lines.
        rows: the findings that they are held against.
        others: the drafts of everybody else.
    """
    evidence = evidence_of(rows)
    return DraftBody(
        base_version=draft.base_version,
        author=author_body(Person(draft.person)),
        opened_at=draft.opened_at,
        saved_at=draft.saved_at,
        stale=stale,
        lines=[
            LineBody(
                section=line.section,
                text=line.text,
                of=line.of,
                decision=line.decision,
                grade=sentence.grade,
                labels=list(sentence.labels),
                evidence=_evidence(sentence, evidence),
                regions=regions_of(sentence),
            )
            for line, sentence in zip(draft.lines, graded, strict=True)
        ],
        others=[
            OtherDraft(name=other.person, opened_at=other.opened_at, saved_at=other.saved_at)
            for other in others
        ],
    )


def _evidence(sentence: GradedSentence, evidence: dict[str, Evidence]) -> list[Evidence]:
    return [evidence[label] for label in sentence.labels if label in evidence]
