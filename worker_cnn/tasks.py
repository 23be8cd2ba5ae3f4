"""The CNN worker's shell: fetch the originals, look at each image, store pictures and findings.

`handle` claims the study before and settles errors after; pixels and labels are
`pipeline.py`'s business.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Final

from celery import Celery

from shared.bundles import Bundle
from shared.domain.critical import critical_labels
from shared.domain.findings import ViewPosition, study_findings
from shared.domain.studies import Priority, Stage, StudyId
from shared.errors import BadInputError, DamagedOriginalError, LeaseLostError
from shared.gates import load_gate
from shared.operations import telemetry, tracing
from shared.records import findings, reading
from shared.records.claims import Claim, Later
from shared.records.findings import ImageFindings
from shared.records.moves import Hint
from shared.records.reading import ImageRecord
from shared.settings import ModelSettings
from shared.storage import Storage, heatmap_key, preview_key
from shared.work import faults, queue
from shared.work.alone import LoneProcess
from shared.work.faults import Point
from shared.work.handling import Outcome, Workplace, handle, write
from shared.work.lanes import Lanes
from worker_cnn.budgets import Account, Accounts, StudyBudget
from worker_cnn.children import Terms
from worker_cnn.classifiers import chosen, load_classify
from worker_cnn.decoding import PreparedImage
from worker_cnn.encoders import load_encode
from worker_cnn.gate import load_models
from worker_cnn.pipeline import ImageAnalysis, analyse
from worker_cnn.reading import Sight, read, unbatched
from worker_cnn.room import room_for
from worker_cnn.slots import Ticket

_ALONE_LIMIT: Final = timedelta(minutes=5)
_FETCHED_AHEAD_BYTES: Final = 32 * 1024**2
"""A file up to this size is fetched before its turn at a decoder, so that no decoder waits for the store.

A larger one is fetched when its turn has come, so that those that wait do not fill the memory.
"""


@dataclass(frozen=True, slots=True)
class Original:
    """A file as the client sent it.

    Attributes:
        read: returns the content; fetches it first where it is large.
        room: bytes that decoding it takes at most.
    """

    index: int
    name: str
    read: Callable[[], bytes]
    room: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one image: an analysis, or the reason that it could not be looked at."""

    index: int
    name: str
    analysis: ImageAnalysis | None
    rejection: BadInputError | None


@dataclass(frozen=True, slots=True)
class Analyser:
    """Finds out what an image shows: in a batch with others, or alone after a try that ended badly.

    Attributes:
        decode: safe from whatever the file does to its decoder, and in its turn.
        sight: the gate and the classifier, behind their batchers.
        critical: the labels whose presence is critical.
    """

    storage: Storage
    decode: Callable[[Original, Ticket, Terms], PreparedImage]
    sight: Sight
    bundle: Bundle
    settings: ModelSettings
    accounts: Accounts
    critical: tuple[str, ...] = ()
    lone: LoneProcess = field(default_factory=lambda: LoneProcess(_ALONE_LIMIT))

    def later(self, priority: Priority) -> Later:
        """Say which studies this worker has no place for just now."""
        return Later(alone=self.lone.is_taken, tenants=self.accounts.held_back(priority))

    def look(self, original: Original, ticket: Ticket, terms: Terms, *, alone: bool) -> Seen:
        """Look at an image; one that cannot be read is noted, and the study's others go on."""
        try:
            with tracing.step("decode"):
                prepared = self.decode(original, ticket, terms)
        except BadInputError as reason:
            return Seen(original.index, original.name, None, reason)
        with tracing.step("judge"):
            if alone:
                analysis = self.lone.run(terms.check, judge_alone, prepared, original.index, self.settings)
            else:
                analysis = _judge(prepared, self.sight, self.bundle, original.index)
        return Seen(original.index, original.name, analysis, analysis.rejection)


def register(app: Celery, workplace: Workplace, analyser: Analyser) -> Lanes:
    """Register the one task of this worker with the app, and return the lanes that do it too."""

    def work(claim: Claim) -> Outcome:
        return classify_study(claim, workplace, analyser)

    def take(priority: Priority) -> Outcome:
        return handle(Stage.CNN, priority, workplace, work, later=analyser.later(priority))

    @app.task(name=queue.TASKS[Stage.CNN])
    def classify(priority: str) -> None:
        take(Priority(priority))

    return Lanes(app, Stage.CNN, take)


def classify_study(claim: Claim, workplace: Workplace, analyser: Analyser) -> Outcome:
    """Look at a claimed study's images and store what was found."""
    faults.passing(Point.CNN_AFTER_CLAIM)
    study_id = claim.study_id
    with tracing.step("look"):
        seen = list(_look(claim, workplace, analyser))
    workplace.heartbeat.check(study_id, claim.token)
    with tracing.step("store pictures"):
        for image in seen:
            if image.analysis is not None:
                _store_pictures(study_id, image.analysis, image.index, analyser.storage)
    faults.passing(Point.CNN_AFTER_STORAGE_WRITE)
    reason = _reason_to_reject(seen)
    hint = write(lambda: _store(claim, workplace, analyser, seen, reason))
    if hint is not None:
        queue.send_hint(workplace.queue, hint)
    return Outcome.DONE if reason is None else Outcome.REJECTED


