"""What writers make of the findings of held-out real reports, held against those findings and those reports.

    Written    a writer's first texts as they came: none is written again, or replaced by the rules' text
    written_by, as_published   a writer, or the radiologists -> `Written`
    Measured   its figures -> `measured`

A text contradicts when it denies a label that was found, omits one that it does not name, and invents one
that was not found. All three are read by `prose.py`, for every writer alike and for the radiologists' own
reports: their figures say how much of the others' is the reader's fault, or of terms that the text belies.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from prometheus_client import REGISTRY

from shared.bundles import Interval
from shared.domain.findings import FindingStatus
from shared.reporting.composition import composed
from shared.reporting.policies import strict
from shared.reporting.verifier import grade
from training.reports.labellers import affirmed, compared, read_by_grammar, share_read
from training.reports.open_i import RealReport
from training.reports.overlap import Overlaps, overlaps
from training.reports.prose import read_prose
from worker_llm.writers.base import NoReport, Writer

_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class Written:
    """One writer's texts for some reports, in their order.

    Attributes:
        texts: findings and impression as rules make them of what was written; empty for what is no report.
        passed: whether the verifier would let it out as it is.
        seconds: of writing all; 0 for what was not written here.
        tokens: that a language model generated; 0 without one.
    """

    texts: tuple[str, ...]
    passed: tuple[bool, ...]
    seconds: float = 0.0
    tokens: int = 0


def written_by(writer: Writer, reports: Sequence[RealReport]) -> Written:
    """Let a writer write each report's findings once."""
    requests = [report.request() for report in reports]
    texts: list[str] = []
    passed: list[bool] = []
    tokens, started = _tokens(), time.monotonic()
    for start in range(0, len(requests), _BATCH):
        batch = requests[start : start + _BATCH]
        for request, draft in zip(batch, writer.write(batch, attempt=1), strict=True):
            if isinstance(draft, NoReport):
                texts.append("")
                passed.append(False)
            else:
                held = grade(draft, request)
                sections = composed(draft, held, request).sections
                texts.append(f"{sections.findings} {sections.impression}")
                passed.append(not any(strict(held)))
        print(f"{len(texts)}/{len(requests)} written", file=sys.stderr, flush=True)
    return Written(tuple(texts), tuple(passed), time.monotonic() - started, _tokens() - tokens)


def as_published(reports: Sequence[RealReport]) -> Written:
    """Return the radiologists' own texts, as if they had been written for their terms."""
    return Written(tuple(report.text for report in reports), (False,) * len(reports))


def _tokens() -> int:
    return int(REGISTRY.get_sample_value("cxr_report_tokens_total") or 0)


@dataclass(frozen=True, slots=True)
class Measured:
    """A writer's figures.

    Attributes:
        grammar_f1: micro F1 of the labels that the verifier's labeller reads in the texts.
        readable: the share of their sentences that it can read.
        prose_f1: the same of what `prose.py` reads.
        contradicting, inventing, omitting: shares of the reports in which a label is so of which the terms
            say anything.
        whole: the share that are reports at all: the two sections and nothing else.
        passed: the share that the verifier would let out as it is.
        tokens_per_second, reports_per_second: None for what was not written here, or without a model.
    """

    overlaps: Overlaps
    grammar_f1: Interval | None
    readable: float
    prose_f1: Interval | None
    contradicting: float
    inventing: float
    omitting: float
    whole: float
    passed: float
    tokens_per_second: float | None
    reports_per_second: float | None


def measured(written: Written, reports: Sequence[RealReport]) -> Measured:
    """Hold a writer's texts against the reports and their labels."""
    said = [
        replace(one, findings=text, impression="") for one, text in zip(reports, written.texts, strict=True)
    ]
    read = [read_prose(text) for text in written.texts]
    faults = [_faults(found, report) for found, report in zip(read, reports, strict=True)]
    contradicting, inventing, omitting = (sum(one) / len(faults) for one in zip(*faults, strict=True))
    seconds, count = written.seconds, len(reports)
    return Measured(
        overlaps=overlaps(written.texts, [report.text for report in reports]),
        grammar_f1=compared(said, read_by_grammar).micro.f1,
        readable=share_read(written.texts),
        prose_f1=compared(said, lambda text: affirmed(read_prose(text))).micro.f1,
        contradicting=contradicting,
        inventing=inventing,
        omitting=omitting,
        whole=sum(map(bool, written.texts)) / count,
        passed=sum(written.passed) / count,
        tokens_per_second=written.tokens / seconds if written.tokens and seconds else None,
        reports_per_second=count / seconds if seconds else None,
    )


def _faults(found: Mapping[str, FindingStatus], report: RealReport) -> tuple[bool, bool, bool]:
    """Tell whether a text contradicts, invents, omits."""
    present = frozenset(report.present())
    denied = {label for label, status in found.items() if status is FindingStatus.ABSENT}
    absent = report.labels.keys() - present
    return bool(present & denied), bool(affirmed(found) & absent), bool(present - found.keys())
