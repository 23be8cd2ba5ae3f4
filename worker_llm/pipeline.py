"""From findings to verified reports: write, verify, write the refused ones again, and fall back to rules.

A study in which nothing was detected leaves nothing to write: its two sentences come by rule.

The heart of the report worker. It does no I/O but the writer's, and lets nothing out that `verify` has
not passed.

Map: `write_reports` -> `_by_rule`; `with_warnings`.
"""

from collections.abc import Sequence
from dataclasses import replace

from shared.domain import Report, ReportSections, Verification, WriterVersion
from shared.rendering.document import WORDS
from shared.reporting.request import ReportRequest
from shared.reporting.verifier import verify
from worker_llm.writers.base import NoReport, Writer
from worker_llm.writers.template import TEMPLATE_VERSION, write_by_rule


class UnverifiableError(RuntimeError):
    """Not even the template's text passed: a bug in the template, the lexicon or the verifier."""


def write_reports(requests: Sequence[ReportRequest], writer: Writer, *, attempts: int) -> list[Report]:
    """Write a verified report for every request, in their order.

    Args:
        requests: the studies of one batch; those whose text is refused are written again together.
        writer: who writes.
        attempts: texts that the writer may try for one study before the template's is taken.

    Raises:
        TryAgainError: the writer cannot be reached; nothing was written.
        ValueError: a request has no labels: there is nothing to report.
    """
    if not all(request.certainties() for request in requests):
        message = "a report needs at least one label that was looked for"
        raise ValueError(message)
    reports = {index: _by_rule(request) for index, request in enumerate(requests) if not request.detected()}
    failures: dict[int, tuple[str, ...]] = {
        index: () for index in range(len(requests)) if index not in reports
    }
    for attempt in range(1, attempts + 1):
        waiting = [index for index in failures if index not in reports]
        if not waiting:
            break
        drafts = writer.write([requests[index] for index in waiting], attempt=attempt)
        for index, draft in zip(waiting, drafts, strict=True):
            reasons = (draft.reason,) if isinstance(draft, NoReport) else verify(draft, requests[index])
            if isinstance(draft, ReportSections) and not reasons:
                reports[index] = _report(
                    requests[index], draft, writer.version, attempts=attempt, failures=failures[index]
                )
            failures[index] += reasons
    return [
        reports.get(index) or _by_rule(request, attempts=attempts, failures=failures[index])
        for index, request in enumerate(requests)
    ]


def with_warnings(report: Report, warnings: Sequence[str]) -> Report:
    """Put what its reader must know before a verified report's impression, a line each.

    No writer and no verifier sees the warnings: they are said whatever was written.
    """
    word = WORDS[report.language].warning
    impression = "\n".join((*(f"{word}: {warning}" for warning in warnings), report.sections.impression))
    sections = replace(report.sections, impression=impression)
    return replace(report, sections=sections, warnings=tuple(warnings))


def _report(
    request: ReportRequest,
    sections: ReportSections,
    writer: WriterVersion,
    *,
    attempts: int,
    failures: tuple[str, ...],
    fallback: bool = False,
) -> Report:
    verification = Verification(verdict="passed", attempts=attempts, fallback=fallback, failures=failures)
    return Report(language=request.language, sections=sections, writer=writer, verification=verification)


def _by_rule(request: ReportRequest, *, attempts: int = 0, failures: tuple[str, ...] = ()) -> Report:
    """Write by rule, and hold that text to the same standard; it is a fall-back when others were refused."""
    sections = write_by_rule(request)
    reasons = verify(sections, request)
    if reasons:
        message = f"the template's report was refused: {'; '.join(reasons)}"
        raise UnverifiableError(message)
    return _report(
        request,
        sections,
        TEMPLATE_VERSION,
        attempts=attempts + 1,
        failures=failures,
        fallback=attempts > 0,
    )
