import json
from pathlib import Path

import pytest

from shared.bundles import CARD, GRAPH, BundleError, load_bundle
from tests.support.bundles import LABELS, tiny_card, write_tiny_bundle


def test_a_bundle_is_read_back_with_its_labels(tmp_path):
    bundle = load_bundle(write_tiny_bundle(tmp_path / "tiny"))
    assert tuple(label.id for label in bundle.card.labels) == LABELS
    assert bundle.version.id == "tiny"
    assert len(bundle.version.digest) == 64


def test_the_digest_of_a_bundle_covers_its_thresholds(tmp_path):
    first = load_bundle(write_tiny_bundle(tmp_path / "a"))
    second = load_bundle(write_tiny_bundle(tmp_path / "b", version="2"))
    assert first.version.digest != second.version.digest


def test_a_damaged_graph_is_named(tmp_path):
    folder = write_tiny_bundle(tmp_path / "tiny")
    content = bytearray((folder / GRAPH).read_bytes())
    content[-1] ^= 1
    (folder / GRAPH).write_bytes(content)
    with pytest.raises(BundleError, match=r"model\.onnx of the model bundle 'tiny' has the SHA-256"):
        load_bundle(folder)


def test_a_missing_file_is_named(tmp_path):
    folder = write_tiny_bundle(tmp_path / "tiny")
    (folder / GRAPH).unlink()
    with pytest.raises(BundleError, match=r"model\.onnx .* cannot be read"):
        load_bundle(folder)
    with pytest.raises(BundleError, match=r"card\.json of the model bundle 'nothing' cannot be read"):
        load_bundle(tmp_path / "nothing")


def _with_label(folder: Path, **changes: object) -> Path:
    card = json.loads((folder / CARD).read_text())
    card["labels"][0] |= changes
    (folder / CARD).write_text(json.dumps(card))
    return folder


@pytest.mark.parametrize("label", ["Happiness", "No_Finding", "pleural effusion"])
def test_a_label_that_is_not_in_the_vocabulary_is_refused(tmp_path, label):
    folder = _with_label(write_tiny_bundle(tmp_path / "tiny"), id=label)
    with pytest.raises(BundleError, match="no label of the vocabulary"):
        load_bundle(folder)


def test_a_band_of_doubt_above_its_threshold_is_refused(tmp_path):
    folder = _with_label(write_tiny_bundle(tmp_path / "tiny"), threshold=0.2, uncertain_from=0.3)
    with pytest.raises(BundleError, match="above threshold"):
        load_bundle(folder)


def test_a_calibration_that_turns_the_order_round_is_refused(tmp_path):
    folder = _with_label(write_tiny_bundle(tmp_path / "tiny"), slope=-1.0)
    with pytest.raises(BundleError, match="slope"):
        load_bundle(folder)


def test_a_label_may_not_be_listed_twice(tmp_path):
    folder = _with_label(write_tiny_bundle(tmp_path / "tiny"), id=LABELS[1])
    with pytest.raises(BundleError, match="listed once"):
        load_bundle(folder)


def test_a_card_names_every_file_that_is_needed():
    with pytest.raises(ValueError, match="names no digest for"):
        tiny_card({"cam.npy": "0"})


def test_a_file_outside_of_the_folder_is_refused():
    with pytest.raises(ValueError, match="file name"):
        tiny_card({GRAPH: "0", "cam.npy": "0", "../secret": "0"})


def test_the_bundle_that_ships_is_whole_and_small():
    bundle = load_bundle("bundled")
    assert len(bundle.card.labels) == 14
    assert sum(path.stat().st_size for path in bundle.folder.iterdir()) < 25_000_000
    assert bundle.card.metrics is not None
    assert bundle.card.metrics.macro_auroc.low > 0.6


def a_zero_shot_card(**changes: object) -> str:
    card = json.loads((load_bundle("medimageinsight-zero-shot").folder / CARD).read_text())
    return json.dumps(card | changes)


def test_a_classifier_at_an_endpoint_is_a_card_alone_with_a_prompt_for_each_label(tmp_path: Path):
    bundle = load_bundle("medimageinsight-zero-shot")
    assert bundle.card.prompts is not None
    assert bundle.card.prompts.labels["Effusion"] == "x-ray chest anteroposterior Pleural Effusion"
    assert not bundle.card.is_measured
    assert load_bundle("bundled").card.is_measured
    assert [label.id for label in bundle.card.labels] == [
        label.id for label in load_bundle("bundled").card.labels
    ]
    (tmp_path / CARD).write_text(a_zero_shot_card())
    assert load_bundle(tmp_path).card == bundle.card


@pytest.mark.parametrize(
    "changes",
    [
        {"prompts": None},
        {"prompts": {"none": "x-ray chest No Finding", "labels": {"Mass": "x-ray chest Mass"}}},
        {"runtime": "onnx", "prompts": None},
        {"runtime": "elsewhere"},
    ],
    ids=["no prompts", "prompts of other labels", "no graph", "an unknown runtime"],
)
def test_a_card_of_an_endpoint_that_says_too_little_is_refused(tmp_path: Path, changes: dict[str, object]):
    (tmp_path / CARD).write_text(a_zero_shot_card(**changes))
    with pytest.raises(BundleError, match=r"card\.json of the model bundle"):
        load_bundle(tmp_path)


def test_a_graph_has_no_prompts(tmp_path: Path):
    folder = write_tiny_bundle(tmp_path / "tiny")
    card = json.loads((folder / CARD).read_text())
    prompts = {"none": "nothing", "labels": {label["id"]: "x" for label in card["labels"]}}
    (folder / CARD).write_text(json.dumps(card | {"prompts": prompts}))
    with pytest.raises(BundleError, match="prompts are for the runtime medimageinsight"):
        load_bundle(folder)
