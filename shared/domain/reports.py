"""What a report says, who wrote it, and how each of its sentences agrees with the findings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from shared.domain.findings import Box


class Language(StrEnum):
    """A language in which reports are written (ISO 639-1)."""

    ENGLISH = "en"
    SPANISH = "es"


class ReportStatus(StrEnum):
    """How far a version of a report is to be relied on (FHIR DiagnosticReport.status)."""

    PRELIMINARY = "preliminary"
    """Nobody has signed it."""
    FINAL = "final"
    AMENDED = "amended"
    """Changed after it was final."""
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True)
class WriterVersion:
    """The report writer that a report is produced by."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person who wrote a version of a report, by the name that the report shows."""

    name: str


Author: TypeAlias = WriterVersion | Person


SIGNED: Final = (ReportStatus.FINAL, ReportStatus.AMENDED)
"""A person has signed it, and nobody has withdrawn it."""


class AuthorKind(StrEnum):
    """Who wrote a version of a report."""

    WRITER = "writer"
    """One of ours: a model or the rules."""
    PERSON = "person"


class Act(StrEnum):
    """What made a version of a report."""

    WRITTEN = "written"
    """A writer of ours wrote it from the findings."""
    EDITED = "edited"
    SIGNED = "signed"
    AMENDED = "amended"
    """A signed report was changed, and signed again."""
    ADDENDUM = "addendum"
    """Something was added below a signed report, which stays as it was."""
    ENTERED_IN_ERROR = "entered-in-error"
    """The report is withdrawn; it should not have been."""


STATUS_AFTER: Final[Mapping[tuple[ReportStatus, Act], ReportStatus]] = MappingProxyType(
    {
        (ReportStatus.PRELIMINARY, Act.EDITED): ReportStatus.PRELIMINARY,
        (ReportStatus.PRELIMINARY, Act.SIGNED): ReportStatus.FINAL,
        (ReportStatus.PRELIMINARY, Act.ENTERED_IN_ERROR): ReportStatus.ENTERED_IN_ERROR,
        (ReportStatus.FINAL, Act.AMENDED): ReportStatus.AMENDED,
        (ReportStatus.FINAL, Act.ADDENDUM): ReportStatus.AMENDED,
        (ReportStatus.FINAL, Act.ENTERED_IN_ERROR): ReportStatus.ENTERED_IN_ERROR,
        (ReportStatus.AMENDED, Act.AMENDED): ReportStatus.AMENDED,
        (ReportStatus.AMENDED, Act.ADDENDUM): ReportStatus.AMENDED,
        (ReportStatus.AMENDED, Act.ENTERED_IN_ERROR): ReportStatus.ENTERED_IN_ERROR,
    }
)
"""What a person may do to a report, and what it is then; the only place that says so."""


class IllegalActError(ValueError):
    """Nobody may do that to a report of this status: a bug in the caller, never bad input."""


def status_after(status: ReportStatus, act: Act) -> ReportStatus:
    """Return what a report becomes that is `status` now.

    Raises:
        IllegalActError: `STATUS_AFTER` does not list the pair.
    """
    try:
        return STATUS_AFTER[status, act]
    except KeyError:
        message = f"a report that is {status} cannot be {act}"
        raise IllegalActError(message) from None


def acts_on(status: ReportStatus) -> tuple[Act, ...]:
    """Return what a person may do to a report of this status."""
    return tuple(act for before, act in STATUS_AFTER if before is status)


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person's word for a report: one of the acts from SIGNED on, by whom and when.

    Attributes:
        version: the version that the act made.
        reason: why a signed report was changed or withdrawn, in the person's words.
    """

    act: Act
    name: str
    at: datetime
    version: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Addendum:
    """What a person added below a signed report.

    Attributes:
        version: the version that it came with.
    """

    text: str
    author: str
    at: datetime
    version: int


class AiMark(StrEnum):
    """What a machine is told of a report's origin (IPTC Digital Source Type; EU 2024/1689, article 50)."""

    WRITTEN = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """An AI wrote it and nobody has signed it."""
    REVIEWED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    """A person signed what an AI had drafted."""


