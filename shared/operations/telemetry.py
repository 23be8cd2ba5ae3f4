"""What a process tells its operators: structured logs without patient data, metrics, and traces."""

import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from shared.errors import Damage
from shared.operations import tracing
from shared.settings import TelemetrySettings

# The only keys that leave the process: a list of what is forbidden would forget the next DICOM tag.
_ALLOWED: Final = frozenset(
    {
        *("event", "level", "timestamp", "logger", "service", "pid", "exception", "stage", "queue"),
        *(
            "study_id",
            "trace_id",
            "batch_id",
            "request_id",
            "image",
            "images",
            "studies",
            "status",
            "outcome",
            "code",
        ),
        *("error", "claims", "alone", "seconds", "count", "size", "method", "route", "port", "host"),
        *("model", "writer", "version", "device", "digest", "signal", "hints", "priority", "task", "threads"),
        *("licence", "terms"),
    }
)

_MOST_FRAMES: Final = 12

log = structlog.get_logger()

OUTCOMES: Final = Counter("cxr_work_total", "Claims by how they ended", ["stage", "outcome"])
SECONDS: Final = Histogram(
    "cxr_work_seconds",
    "Seconds from claim to outcome",
    ["stage"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120),
)
BATCH_SIZE: Final = Histogram(
    "cxr_batch_size", "Items in a device batch", ["stage"], buckets=(1, 2, 4, 8, 16, 32, 64)
)
HINTS: Final = Counter("cxr_hints_total", "Hints sent to the queue", ["stage", "reason"])
EXPIRED: Final = Counter("cxr_leases_expired_total", "Leases that ran out", ["stage"])
WAITING: Final = Gauge("cxr_studies_waiting", "Studies that wait", ["stage", "priority"])
RUNNING: Final = Gauge("cxr_studies_running", "Studies that a worker holds", ["stage"])
OLDEST: Final = Gauge(
    "cxr_oldest_waiting_seconds", "Seconds since the oldest waiting study was sent in", ["stage"]
)
IDLE: Final = Counter(
    "cxr_worker_idle_seconds_total",
    "Seconds in which a worker had nothing to do while work waited",
    ["stage"],
)
BUSY: Final = Counter(
    "cxr_device_busy_seconds_total", "Seconds that the model or the writer was at work on batches", ["stage"]
)
TOKENS: Final = Counter("cxr_report_tokens_total", "Tokens that the language model has written")
FALLBACKS: Final = Counter(
    "cxr_report_fallbacks_total", "Reports in which the template stood in for the writer"
)
SHADOWS: Final = Counter(
    "cxr_shadow_reports_total",
    "Studies of which a shadow writer was to write, by what came of it",
    ["outcome"],
)
DAMAGED: Final = Counter(
    "cxr_originals_damaged_total", "Times that a stored original was not what was sent", ["damage"]
)
CRITICAL: Final = Counter(
    "cxr_critical_findings_total", "Studies that were classified with a critical finding", ["label"]
)
RECEIVED: Final = Counter("cxr_studies_received_total", "Studies taken in", ["priority", "outcome"])
INSTANCES: Final = Counter(
    "cxr_dicom_instances_total",
    "DICOM instances sent by C-STORE, by what was answered",
    ["outcome"],
)
DELIVERIES: Final = Counter(
    "cxr_delivery_attempts_total", "Attempts to deliver a result, by how they ended", ["kind", "outcome"]
)
OWED: Final = Gauge("cxr_deliveries_waiting", "Deliveries that wait", ["kind"])
DEAD: Final = Gauge("cxr_deliveries_dead", "Deliveries that were given up", ["kind"])
OWED_SINCE: Final = Gauge(
    "cxr_oldest_delivery_seconds", "Seconds since the event of the oldest delivery that waits", ["kind"]
)
HL7: Final = Counter("cxr_hl7_messages_total", "HL7 messages that came in", ["kind", "answer"])
PULLED: Final = Counter("cxr_pulled_instances_total", "Instances that were fetched", ["outcome"])
REPAIRED: Final = Counter("cxr_originals_repaired_total", "Damaged originals that were sent again")
for _damage in Damage:
    # From the start, or the first of its kind would look like no change.
    DAMAGED.labels(_damage)


def configure(service: str, settings: TelemetrySettings) -> None:
    """Set up logging for this process, and its /metrics port and traces where they are configured."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        say_where_it_happened,
        _add_service(service),
        _add_trace,
        drop_unlisted_keys,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if settings.log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(settings.log_level)
    # These write the contents of what they handle (DICOM values, request bodies) at a low level.
    for chatty in ("pydicom", "boto3", "botocore", "urllib3", "httpx", "httpcore", "PIL", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.root.level))
    if settings.metrics_port:
        start_http_server(settings.metrics_port)
    tracing.configure(service, settings)


def say_where_it_happened(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Turn an exception into its kind and place, and those of its causes; its text may quote a patient."""
    error = entry.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    where: list[str] = []
    while isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
        where.append(type(error).__name__)
        where += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        error = error.__cause__ or error.__context__
    if where:
        entry["exception"] = "\n".join(where)
    return entry


def count_damage(damage: Damage, *, digest: str | None) -> None:
    """Tell operators of an original that is not what was sent."""
    DAMAGED.labels(damage).inc()
    log.error("original.damaged", error=damage, digest=digest)


def count_batch(stage: str) -> Callable[[int, float], None]:
    """Return what a stage's MicroBatcher tells of its batches."""

    def count(size: int, seconds: float) -> None:
        BATCH_SIZE.labels(stage).observe(size)
        BUSY.labels(stage).inc(seconds)

    return count


def drop_unlisted_keys(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop every key that is not on the list, and say how many were."""
    unlisted = [key for key in entry if key not in _ALLOWED and not key.startswith("_")]
    for key in unlisted:
        del entry[key]
    if unlisted:
        entry["dropped"] = len(unlisted)
    return entry


def _add_service(service: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["service"] = service
        return entry

    return add


def _add_trace(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the study's trace as trace viewers write it, so that a log line leads there."""
    if isinstance(study_id := entry.get("study_id"), str):
        entry["trace_id"] = study_id.replace("-", "")
    return entry
