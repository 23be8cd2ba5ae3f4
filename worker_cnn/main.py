"""The CNN worker's process: load the model, say ready, classify until SIGTERM."""

from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from shared.bundles import load_bundle
from shared.domain import Actor, ActorKind, Stage
from shared.operations import telemetry
from shared.records.database import Database
from shared.settings import (
    DatabaseSettings,
    ModelSettings,
    QueueSettings,
    StorageSettings,
    TelemetrySettings,
)
from shared.storage import Storage
from shared.work import queue
from shared.work.handling import Workplace
from shared.work.heartbeat import Heartbeat
from shared.work.idleness import IdleWatch
from shared.work.lanes import LANES
from shared.work.microbatch import MicroBatcher
from shared.work.worker import run
from worker_cnn.budgets import Accounts
from worker_cnn.decoding import DecoderPool
from worker_cnn.runtime import ImageOutput, Model, load_model
from worker_cnn.tasks import Bench, register

log = structlog.get_logger()


def main() -> int:
    """Run the worker; return its exit code."""
    telemetry.configure("worker-cnn", TelemetrySettings())
    settings, queue_settings = ModelSettings(), QueueSettings()
    bundle = load_bundle(settings.bundle)
    model = load_model(bundle, device=settings.device, threads=settings.threads, batch=settings.batch_size)
    size = bundle.card.input_size
    model.run(np.zeros((1, size, size), np.float32))
    log.info("model.loaded", model=bundle.version.id, digest=bundle.version.digest, device=settings.device)
    database = Database(DatabaseSettings(), pool_size=settings.concurrency + len(LANES))
    app = queue.create_app("worker-cnn", queue_settings, stage=Stage.CNN)
    heartbeat = Heartbeat(database, queue_settings)
    batcher = MicroBatcher[NDArray[np.float32], ImageOutput](
        lambda images: _run(model, images),
        max_size=settings.batch_size,
        max_wait=settings.batch_wait,
        name="model",
        on_batch=telemetry.count_batch(Stage.CNN),
    )
    decoder = DecoderPool(workers=settings.decoders)
    bench = Bench(
        Storage(StorageSettings()),
        decode=lambda original, ticket, terms: decoder.prepare(
            original.read, name=original.name, size=size, ticket=ticket, terms=terms
        ),
        predict=batcher,
        bundle=bundle,
        settings=settings,
        accounts=Accounts(settings.file_budget),
    )
    hints = queue.create_app("worker-cnn", queue_settings)
    workplace = Workplace(database, hints, heartbeat, queue_settings, Actor(ActorKind.SERVICE, "worker-cnn"))
    lanes = register(app, workplace, bench)
    watch = IdleWatch(database, heartbeat, Stage.CNN)
    try:
        return run(
            app, lanes, concurrency=settings.concurrency, heartbeat=heartbeat, drain=queue_settings.drain
        )
    finally:
        watch.stop()
        batcher.stop()
        decoder.stop()
        heartbeat.stop()
        database.close()


def _run(model: Model, images: Sequence[NDArray[np.float32]]) -> Sequence[ImageOutput]:
    return model.run(np.stack(images))
