"""How an image is read: first by the gate, then, if that lets it through, by the classifier.

    square --gate--> turned? --undone, gate again--> quality --let through--> classifier
                                                             --refused-----> no output

Where the classifier offers the gate its embedding, one run is both (`gate.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shared.bands import Pixels
from shared.domain.embeddings import Embedding
from shared.gates import Gate
from shared.imaging import model_input
from shared.reporting.warnings import ImageWarning
from worker_cnn.corrections import DONE, undone
from worker_cnn.decoding import PreparedImage
from worker_cnn.encoding import Encode
from worker_cnn.gate import Judged, Models, Verdict
from worker_cnn.quality import Quality, check, turn_of
from worker_cnn.runtime import ImageOutput

Classify = Callable[[PreparedImage], ImageOutput]


@dataclass(frozen=True, slots=True)
class Sight:
    """The gate and the classifier for one image at a time, each behind its batcher or not.

    Attributes:
        judge: the gate, on a square of `side` pixels.
        classify: the classifier.
        limits: of the gate's card.
        side: of the gate's input.
        encode: makes the vector of a picture that is not refused; None: nothing does.
    """

    judge: Callable[[Pixels], Judged]
    classify: Classify
    limits: Gate
    side: int
    encode: Encode | None = None

    def judged(self, prepared: PreparedImage) -> Judged:
        """Return what the gate says of an image."""
        square = prepared.model_input
        if square.shape[0] != self.side:
            # Of the preview, which is finer than the gate's input and as gray.
            square = model_input(prepared.preview.astype(np.float32) / np.float32(255.0), self.side)
        return self.judge(square)


@dataclass(frozen=True, slots=True)
class Reading:
    """An image as it was read.

    Attributes:
        prepared: the picture that was read: upright, where it could be put right.
        verdict: the gate's.
        quality: what follows from it; a rejection among them.
        output: the classifier's; None where the image is refused and the classifier has not run.
        done: what was done to the picture first; None for nearly every one.
        embedding: None where the image is refused, or nothing makes one.
    """

    prepared: PreparedImage
    verdict: Verdict
    quality: Quality
    output: ImageOutput | None
    done: ImageWarning | None
    embedding: Embedding | None = None


def unbatched(
    models: Models,
    limits: Gate,
    *,
    side: int,
    encode: Encode | None = None,
    classify: Classify | None = None,
) -> Sight:
    """Return the sight of loaded models, one image a run; `classify` stands for a classifier elsewhere."""
    return Sight(
        judge=lambda square: models.judge(square[np.newaxis])[0],
        classify=classify or (lambda prepared: models.classify(prepared.model_input[np.newaxis])[0]),
        limits=limits,
        side=side,
        encode=encode,
    )


def read(prepared: PreparedImage, sight: Sight) -> Reading:
    """Judge a picture, again when it had to be put right first, and classify it unless it is refused."""
    upright, judged, done = _put_right(prepared, sight)
    quality = check(upright.exposure, judged.verdict, upright.attributes, sight.limits)
    output = judged.output
    if output is None and quality.rejection is None:
        output = sight.classify(upright)
    embedding = None
    if sight.encode is not None and output is not None and quality.rejection is None:
        embedding = sight.encode(upright, output)
    return Reading(upright, judged.verdict, quality, output, done, embedding)


def _put_right(prepared: PreparedImage, sight: Sight) -> tuple[PreparedImage, Judged, ImageWarning | None]:
    judged = sight.judged(prepared)
    turn, _ = turn_of(judged.verdict)
    if turn != 0:
        righted = undone(prepared, turn)
        again = sight.judged(righted)
        now, probability = turn_of(again.verdict)
        # However unsure the first look was: what an upright picture is turned into never looks upright.
        if now == 0 and probability >= sight.limits.min_turned:
            return righted, again, DONE[turn]
    return prepared, judged, None