@dataclass(frozen=True, slots=True)
class ReportSections:
    """The body of a radiology report; each section is one or more sentences of plain text.

    Attributes:
        comparison: with the study before; empty where nobody knows of one.
    """

    technique: str
    findings: str
    impression: str
    comparison: str = ""


class Grade(StrEnum):
    """What the findings say to one sentence of a report; the loudest first."""

    CONTRADICTS = "contradicts"
    """It denies what was detected, or what may be the same as that."""
    UNSUPPORTED = "unsupported"
    """It states a label that nobody found, or one more or less surely than it was found."""
    UNREAD = "unread"
    """The grammar cannot read it: nobody knows whether it agrees with the findings."""
    SUPPORTED = "supported"
    """The findings say so too, or a rule wrote it."""


class Section(StrEnum):
    """The parts of a report that are made of sentences."""

    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    FINDINGS = "findings"
    IMPRESSION = "impression"


@dataclass(frozen=True, slots=True)
class Region:
    """Where on an image its writer saw what a sentence says.

    Attributes:
        image: its index in the study.
    """

    image: int
    box: Box


@dataclass(frozen=True, slots=True)
class GradedSentence:
    """One sentence of a report, held against the findings.

    Attributes:
        labels: what it speaks of; of an unread sentence, what it names.
        regions: its writer's own; none of a writer that did not see the images.
    """

    section: Section
    text: str
    grade: Grade
    labels: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()


class Decision(StrEnum):
    """What a person decided on a line of a report."""

    OPEN = "open"
    ACCEPTED = "accepted"
    CHANGED = "changed"
    STRUCK = "struck"
    ADDED = "added"
    """The line is theirs; the earlier version has no such sentence."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of a report as a person leaves it.

    Attributes:
        of: the sentence that it was, by its index in the earlier version's `sentences`; None of one that was
            added.
    """

    section: Section
    text: str
    of: int | None = None
    decision: Decision = Decision.OPEN


class Policy(StrEnum):
    """What a writer may say; see docs/decisions/0018."""

    STRICT = "strict"
    """For writers that know the findings alone: every sentence is supported, and everything is said."""
    GROUNDED = "grounded"
    """For writers that saw the image: what goes beyond the findings is refused or marked."""


class Departures(StrEnum):
    """What is done with a grounded report that departs from the findings."""

    REFUSE = "refuse"
    """Written again; after the last try rules write the report."""
    ASK = "ask"
    """Written again; after the last try the writer's text is delivered, marked."""
    MARK = "mark"
    """Delivered, marked."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How a report was held against the findings before it was let out.

    Attributes:
        verdict: "passed" always: nothing that its writer's policy refuses is delivered.
        attempts: how many texts were written, the delivered one included.
        fallback: whether the delivered text is the template's because the writer's own failed.
        failures: why each refused text was refused.
        policy: what the delivered text was held to.
    """

    verdict: str
    attempts: int
    fallback: bool
    failures: tuple[str, ...] = ()
    policy: Policy = Policy.STRICT


@dataclass(frozen=True, slots=True)
class Report:
    """A report that a writer wrote, verified.

    Attributes:
        warnings: what its reader must know before it, in its language; its impression begins with them.
        sentences: every sentence of the sections, in order, with its grade.
    """

    language: Language
    sections: ReportSections
    writer: WriterVersion
    verification: Verification
    warnings: tuple[str, ...] = ()
    sentences: tuple[GradedSentence, ...] = ()


@dataclass(frozen=True, slots=True)
class EditedReport:
    """What a person made of an earlier version: graded as a writer's is, and refused for nothing.

    Attributes:
        warnings, sentences: as a `Report` has them.
    """

    language: Language
    sections: ReportSections
    warnings: tuple[str, ...] = ()
    sentences: tuple[GradedSentence, ...] = ()
