"""The CNN worker's shell: fetch the originals, look at each image, store pictures and findings.

`shared.work.handle` claims the study before and settles errors after; pixels and labels are
`pipeline.py`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from celery import Celery
from numpy.typing import NDArray

from shared import findings, queue, studies, study_queries, tracing
from shared.alone import LoneProcess
from shared.bundles import Bundle, load_bundle
from shared.domain import Priority, Stage, StudyId, ViewPosition
from shared.errors import BadInputError, DamagedOriginalError, LeaseLostError
from shared.findings import ImageFindings
from shared.settings import ModelSettings
from shared.storage import Storage, heatmap_key, preview_key
from shared.studies import Claim, Hint
from shared.tables import ImageRow
from shared.work import Outcome, Workplace, handle, write
from worker_cnn.decoding import PreparedImage
from worker_cnn.pipeline import ImageAnalysis, analyse
from worker_cnn.runtime import ImageOutput, Model, load_model

_ALONE_LIMIT: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Original:
    """A file as the client sent it."""

    index: int
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one image: an analysis, or the reason that it could not be looked at."""

    index: int
    analysis: ImageAnalysis | None
    rejection: BadInputError | None


@dataclass(frozen=True, slots=True)
class Bench:
    """Where images are looked at, and what for: in company, or alone after a try that ended badly.

    Attributes:
        decode: safe from whatever the file does to its decoder.
        predict: the model, behind its batcher.
    """

    storage: Storage
    decode: Callable[[Original], PreparedImage]
    predict: Callable[[NDArray[np.float32]], ImageOutput]
    bundle: Bundle
    settings: ModelSettings
    lone: LoneProcess = field(default_factory=lambda: LoneProcess(_ALONE_LIMIT))

    def look(self, original: Original, *, alone: bool) -> Seen:
        """Look at an image; one that cannot be read is noted, and the study's others go on."""
        try:
            with tracing.step("decode"):
                prepared = self.decode(original)
        except BadInputError as reason:
            return Seen(original.index, None, reason)
        with tracing.step("judge"):
            if alone:
                analysis = self.lone.run(judge_alone, prepared, original.index, self.settings)
            else:
                output = self.predict(prepared.model_input)
                analysis = analyse(prepared, output, self.bundle, index=original.index)
        return Seen(original.index, analysis, analysis.rejection)


def register(app: Celery, workplace: Workplace, bench: Bench) -> None:
    """Teach the app the one task of this worker."""

    @app.task(name=queue.TASKS[Stage.CNN])
    def classify(priority: str) -> None:
        def work(claim: Claim) -> Outcome:
            return classify_study(claim, workplace, bench)

        handle(Stage.CNN, Priority(priority), workplace, work)


def classify_study(claim: Claim, workplace: Workplace, bench: Bench) -> Outcome:
    """Look at a claimed study's images and store what was found."""
    study_id = claim.study_id
    with tracing.step("fetch"):
        originals = _fetch(study_id, workplace, bench.storage)
    with tracing.step("look"):
        seen = [bench.look(original, alone=claim.alone) for original in originals.values()]
    workplace.heartbeat.check(study_id, claim.token)
    with tracing.step("store pictures"):
        for image in seen:
            if image.analysis is not None:
                _store_pictures(study_id, image.analysis, image.index, bench.storage)
    names = {index: original.name for index, original in originals.items()}
    reason = _reason_to_reject(seen, names)
    hint = write(lambda: _store(claim, workplace, bench, seen, reason))
    if hint is not None:
        queue.send_hint(workplace.queue, hint)
    return Outcome.DONE if reason is None else Outcome.REJECTED


def judge_alone(prepared: PreparedImage, index: int, settings: ModelSettings) -> ImageAnalysis:
    """Judge an image in this process alone, with a model of its own."""
    bundle, model = _own_model(settings)
    return analyse(prepared, model.run(prepared.model_input[np.newaxis])[0], bundle, index=index)


@lru_cache(maxsize=1)
def _own_model(settings: ModelSettings) -> tuple[Bundle, Model]:
    bundle = load_bundle(settings.bundle)
    return bundle, load_model(bundle, device=settings.device, threads=settings.threads)


def _fetch(study_id: StudyId, workplace: Workplace, storage: Storage) -> Mapping[int, Original]:
    with workplace.database.session() as session:
        images = study_queries.images_of(session, study_id)
    if not images:
        message = "the study was erased"
        raise LeaseLostError(message)
    return {image.index: _original(image, storage) for image in images}


def _original(image: ImageRow, storage: Storage) -> Original:
    try:
        content = storage.get_original(image.sha256)
    except DamagedOriginalError as error:
        error.file = image.file
        raise
    return Original(image.index, image.file, content)


def _store_pictures(study_id: StudyId, analysis: ImageAnalysis, index: int, storage: Storage) -> None:
    storage.put_artefact(preview_key(study_id, index), analysis.preview_png)
    for label, picture in analysis.heatmap_pngs.items():
        storage.put_artefact(heatmap_key(study_id, index, label), picture)


def _reason_to_reject(seen: Sequence[Seen], names: Mapping[int, str]) -> BadInputError | None:
    """Return why the study cannot be used at all: its first image's reason, when every image has one."""
    reasons = [(image.index, image.rejection) for image in seen if image.rejection is not None]
    if len(reasons) < len(seen):
        return None
    index, first = reasons[0]
    return type(first)(first.detail, file=names[index])


def _store(
    claim: Claim,
    workplace: Workplace,
    bench: Bench,
    seen: Sequence[Seen],
    reason: BadInputError | None,
) -> Hint | None:
    images = [_image_findings(image) for image in seen]
    study_id = claim.study_id
    with workplace.database.session() as session:
        if reason is not None:
            studies.reject(session, study_id, claim.token, reason)
            findings.write_images(session, study_id, images)
            return None
        return findings.store(session, study_id, claim.token, images, bench.bundle.version)


def _image_findings(seen: Seen) -> ImageFindings:
    analysis = seen.analysis
    if analysis is None:
        return ImageFindings(index=seen.index, view=ViewPosition.UNKNOWN, rejection=seen.rejection)
    return ImageFindings(
        index=seen.index,
        view=analysis.view,
        findings=analysis.findings,
        rejection=seen.rejection,
        warnings=analysis.warnings,
        heatmaps=frozenset(analysis.heatmap_pngs),
        attributes=analysis.attributes,
    )
