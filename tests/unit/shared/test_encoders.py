import json

import pytest

from shared.bundles import CARD, GRAPH, BundleError, digest_of
from shared.encoders import load_encoder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / GRAPH).write_bytes(b"a graph")
    card = {
        "id": "rad-dino",
        "version": "1",
        "kind": "encoder",
        "input_size": 518,
        "channels": 3,
        "fit": "centre-square",
        "mean": [0.5307] * 3,
        "deviation": [0.2583] * 3,
        "dimensions": 768,
        "files": {GRAPH: digest_of(b"a graph")},
    }
    (tmp_path / CARD).write_text(json.dumps(card))
    return tmp_path


def _change(folder, **changes):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | changes))


def test_an_encoder_says_how_a_picture_is_prepared(folder):
    encoder = load_encoder(str(folder))
    assert (encoder.card.input_size, encoder.card.channels, encoder.card.dimensions) == (518, 3, 768)
    assert encoder.card.mean == (0.5307, 0.5307, 0.5307)
    assert encoder.graph == folder / GRAPH
    assert encoder.version.id == "rad-dino"


def test_another_card_is_another_encoder(folder):
    before = load_encoder(folder).version.digest
    _change(folder, version="2")
    assert load_encoder(folder).version.digest != before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "classifier"}, "kind"),
        ({"fit": "letterbox"}, "fit"),
        ({"channels": 2}, "channels"),
        ({"mean": [0.5]}, "a number for each of the 3 channels"),
        ({"deviation": [0.2, 0.2, 0.0]}, "deviation"),
        ({"dimensions": 0}, "dimensions"),
        ({"files": {}}, "no digest for"),
        ({"labels": []}, "labels"),
    ],
)
def test_a_card_that_is_no_encoder_s_is_refused_by_name(folder, changes, said):
    _change(folder, **changes)
    with pytest.raises(BundleError, match=said):
        load_encoder(folder)


def test_a_damaged_graph_is_named(folder):
    (folder / GRAPH).write_bytes(b"another graph")
    with pytest.raises(BundleError, match=r"model\.onnx .* has the SHA-256"):
        load_encoder(folder)
