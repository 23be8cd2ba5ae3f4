"""What a shadow writer wrote beside the reports: stored to be compared, and counted for each two writers.

Map: `Comparisons` -> `store` · `ErrorCount`, `Account`, `WriterPair` -> `pairs`.
"""

from collections import defaultdict
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.orm import Session

from shared.domain.reports import Report, WriterVersion
from shared.domain.studies import StudyId, TenantId
from shared.records import reports
from shared.records.tables import ShadowReportRow, StudyRow
from shared.reporting.discrepancies import Discrepancies, ErrorKind, Significance, weight


@dataclass(frozen=True, slots=True)
class Comparisons:
    """How two writers' reports of one study stand to each other and to what was found.

    Attributes:
        shadow_to_primary: the report that readers are shown held to be right.
        primary_to_findings: the classifier held to be right, as it is in the next.
    """

    shadow_to_primary: Discrepancies
    primary_to_findings: Discrepancies
    shadow_to_findings: Discrepancies


COMPARISONS: Final = tuple(field.name for field in fields(Comparisons))
_COMPARISONS: Final = TypeAdapter(Comparisons)


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How often one kind of error was made at labels of one significance."""

    kind: ErrorKind
    significance: Significance
    count: int

    @property
    def weight(self) -> float:
        """What these errors weigh together."""
        return self.count * weight(self.kind, self.significance)


@dataclass(frozen=True, slots=True)
class Account:
    """One of the `Comparisons`, over all reports of two writers; the counts are as in `Discrepancies`."""

    comparison: str
    stated: int
    agreed: int
    unread: int
    errors: tuple[ErrorCount, ...]

    @property
    def weight(self) -> float:
        """What the errors weigh together."""
        return sum(error.weight for error in self.errors)


@dataclass(frozen=True, slots=True)
class WriterPair:
    """Two writers who wrote of the same studies.

    Attributes:
        primary: who wrote what readers are shown; the template where the primary's own text was refused.
        compared: studies whose two reports were.
        fallbacks: studies in which all the shadow's texts were refused; no account counts these.
    """

    primary: WriterVersion
    shadow: WriterVersion
    compared: int = 0
    fallbacks: int = 0
    accounts: tuple[Account, ...] = ()


def store(
    session: Session,
    study_id: StudyId,
    version: int,
    writer: WriterVersion,
    report: Report,
    compared: Comparisons,
) -> bool:
    """Store what the shadow wrote beside a version of a study's report, in the caller's transaction.

    Returns:
        False where the study was erased meanwhile: nothing is stored.
    """
    # Erasing locks the row, so that nothing comes after what it erased.
    there = select(StudyRow.id).where(StudyRow.id == study_id, StudyRow.erased_at.is_(None))
    if session.scalar(there.with_for_update(read=True, key_share=True)) is None:
        return False
    verification, said = report.verification, reports.text_of(report)
    session.add(
        ShadowReportRow(
            study_id=study_id,
            version=version,
            writer_id=writer.id,
            writer_version=writer.version,
            attempts=verification.attempts,
            fallback=verification.fallback,
            failures=list(verification.failures),
            policy=verification.policy,
            compared=None if verification.fallback else _COMPARISONS.dump_python(compared, mode="json"),
            **{name: said[name] for name in ("findings", "impression", "sentences")},
        )
    )
    return True


_OF_WRITERS: Final = """
    SELECT reports.writer_id, reports.writer_version, shadow_reports.writer_id, shadow_reports.writer_version,
"""
_AMONG: Final = """
    FROM shadow_reports JOIN reports USING (study_id, version) JOIN studies ON studies.id = study_id
    LEFT JOIN LATERAL jsonb_each(compared) AS account(kind, counts) ON true
"""
_WHOSE: Final = " WHERE studies.tenant_id = coalesce(:tenant_id, studies.tenant_id) "
_COUNTED: Final = text(
    _OF_WRITERS
    + """
    account.kind, count(*), sum((counts->>'stated')::int), sum((counts->>'agreed')::int),
    sum((counts->>'unread')::int)
    """
    + _AMONG
    + _WHOSE
    + "GROUP BY 1, 2, 3, 4, 5"
).bindparams(bindparam("tenant_id", type_=Uuid))
_ERRORS: Final = text(
    _OF_WRITERS
    + "account.kind, error->>'kind', error->>'significance', count(*)"
    + _AMONG
    + "CROSS JOIN LATERAL jsonb_array_elements(counts->'errors') AS error"
    + _WHOSE
    + "GROUP BY 1, 2, 3, 4, 5, 6, 7"
).bindparams(bindparam("tenant_id", type_=Uuid))


def pairs(session: Session, *, tenant_id: TenantId | None) -> list[WriterPair]:
    """Count what each two writers made of the same studies; those first who have most in common.

    Args:
        tenant_id: whose studies; None means everybody's.
    """
    whose = {"tenant_id": tenant_id}
    errors: dict[tuple[Any, ...], list[ErrorCount]] = defaultdict(list)
    for *account, kind, significance, count in session.execute(_ERRORS, whose):
        errors[tuple(account)].append(ErrorCount(ErrorKind(kind), Significance(significance), count))
    found: dict[tuple[Any, ...], WriterPair] = {}
    for *writers, comparison, count, stated, agreed, unread in session.execute(_COUNTED, whose):
        key = tuple(writers)
        pair = found.setdefault(key, WriterPair(WriterVersion(*key[:2]), WriterVersion(*key[2:])))
        if comparison is None:
            found[key] = replace(pair, fallbacks=count)
            continue
        own = sorted(errors[*key, comparison], key=lambda one: (list(ErrorKind).index(one.kind), one.weight))
        one = Account(comparison, stated, agreed, unread, tuple(own))
        found[key] = replace(pair, compared=count, accounts=(*pair.accounts, one))
    return sorted((_in_order(pair) for pair in found.values()), key=lambda pair: -pair.compared)


def _in_order(pair: WriterPair) -> WriterPair:
    return replace(
        pair, accounts=tuple(sorted(pair.accounts, key=lambda one: COMPARISONS.index(one.comparison)))
    )
