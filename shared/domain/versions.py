"""The versions of a report: which one is in force, and what persons did to it.

A row a version, none of which ever changes; `made_from` chains a person's versions down to a writer's.

Map: `Version` -> `in_force` · `History`, what the versions say of one of them -> `ai_mark`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.reports import (
    Act,
    Addendum,
    AiMark,
    Attestation,
    Author,
    Person,
    ReportStatus,
    WriterVersion,
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a report, without its text.

    Attributes:
        made_from: the version that a person did something to; None of what a writer wrote.
        reason: why a signed report was changed or withdrawn, in the person's words.
        addendum: what was added below the report.
    """

    version: int
    act: Act
    status: ReportStatus
    made_from: int | None
    author: Author
    created_at: datetime
    reason: str | None = None
    addendum: str | None = None


def in_force(versions: Sequence[Version]) -> Version | None:
    """Return the version that is the report: the newest of a person's that was signed, else the newest.

    What a writer writes later, as when the study is read again, displaces nothing that a person signed.

    Args:
        versions: all of one report, oldest first.
    """
    signed = [version for version in versions if version.status is not ReportStatus.PRELIMINARY]
    standing = signed or versions
    return standing[-1] if standing else None


@dataclass(frozen=True, slots=True)
class History:
    """What all versions of a report say of one of them.

    Attributes:
        versions: all, oldest first.
        number: which one.
    """

    versions: Sequence[Version]
    number: int

    @property
    def chain(self) -> list[Version]:
        """What it was made from, the writer's version first, and itself last."""
        by_number = {version.version: version for version in self.versions}
        chain = [by_number[self.number]]
        while (made_from := chain[0].made_from) is not None:
            chain.insert(0, by_number[made_from])
        return chain

    @property
    def drafted_by(self) -> WriterVersion | None:
        """The writer whose draft it goes back to; None of what a writer wrote itself."""
        first, *acts = self.chain
        return first.author if acts and isinstance(first.author, WriterVersion) else None

    @property
    def attestations(self) -> list[Attestation]:
        """Who signed, amended, added to or withdrew it, in order."""
        return [
            Attestation(step.act, step.author.name, step.created_at, step.version, step.reason)
            for step in self.chain
            if isinstance(step.author, Person) and step.status is not ReportStatus.PRELIMINARY
        ]

    @property
    def addenda(self) -> list[Addendum]:
        """What was added below it, in order."""
        return [
            Addendum(step.addendum, step.author.name, step.created_at, step.version)
            for step in self.chain
            if isinstance(step.author, Person) and step.addendum is not None
        ]

    @property
    def superseded_by(self) -> int | None:
        """The version that is the report where this one is not."""
        force = in_force(self.versions)
        return force.version if force and force.version != self.number else None

    @property
    def newer_reading(self) -> int | None:
        """Of the report in force: the newest version, which a writer made after this one was signed."""
        newest = self.versions[-1].version
        return newest if self.superseded_by is None and newest != self.number else None

    @property
    def ai_mark(self) -> AiMark:
        """What a machine is told of how it came to be."""
        return ai_mark(self.attestations)


def ai_mark(attestations: Iterable[Attestation]) -> AiMark:
    """Return what a machine is told of a report: to withdraw one that nobody had signed is no signature."""
    signed = any(one.act is not Act.ENTERED_IN_ERROR for one in attestations)
    return AiMark.REVIEWED if signed else AiMark.WRITTEN