def judge_alone(prepared: PreparedImage, index: int, settings: ModelSettings) -> ImageAnalysis:
    """Judge an image in this process alone, with models of its own."""
    bundle, sight = _own_sight(settings)
    return _judge(prepared, sight, bundle, index)


def _judge(prepared: PreparedImage, sight: Sight, bundle: Bundle, index: int) -> ImageAnalysis:
    return analyse(read(prepared, sight), bundle, index=index)


@lru_cache(maxsize=1)
def _own_sight(settings: ModelSettings) -> tuple[Bundle, Sight]:
    bundle, gate = chosen(settings), load_gate(settings.gate)
    models = load_models(bundle, gate, device=settings.device, threads=settings.threads)
    classify, encode = load_classify(settings, bundle, models), load_encode(settings, bundle)
    limits, side = gate.card.gate, gate.card.input_size
    return bundle, unbatched(models, limits, side=side, encode=encode, classify=classify)


def _look(claim: Claim, workplace: Workplace, analyser: Analyser) -> Iterator[Seen]:
    """Look at one image after the other, for as long as the study is ours and its budget lasts."""
    study_id = claim.study_id
    account = Account(claim.tenant_id, claim.priority)
    budget = StudyBudget(analyser.settings.study_budget, analyser.settings.file_budget)

    def check() -> None:
        workplace.heartbeat.check(study_id, claim.token)
        analyser.accounts.check(account, study_id)

    def charge(seconds: float) -> None:
        budget.charge(seconds)
        analyser.accounts.charge(account, seconds)

    place = analyser.lone.place() if claim.alone else nullcontext()
    with analyser.accounts.working(account, study_id), place:
        for image in _images(study_id, workplace):
            check()
            original = _fetch(image, analyser.storage)
            ticket = Ticket(claim.priority, original.room, analyser.accounts.is_burdened(account))
            yield analyser.look(
                original, ticket, Terms(budget.of_next_file, check=check, charge=charge), alone=claim.alone
            )
            budget.check(original.name)


def _images(study_id: StudyId, workplace: Workplace) -> Sequence[ImageRecord]:
    with workplace.database.session() as session:
        images = reading.images(session, study_id)
    if not images:
        message = "the study was erased"
        raise LeaseLostError(message)
    return images


def _fetch(image: ImageRecord, storage: Storage) -> Original:
    def read() -> bytes:
        try:
            return storage.get_original(image.sha256)
        except DamagedOriginalError as error:
            error.file = image.file
            raise

    room = room_for(pixels=image.width * image.height, size=image.size)
    if image.size > _FETCHED_AHEAD_BYTES:
        return Original(image.index, image.file, read, room)
    with tracing.step("fetch"):
        content = read()
    return Original(image.index, image.file, lambda: content, room)


def _store_pictures(study_id: StudyId, analysis: ImageAnalysis, index: int, storage: Storage) -> None:
    storage.put_artefact(preview_key(study_id, index), analysis.preview_png)
    for label, picture in analysis.heatmap_pngs.items():
        storage.put_artefact(heatmap_key(study_id, index, analysis.model.digest, label), picture)


def _reason_to_reject(seen: Sequence[Seen]) -> BadInputError | None:
    """Return why the study cannot be used at all: its first image's reason, when every image has one."""
    reasons = [(image.name, image.rejection) for image in seen if image.rejection is not None]
    if len(reasons) < len(seen):
        return None
    name, first = reasons[0]
    return type(first)(first.detail, file=name)


def _store(
    claim: Claim,
    workplace: Workplace,
    analyser: Analyser,
    seen: Sequence[Seen],
    reason: BadInputError | None,
) -> Hint | None:
    images = [_image_findings(image) for image in seen]
    found = study_findings(image.findings for image in images)
    critical = critical_labels(found, analyser.critical)
    hint = None
    with workplace.database.session() as session:
        if reason is None:
            hint = findings.store(session, claim, images, analyser.bundle.version, critical)
        else:
            findings.refuse(session, claim, images, reason)
        faults.passing(Point.CNN_BEFORE_COMMIT)
    for label in critical:
        telemetry.CRITICAL.labels(label).inc()
    return hint


def _image_findings(seen: Seen) -> ImageFindings:
    analysis = seen.analysis
    if analysis is None:
        return ImageFindings(index=seen.index, view=ViewPosition.UNKNOWN, rejection=seen.rejection)
    return ImageFindings(
        index=seen.index,
        view=analysis.view,
        view_source=analysis.view_source,
        findings=analysis.findings,
        rejection=seen.rejection,
        warnings=analysis.warnings,
        size=analysis.size,
        heatmaps=frozenset(analysis.heatmap_pngs),
        attributes=analysis.attributes,
        embedding=analysis.embedding,
    )
