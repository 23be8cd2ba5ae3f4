"""From findings to verified reports: write, verify, write the refused ones again, and fall back to rules.

A study in which nothing was detected leaves a writer that knows the findings alone nothing to write: its
report comes by rule.

The heart of the report worker. It does no I/O but the writer's, and lets nothing out that the policy of its
writer refuses.

Map: `write_reports` -> `_Study` -> `_report`, `_by_rule` -> `_made_of` · `write_unasked`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.reports import Departures, Policy, Report, Verification, WriterVersion
from shared.reporting.composition import Composed, composed, nothing_detected
from shared.reporting.departures import in_words
from shared.reporting.policies import departures_of, refusals, strict
from shared.reporting.request import Prose, ReportRequest
from shared.reporting.verifier import HeldProse, grade
from worker_llm.writers.base import Draft, NoReport, Writer
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
        departures: what is done with a grounded writer's text that departs from the findings. One that sees
            is told what was objected to before it writes again, in our words.

    Raises:
        TryAgainError: the writer cannot be reached; nothing was written.
        ValueError: a request has no labels: there is nothing to report.
    """
    _need_labels(requests)
    studies = [_Study(request) for request in requests]
    for study in studies:
        if writer.policy is Policy.STRICT and not study.request.detected():
            study.report = _by_rule(study.request)
    for attempt in range(1, attempts + 1):
        waiting = [study for study in studies if study.report is None]
        if not waiting:
            break
        drafts = writer.write([study.request for study in waiting], attempt=attempt)
        for study, draft in zip(waiting, drafts, strict=True):
            study.take(draft, writer, departures, attempt=attempt)
    return [
        study.report or study.departing or _by_rule(study.request, attempts=attempts, failures=study.failures)
        for study in studies
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


@dataclass(slots=True)
class _Study:
    """One request on its way to a report.

    Attributes:
        request: what the writer is given next.
        failures: why each text so far was refused.
        report: the one that was let out.
        departing: made of the last text that was refused for nothing but what departs from the findings,
            where such a one is delivered after all.
    """

    request: ReportRequest
    failures: tuple[str, ...] = ()
    report: Report | None = None
    departing: Report | None = None

    def take(self, draft: Draft, writer: Writer, departures: Departures, *, attempt: int) -> None:
        """Let a draft out, or keep why not."""
        if isinstance(draft, NoReport):
            self.failures += (draft.reason,)
            return
        held = grade(draft, self.request)
        reasons = refusals(held, writer.policy, departures)
        if not reasons:
            self.report = self._let_out(draft, held, writer, attempt=attempt)
            return
        if departures is Departures.ASK and writer.policy is Policy.GROUNDED and not held.malformed:
            self.departing = self._let_out(draft, held, writer, attempt=attempt)
        self.failures += reasons
        if writer.sees:
            self.request = replace(self.request, objections=tuple(dict.fromkeys(departures_of(held))))

    def _let_out(self, prose: Prose, held: HeldProse, writer: Writer, *, attempt: int) -> Report:
        verification = Verification(
            "passed", attempt, fallback=False, failures=self.failures, policy=writer.policy
        )
        return _report(self.request, prose, held, writer.version, verification)


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
