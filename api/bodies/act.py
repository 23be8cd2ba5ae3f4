"""What persons do to a report, as they send it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.plain_text import Line, PlainText
from shared.domain import reports
from shared.domain.reports import AuthorKind, Decision, Section

PersonName = Annotated[Line, Field(min_length=1, max_length=200, pattern=r"\S", examples=["Dr. Ada Roe"])]
_Prose = Annotated[PlainText, Field(min_length=1, max_length=10_000, pattern=r"\S")]
_Reason = Annotated[PlainText, Field(min_length=1, max_length=1000, pattern=r"\S")]


class _Sent(BaseModel):
    """The base of what is sent here."""

    model_config = ConfigDict(extra="forbid")


class ActingPerson(_Sent):
    """The person who acts."""

    kind: Literal[AuthorKind.PERSON] = AuthorKind.PERSON
    name: PersonName


class _ByPerson(_Sent):
    """What every act says."""

    author: ActingPerson | None = Field(
        default=None,
        description="Who acts: needed where the server asks for no keys; else it is whose key it is.",
    )

    @property
    def named(self) -> str | None:
        """The name that is said."""
        return self.author.name if self.author else None


class EditedSections(_Sent):
    """The sections of a report as a person leaves them; the indication is the sender's and stays."""

    technique: _Prose
    comparison: Annotated[PlainText, Field(max_length=10_000)] | None = Field(
        default=None, description="Null leaves it as it is; empty takes it out."
    )
    findings: _Prose
    impression: _Prose


class NewVersion(_ByPerson):
    """What a version of a report is made of."""

    sections: EditedSections


class SentLine(_Sent):
    """A sentence of a report as a person leaves it."""

    section: Section
    text: Annotated[PlainText, Field(max_length=10_000)]
    of: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description="Which of the version's `sentences` it is, from 0; null of one that was added.",
    )
    decision: Decision = Decision.OPEN

    def line(self) -> reports.Line:
        """Return it as a value."""
        return reports.Line(self.section, self.text, self.of, self.decision)


Lines = Annotated[
    list[SentLine],
    Field(
        description="Every sentence of the version once, in the order in which they are to stand, those that "
        "were added among them. One that is to go is `struck`; the lines of warnings may be left out, and "
        "come back by themselves.",
    ),
]


class NewDraft(_ByPerson):
    """What a person has made of a report so far."""

    base_version: Annotated[int, Field(ge=1, le=2**31 - 1, description="The version that the lines are of.")]
    lines: Lines


class Signature(_ByPerson):
    """What is signed."""

    lines: Lines | None = Field(default=None, description="Null signs the report as it stands.")
    reason: _Reason | None = Field(
        default=None, description="Why a signed report is changed; needed for that, and for nothing else."
    )


class NewAddendum(_ByPerson):
    """What is added below a signed report."""

    text: _Prose


class Withdrawal(_ByPerson):
    """Why a report should never have been."""

    reason: _Reason
