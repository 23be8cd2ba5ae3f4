"""A classifier of another library behind the bundled gate: findings, no heatmaps, the gate as ever."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from shared.bands import Pixels
from shared.bundles import Bundle, BundleError, load_bundle
from shared.domain.findings import FindingStatus
from shared.errors import UnusableImageError
from shared.gates import load_gate
from tests.support.foreign import LABELS, SIDE, write_foreign_bundle
from worker_cnn.decoding import PreparedImage, prepare
from worker_cnn.gate import Judged, Models, load_models
from worker_cnn.pipeline import analyse
from worker_cnn.reading import Sight, read, unbatched
from worker_cnn.runtime import ImageOutput, load_model

SAMPLES = sorted((Path(__file__).parents[3] / "samples").glob("chest-*.png"))
GATE = load_gate("bundled")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    return load_bundle(write_foreign_bundle(tmp_path_factory.mktemp("foreign")))


@pytest.fixture(scope="module")
def models(bundle) -> Models:
    return load_models(bundle, GATE, device="cpu", threads=1)


@pytest.fixture(scope="module")
def sight(models) -> Sight:
    return unbatched(models, GATE.card.gate, side=GATE.card.input_size)


def test_it_gives_findings_without_heatmaps_and_boxes(bundle, sight):
    prepared = prepare(SAMPLES[0].read_bytes(), name="chest.png", size=SIDE)
    analysis = analyse(read(prepared, sight), bundle, index=0)
    assert analysis.rejection is None
    assert [(one.label, one.status, one.box) for one in analysis.findings] == [
        (LABELS[0], FindingStatus.PRESENT, None),
        (LABELS[1], FindingStatus.UNCERTAIN, None),
        (LABELS[2], FindingStatus.ABSENT, None),
    ]
    assert analysis.heatmap_pngs == {}


def test_its_logits_are_torchs_of_the_normalised_picture(bundle):
    torch.manual_seed(0)
    network = torchvision.models.squeezenet1_1(num_classes=len(LABELS)).eval()
    square = prepare(SAMPLES[0].read_bytes(), name="chest.png", size=SIDE).model_input
    mean, deviation = (
        np.array(one, np.float32)[:, None, None] for one in (bundle.card.mean, bundle.card.deviation)
    )
    with torch.no_grad():
        expected = network(torch.from_numpy((square[None] - mean) / deviation)[None])[0].numpy()
    (output,) = load_model(bundle, device="cpu", threads=1).run(square[np.newaxis])
    np.testing.assert_allclose(output.logits, expected, atol=1e-4)


def test_the_gate_runs_once_before_it_and_what_it_refuses_is_not_classified(models, sight):
    calls = []

    def judge(square: Pixels) -> Judged:
        calls.append("gate")
        return sight.judge(square)

    def classify(prepared: PreparedImage) -> ImageOutput:
        calls.append("classifier")
        return sight.classify(prepared)

    counting = replace(sight, judge=judge, classify=classify)
    assert not models.shares
    read(prepare(SAMPLES[0].read_bytes(), name="chest.png", size=SIDE), counting)
    assert calls == ["gate", "classifier"]
    chest = prepare(SAMPLES[0].read_bytes(), name="chest.png", size=SIDE)
    noise = np.random.default_rng(0).integers(0, 256, chest.preview.shape, np.uint8)
    refused = read(replace(chest, preview=noise), counting)
    assert isinstance(refused.quality.rejection, UnusableImageError)
    assert refused.output is None
    assert calls.count("classifier") == 1


@pytest.mark.parametrize("path", SAMPLES[:3], ids=lambda path: path.stem)
def test_the_gate_alone_says_what_it_says_beside_the_bundled_classifier(path, sight):
    bundled = load_bundle("bundled")
    together = load_models(bundled, GATE, device="cpu", threads=1)
    assert together.shares
    size = bundled.card.input_size
    own = prepare(path.read_bytes(), name=path.name, size=size)
    (beside,) = together.judge(own.model_input[np.newaxis])
    alone = sight.judged(own)
    assert beside.output is not None
    assert alone.output is None
    for name in ("view", "turned", "chest", "distance"):
        np.testing.assert_allclose(
            getattr(alone.verdict, name), getattr(beside.verdict, name), atol=1e-4, rtol=1e-4
        )
    # From a classifier's square of another size it gets its own, made of the preview.
    other = sight.judged(prepare(path.read_bytes(), name=path.name, size=SIDE))
    assert other.verdict.chest == pytest.approx(alone.verdict.chest, abs=0.3)
    assert other.verdict.distance == pytest.approx(alone.verdict.distance, abs=0.05)


def test_a_card_with_another_number_of_labels_is_refused(bundle):
    fewer = replace(bundle, card=bundle.card.model_copy(update={"labels": bundle.card.labels[:2]}))
    with pytest.raises(BundleError, match="its card has 2 labels"):
        load_model(fewer, device="cpu", threads=1)
