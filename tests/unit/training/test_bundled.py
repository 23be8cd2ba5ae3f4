"""The classifier that ships, on the samples everywhere and on real patients where CXR_TEST_DATA is set."""

from pathlib import Path

import numpy as np
import pytest

from shared.bundles import Bundle, load_bundle
from shared.gates import GateBundle, load_gate
from shared.labels import CHESTXRAY14
from tests.support.devices import DEVICE
from training.bundled.pool import LOW_RESOLUTION, read_pool
from training.metrics import macro_auroc
from training.squares import square_of
from training.table import Split, State
from worker_cnn.decoding import prepare
from worker_cnn.gate import Judged, Models, load_models
from worker_cnn.predict import probabilities_of
from worker_cnn.quality import is_chest

SAMPLES = sorted(path for path in Path("samples").iterdir() if path.suffix in {".png", ".jpg", ".dcm"})


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle("bundled")


@pytest.fixture(scope="module")
def gate() -> GateBundle:
    return load_gate("bundled")


@pytest.fixture(scope="module")
def model(bundle: Bundle, gate: GateBundle) -> Models:
    return load_models(bundle, gate, device=DEVICE, threads=1)


def seen(model: Models, bundle: Bundle, path: Path) -> Judged:
    prepared = prepare(path.read_bytes(), name=path.name, size=bundle.card.input_size)
    return model.judge(prepared.model_input[np.newaxis])[0]


def logits_of(model, bundle, path: Path):
    output = seen(model, bundle, path).output
    assert output is not None
    return output.logits


def test_every_sample_is_taken_for_a_chest_radiograph(model, bundle, gate):
    assert all(is_chest(seen(model, bundle, path).verdict, gate.card.gate) for path in SAMPLES)


def test_what_it_says_depends_on_the_image(model, bundle):
    values = [probabilities_of(logits_of(model, bundle, path), bundle.card) for path in SAMPLES]
    spread = np.std(np.array(values), axis=0)
    assert (spread > 0.0005).all()
    assert np.median(spread) > 0.01


def test_training_and_worker_get_the_same_answer_for_a_file(model, bundle):
    path = Path("samples/chest-1.png")
    square = square_of(path, bundle.card.input_size).astype(np.float32) / np.float32(255.0)
    trained_on = model.classify(square[np.newaxis])[0]
    np.testing.assert_allclose(trained_on.logits, logits_of(model, bundle, path), atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_a_page_are_not_taken_for_a_chest_radiograph(model, bundle, gate, seed):
    random = np.random.default_rng(seed)
    size = bundle.card.input_size
    noise = random.random((size, size), np.float32)
    page = np.ones((size, size), np.float32)
    page[10:-10:12, 10:-10] = random.random((len(page[10:-10:12]), size - 20)) > 0.5
    outputs = model.judge(np.stack([noise, page]))
    assert not any(is_chest(output.verdict, gate.card.gate) for output in outputs)


@pytest.mark.real_data
def test_on_patients_it_has_not_seen_it_beats_what_knows_only_how_frequent_labels_are(
    model, bundle, test_data
):
    if test_data is None:  # the samples have no labels: then only what the card says can be held to this
        assert bundle.card.metrics.within_source.low > 0.6
        assert bundle.card.metrics.macro_auroc.low > bundle.card.metrics.source_and_view_alone.value
        return
    rows = [row for row in read_pool(test_data) if row.split is Split.TEST and row.dataset != LOW_RESOLUTION]
    squares = np.stack([square_of(test_data / row.image, bundle.card.input_size) for row in rows])
    images = squares.astype(np.float32) / np.float32(255.0)
    logits = np.concatenate(
        [
            [one.logits for one in model.classify(images[start : start + 16])]
            for start in range(0, len(images), 16)
        ]
    )
    truth = np.array([[row.labels[label] is State.PRESENT for label in CHESTXRAY14] for row in rows])
    prior = np.tile([label.positives[0] for label in bundle.card.labels], (len(rows), 1))
    found = macro_auroc(logits, truth)
    assert macro_auroc(prior, truth) == 0.5
    assert found > 0.68
    assert found == pytest.approx(bundle.card.metrics.macro_auroc.value, abs=0.005)
    within = macro_auroc(logits, truth, strata=np.array([row.dataset for row in rows]))
    assert within == pytest.approx(bundle.card.metrics.within_source.value, abs=0.005)
    assert tuple(label.id for label in bundle.card.labels) == CHESTXRAY14
