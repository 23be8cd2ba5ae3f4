"""The CNN worker's process: load the model, say ready, classify until SIGTERM."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import structlog

from shared.bundles import Bundle
from shared.catalogue import CATALOGUE
from shared.domain.studies import Actor, ActorKind, Stage
from shared.gates import GateBundle, load_gate
from shared.operations import telemetry
from shared.records.database import Database
from shared.settings import (
    CriticalSettings,
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
from worker_cnn.classifiers import chosen, load_classify
from worker_cnn.decoding import DecoderPool
from worker_cnn.encoders import load_encode
from worker_cnn.gate import Models, load_models
from worker_cnn.reading import Sight
from worker_cnn.runtime import Array
from worker_cnn.tasks import Analyser, register

log = structlog.get_logger()

Result = TypeVar("Result")


def main() -> int:
    """Run the worker; return its exit code."""
    telemetry.configure("worker-cnn", TelemetrySettings())
    settings, queue_settings = ModelSettings(), QueueSettings()
    bundle, gate = chosen(settings), load_gate(settings.gate)
    models = load_models(
        bundle, gate, device=settings.device, threads=settings.threads, batch=settings.batch_size
    )
    size = bundle.card.input_size
    models.judge(np.zeros((1, gate.card.input_size, gate.card.input_size), np.float32))
    _say(bundle, settings)
    log.info("gate.loaded", gate=gate.version.id, digest=gate.version.digest, shares_a_run=models.shares)
    database = Database(DatabaseSettings(), pool_size=settings.concurrency + len(LANES))
    app = queue.create_app("worker-cnn", queue_settings, stage=Stage.CNN)
    heartbeat = Heartbeat(database, queue_settings)
    sight, batchers = _batched(models, gate, bundle, settings)
    decoder = DecoderPool(workers=settings.decoders)
    analyser = Analyser(
        Storage(StorageSettings()),
        decode=lambda original, ticket, terms: decoder.prepare(
            original.read, name=original.name, size=size, ticket=ticket, terms=terms
        ),
        sight=sight,
        bundle=bundle,
        settings=settings,
        accounts=Accounts(settings.file_budget),
        critical=_critical(bundle, CriticalSettings()),
    )
    hints = queue.create_app("worker-cnn", queue_settings)
    workplace = Workplace(database, hints, heartbeat, queue_settings, Actor(ActorKind.SERVICE, "worker-cnn"))
    lanes = register(app, workplace, analyser)
    watch = IdleWatch(database, heartbeat, Stage.CNN)
    try:
        return run(
            app, lanes, concurrency=settings.concurrency, heartbeat=heartbeat, drain=queue_settings.drain
        )
    finally:
        watch.stop()
        for batcher in batchers:
            batcher.stop()
        decoder.stop()
        heartbeat.stop()
        database.close()


def _say(bundle: Bundle, settings: ModelSettings) -> None:
    """Log which classifier reads, what its use asks for, and that nobody has measured it."""
    entry = CATALOGUE.get(bundle.card.id)
    agreed = {"licence": entry.licence, "terms": entry.terms} if entry else {}
    version = bundle.version
    log.info("model.loaded", model=version.id, digest=version.digest, device=settings.device, **agreed)
    if not bundle.card.is_measured:
        advice = (
            "its probabilities are not calibrated, and every report says so: python -m training.calibrate"
        )
        log.warning("model.unmeasured", model=version.id, error=advice)


def _critical(bundle: Bundle, settings: CriticalSettings) -> tuple[str, ...]:
    """Return the critical labels; begin to count those that are looked for, and warn of the others."""
    looked_for = {label.id for label in bundle.card.labels}
    for label in settings.findings:
        if label in looked_for:
            telemetry.CRITICAL.labels(label)
        else:
            log.warning("critical.unguarded", error=f"the classifier does not look for {label}")
    return settings.findings


def _batched(
    models: Models, gate: GateBundle, bundle: Bundle, settings: ModelSettings
) -> tuple[Sight, Sequence[MicroBatcher[Any, Any]]]:
    """Put the gate, the classifier and an encoder of its own behind a batcher each."""
    batchers: list[MicroBatcher[Any, Any]] = []

    def batcher(run: Callable[[Array], Sequence[Result]], name: str) -> MicroBatcher[Array, Result]:
        made: MicroBatcher[Array, Result] = MicroBatcher(
            lambda images: run(np.stack(images)),
            max_size=settings.batch_size,
            max_wait=settings.batch_wait,
            name=name,
            on_batch=telemetry.count_batch(Stage.CNN),
        )
        batchers.append(made)
        return made

    judge = batcher(models.judge, "gate")
    # Never called where a run of the gate is the classifier's too: then it is a thread that sleeps.
    classify = load_classify(settings, bundle, models, singly=lambda run: batcher(run, "model"))
    encode = load_encode(settings, bundle, singly=lambda run: batcher(run, "encoder"))
    return Sight(judge, classify, gate.card.gate, gate.card.input_size, encode), batchers
