"""How reports are reviewed, as clients see it."""

from collections.abc import Iterable

from pydantic import Field

from api.bodies.base import Body
from api.bodies.report import WriterId
from shared.records.reviews import MOST_COUNTED
from shared.records.signed_reports import ReviewSummary


class ClassifierId(Body):
    """A version of a classifier."""

    id: str
    version: str


class ReviewSummaryBody(Body):
    """What persons made of one writer's reports on one classifier's findings."""

    classifier: ClassifierId
    writer: WriterId = Field(description="Who had drafted them.")
    signed: int = Field(description="Reports that are signed, and not withdrawn.")
    timed: int = Field(description="Of how many of them it is known when they were opened.")
    median_seconds: float | None = Field(description="From opening to the first signature, of those.")
    lines: int = Field(description="Sentences of the drafts that were decided on when they were signed.")
    accepted_share: float | None = Field(description="Of those, the share that was left as it was.")
    changed_words: float = Field(
        description="On the average: words replaced, taken out or put in between the draft and the text that"
        " was signed last."
    )
    changed_labels: float = Field(
        description="On the average: labels of which that text, with its addenda, says something else than"
        " the draft."
    )


class WaitingBody(Body):
    """How many reports wait to be signed."""

    unsigned: int = Field(description=f"At most {MOST_COUNTED}: that many, or more.")
    critical: int = Field(description="Of them, those with a critical finding; counted as far.")


class ReviewSummaries(Body):
    """All of them, those first of which most are signed."""

    items: list[ReviewSummaryBody]


def review_summaries(summaries: Iterable[ReviewSummary]) -> ReviewSummaries:
    """Write summaries down."""
    return ReviewSummaries(
        items=[
            ReviewSummaryBody(
                classifier=ClassifierId(id=one.classifier_id, version=one.classifier_version),
                writer=WriterId(id=one.writer_id, version=one.writer_version),
                signed=one.signed,
                timed=one.timed,
                median_seconds=one.median_seconds,
                lines=one.lines,
                accepted_share=one.accepted / one.lines if one.lines else None,
                changed_words=one.changed_words,
                changed_labels=one.changed_labels,
            )
            for one in summaries
        ]
    )
