"""One trace a study, across the API, the queue and the workers, as OpenTelemetry spans.

The trace's id is the study's own id: a message need not carry it, a retry days later is in the same trace,
and every log line of the study names it. Spans hold counts and outcomes, never an error's text or anything
else that could be a patient's. Without an endpoint nothing is recorded, and a span costs a microsecond.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags
from typing_extensions import override

from shared.domain.studies import StudyId
from shared.settings import TelemetrySettings

_SEND_EVERY_MS: Final = 1000
_LOW_64_BITS: Final = 2**64 - 1

_tracer: trace.Tracer = trace.NoOpTracer()
_beginning: Final[ContextVar[StudyId | None]] = ContextVar("beginning", default=None)


def configure(service: str, settings: TelemetrySettings) -> None:
    """Send this process's spans to the collector that the settings name, if they name one."""
    if settings.otlp_endpoint is None:
        return
    # Its protocol buffers take longer to import than the rest of tracing, and most processes need none.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": f"cxr-{service}"}), id_generator=_StudyIds()
    )
    exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint.rstrip("/") + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_SEND_EVERY_MS))
    # Not the global provider: libraries would record spans of their own, FastAPI one for every poll.
    global _tracer  # noqa: PLW0603  set once, before any work
    _tracer = provider.get_tracer("cxr-reporter")


def begin_trace(study_id: StudyId, *, started: float, images: int) -> None:
    """Record the span that all others of the study hang from: its acceptance.

    Args:
        started: seconds since the epoch, when the work on it began.
    """
    token = _beginning.set(study_id)
    try:
        span = _tracer.start_span("study.accept", start_time=int(started * 1e9), context=Context())
    finally:
        _beginning.reset(token)
    span.set_attributes({"cxr.study_id": str(study_id), "cxr.images": images})
    span.end(int(time.time() * 1e9))


@contextmanager
def study_span(study_id: StudyId, name: str, **attributes: int | bool | str) -> Iterator[Span]:
    """Record a span of the study's trace until the block ends."""
    root = SpanContext(
        trace_id=study_id.int,
        span_id=study_id.int & _LOW_64_BITS,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    context = trace.set_span_in_context(NonRecordingSpan(root), Context())
    named = {f"cxr.{key}": value for key, value in attributes.items()}
    with _recorded(name, context) as span:
        span.set_attributes({"cxr.study_id": str(study_id), **named})
        yield span


@contextmanager
def step(name: str) -> Iterator[None]:
    """Record a span within the one that this thread is in."""
    with _recorded(name, None):
        yield


@contextmanager
def _recorded(name: str, context: Context | None) -> Iterator[Span]:
    # An exception's message and traceback may hold anything, a patient's name included.
    with _tracer.start_as_current_span(
        name, context=context, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            raise


class _StudyIds(RandomIdGenerator):
    """Random ids, but for the span that begins a study's trace: its ids follow from the study's."""

    @override
    def generate_trace_id(self) -> int:
        study_id = _beginning.get()
        return super().generate_trace_id() if study_id is None else study_id.int

    @override
    def generate_span_id(self) -> int:
        study_id = _beginning.get()
        return super().generate_span_id() if study_id is None else study_id.int & _LOW_64_BITS
