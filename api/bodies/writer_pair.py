"""How two writers of the same studies compare, as clients see it."""

from collections.abc import Iterable

from pydantic import Field

from api.bodies.base import Body
from api.bodies.report import WriterId
from shared.records.shadow_reports import WriterPair
from shared.reporting.discrepancies import ErrorKind, Significance


class ErrorCountBody(Body):
    """How often one kind of error was made at labels of one significance."""

    kind: ErrorKind
    significance: Significance
    count: int


class AccountBody(Body):
    """How one of two accounts stands to the other, over all studies."""

    comparison: str = Field(
        description="shadow_to_primary, primary_to_findings or shadow_to_findings; the latter is right."
    )
    stated: int = Field(description="Labels that either says to be there.")
    agreed: int = Field(description="Of them, those of which both say the same.")
    unread: int = Field(
        description="Labels that may stand in a sentence which cannot be read; in no other count."
    )
    errors: list[ErrorCountBody]
    weight: float = Field(description="Of all errors together.")


class WriterPairBody(Body):
    """Two writers who wrote of the same studies."""

    primary: WriterId = Field(description="Who wrote what readers are shown.")
    shadow: WriterId
    compared: int = Field(description="Studies whose two reports were compared.")
    fallbacks: int = Field(description="Studies in which all the shadow's texts were refused.")
    accounts: list[AccountBody]


class WriterPairs(Body):
    """All of them, those first who have most studies in common."""

    items: list[WriterPairBody]


def writer_pairs(pairs: Iterable[WriterPair]) -> WriterPairs:
    """Write pairs down."""
    return WriterPairs(
        items=[
            WriterPairBody(
                primary=WriterId(id=pair.primary.id, version=pair.primary.version),
                shadow=WriterId(id=pair.shadow.id, version=pair.shadow.version),
                compared=pair.compared,
                fallbacks=pair.fallbacks,
                accounts=[
                    AccountBody(
                        comparison=one.comparison,
                        stated=one.stated,
                        agreed=one.agreed,
                        unread=one.unread,
                        errors=[
                            ErrorCountBody(kind=of.kind, significance=of.significance, count=of.count)
                            for of in one.errors
                        ],
                        weight=one.weight,
                    )
                    for one in pair.accounts
                ],
            )
            for pair in pairs
        ]
    )
