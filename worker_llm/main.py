"""The LLM worker's process: load the writer, say ready, write until SIGTERM."""

import structlog

from shared.catalogue import CATALOGUE
from shared.domain.studies import Actor, ActorKind, Stage
from shared.operations import telemetry
from shared.records.database import Database
from shared.settings import (
    DatabaseSettings,
    QueueSettings,
    ReportSettings,
    StorageSettings,
    TelemetrySettings,
)
from shared.storage import Storage
from shared.work import queue
from shared.work.handling import Workplace
from shared.work.heartbeat import Heartbeat
from shared.work.idleness import IdleWatch
from shared.work.lanes import LANES
from shared.work.worker import run
from worker_llm.shadow import Shadow, load_shadow
from worker_llm.sharing import share
from worker_llm.tasks import Reporter, register
from worker_llm.writers import load_writer

log = structlog.get_logger()


def main() -> int:
    """Run the worker; return its exit code."""
    telemetry.configure("worker-llm", TelemetrySettings())
    settings, queue_settings = ReportSettings(), QueueSettings()
    writer = load_writer(settings)
    log.info(
        "writer.loaded",
        writer=writer.version.id,
        version=writer.version.version,
        device=settings.device,
        **_agreed_to(settings.writer),
    )
    beside = load_shadow(settings)
    database = Database(
        DatabaseSettings(), pool_size=settings.concurrency + len(LANES) + (beside is not None)
    )
    app = queue.create_app("worker-llm", queue_settings, stage=Stage.LLM)
    heartbeat = Heartbeat(database, queue_settings)
    shared = share(writer, settings)
    hints = queue.create_app("worker-llm", queue_settings)
    workplace = Workplace(database, hints, heartbeat, queue_settings, Actor(ActorKind.SERVICE, "worker-llm"))
    storage = Storage(StorageSettings()) if writer.sees or (beside and beside.sees) else None
    shadow = Shadow(beside, settings, database, storage) if beside else None
    reporter = Reporter(shared.write, settings, storage=storage if writer.sees else None, shadow=shadow)
    lanes = register(app, workplace, reporter)
    watch = IdleWatch(database, heartbeat, Stage.LLM)
    try:
        return run(
            app, lanes, concurrency=settings.concurrency, heartbeat=heartbeat, drain=queue_settings.drain
        )
    finally:
        watch.stop()
        if shadow:
            shadow.stop()
        shared.stop()
        heartbeat.stop()
        database.close()


def _agreed_to(writer: str) -> dict[str, str]:
    """Return the licence and the terms of a writer of the catalogue; those of ours are the product's own."""
    entry = CATALOGUE.get(writer)
    return {"licence": entry.licence, "terms": entry.terms} if entry else {}
