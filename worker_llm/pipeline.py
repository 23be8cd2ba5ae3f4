"""From findings to verified reports: write, verify, write the refused ones again, and fall back to rules.

A study in which nothing was detected leaves a writer that knows the findings alone nothing to write: its
report comes by rule.

The heart of the report worker. It does no I/O but the writer's, and lets nothing out that the policy of its
writer refuses.

Map: `write_reports` -> `_report`, `_by_rule` -> `_made_of` · `write_unasked`.
"""

from collections.abc import Sequence

from shared.domain.reports import Departures, Policy, Report, Verification, WriterVersion
from shared.reporting.composition import Composed, composed, nothing_detected
from shared.reporting.departures import in_words
from shared.reporting.policies import refusals, strict
from shared.reporting.request import Prose, ReportRequest
from shared.reporting.verifier import HeldProse, grade
from worker_llm.writers.base import NoReport, Writer
from worker_llm.writers.template import TEMPLATE_VERSION, write_by_rule


class UnverifiableError(RuntimeError):
    """Not even the template's text passed: a bug in the template, the lexicon or the verifier."""


def write_reports(
    requests: Sequence[ReportRequest],
    writer: Writer,
    *,
    attempts: int,
    departures: Departures = Departures.REFUSE,
) -> list[Report]:
    """Write a verified report for every request, in their order.

    Args:
        requests: the studies of one batch; those whose text is refused are written again together.
        writer: who writes.
        attempts: texts that the writer may try for one study before the template's is taken.
        departures: what is done with a grounded writer's text that departs from the findings.

    Raises:
        TryAgainError: the writer cannot be reached; nothing was written.
        ValueError: a request has no labels: there is nothing to report.
    """
    _need_labels(requests)
    reports: dict[int, Report] = {}
    if writer.policy is Policy.STRICT:
        reports = {
            index: _by_rule(request) for index, request in enumerate(requests) if not request.detected()
        }
    failures: dict[int, tuple[str, ...]] = {
        index: () for index in range(len(requests)) if index not in reports
    }
    for attempt in range(1, attempts + 1):
        waiting = [index for index in failures if index not in reports]
        if not waiting:
            break
        drafts = writer.write([requests[index] for index in waiting], attempt=attempt)
        for index, draft in zip(waiting, drafts, strict=True):
            if isinstance(draft, NoReport):
                failures[index] += (draft.reason,)
                continue
            held = grade(draft, requests[index])
            reasons = refusals(held, writer.policy, departures)
            if not reasons:
                verification = Verification(
                    "passed", attempt, fallback=False, failures=failures[index], policy=writer.policy
                )
                reports[index] = _report(requests[index], draft, held, writer.version, verification)
            failures[index] += reasons
    return [
        reports.get(index) or _by_rule(request, attempts=attempts, failures=failures[index])
        for index, request in enumerate(requests)
    ]


def write_unasked(request: ReportRequest, why: str) -> Report:
    """Write by rule a study whose writer must not be asked, as a fall-back that says why.

    Raises:
        ValueError: the request has no labels.
    """
    _need_labels([request])
    return _by_rule(request, failures=(why,))


def _need_labels(requests: Sequence[ReportRequest]) -> None:
    if not all(request.certainties() for request in requests):
        message = "a report needs at least one label that was looked for"
        raise ValueError(message)


def _report(
    request: ReportRequest, prose: Prose, held: HeldProse, writer: WriterVersion, verification: Verification
) -> Report:
    warnings = tuple(in_words(held, request.language))
    return _made_of(composed(prose, held, request), request, writer, verification, warnings)


def _by_rule(request: ReportRequest, *, attempts: int = 0, failures: tuple[str, ...] = ()) -> Report:
    """Write by rule, and hold that text to the strict policy; after a failure it is a fall-back."""
    verification = Verification("passed", attempts + 1, fallback=bool(failures), failures=failures)
    if not request.detected():
        return _made_of(nothing_detected(request), request, TEMPLATE_VERSION, verification)
    prose = write_by_rule(request)
    held = grade(prose, request)
    reasons = tuple(strict(held))
    if reasons:
        message = f"the template's report was refused: {'; '.join(reasons)}"
        raise UnverifiableError(message)
    return _report(request, prose, held, TEMPLATE_VERSION, verification)


def _made_of(
    composition: Composed,
    request: ReportRequest,
    writer: WriterVersion,
    verification: Verification,
    warnings: tuple[str, ...] = (),
) -> Report:
    return Report(
        language=request.language,
        sections=composition.sections,
        writer=writer,
        verification=verification,
        warnings=warnings,
        sentences=composition.sentences,
    )
