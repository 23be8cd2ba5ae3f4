"""A tiny classifier and a tiny gate, made in a moment: what they say can be told from the pixels by hand."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser

from shared.bundles import CAM_WEIGHTS, CARD, GRAPH, Card, Interval, Label, Metrics, Training, digest_of
from shared.gates import HEADS, MIRROR, Gate, GateCard

SIZE = 32
LABELS = ("Effusion", "Mass")


WEIGHTS = np.array([[4.0, 0.0], [0.0, 4.0]], np.float32)
_GRAPH = """
<ir_version: 10, opset_import: ["" : 18]>
tiny (float[N, 1, 32, 32] images)
=> (float[N, 2] logits, float[N, 2, 4, 4] feature_map, float[N, 2] embedding)
<float[2] weight = {4.0, 4.0}, float[2] two = {2.0, 2.0}, float one = {1.0}, int64[2] plane = {2, 3}>
{
  bright = AveragePool <kernel_shape = [8, 8], strides = [8, 8]> (images)
  dark = Sub (one, bright)
  feature_map = Concat <axis = 1> (bright, dark)
  embedding = ReduceMean <keepdims = 0> (feature_map, plane)
  scaled = Mul (embedding, weight)
  logits = Sub (scaled, two)
}
"""
"""Two channels over 4 x 4 cells, brightness and darkness: "Effusion" is the one, "Mass" the other."""
_NETWORK = """
<ir_version: 10, opset_import: ["" : 18]>
network (float[N, 1, 32, 32] images) => (float[N, 2] embedding)
<float one = {1.0}, int64[2] plane = {2, 3}>
{
  bright = ReduceMean <keepdims = 0> (images, plane)
  dark = Sub (one, bright)
  embedding = Concat <axis = 1> (bright, dark)
}
"""
_HEADS = """
<ir_version: 10, opset_import: ["" : 18]>
heads (float[N, 2] embedding) => (float[N] view, float[N, 5] turned, float[N] chest, float[N] distance)
<float scale = {2.0}, int64[1] last = {1}, int64 first = {0}, int64 second = {1}>
{
  view = Gather <axis = 1> (embedding, first)
  chest = Gather <axis = 1> (embedding, first)
  darkness = Gather <axis = 1> (embedding, second)
  distance = Mul (darkness, scale)
  column = Unsqueeze (view, last)
  turned = Concat <axis = 1> (embedding, embedding, column)
}
"""
_MIRROR = """
<ir_version: 10, opset_import: ["" : 18]>
mirror (float[N, 1, 32, 32] images) => (float[N] mirrored)
<int64[2] middle = {16, 16}, int64[3] plane = {1, 2, 3}>
{
  left, right = Split <axis = 3> (images, middle)
  there = ReduceMean <keepdims = 0> (left, plane)
  here = ReduceMean <keepdims = 0> (right, plane)
  mirrored = Sub (there, here)
}
"""
"""How much brighter the left half is: there the heart is."""
EMBEDDING = "brightness and darkness"
GATE = Gate(
    max_distance=1.5,
    min_chest=0.1,
    sure_chest=0.9,
    max_distance_if_sure=1.9,
    min_turned=0.9,
    min_view=0.6,
    refused={},
    counted={},
    turned_accuracy=1.0,
    view_auroc=1.0,
)
_TRAINING = Training(
    data="none",
    start="none",
    images=(1, 1, 1),
    patients=(1, 1, 1),
    recipe={},
    command="none",
)


def tiny_card(files: dict[str, str], **changes: object) -> Card:
    """A valid card for the tiny graph."""
    figure = Interval(value=0.7, low=0.6, high=0.8)
    labels = tuple(
        Label(
            id=name,
            slope=1.0,
            offset=0.0,
            threshold=0.6,
            uncertain_from=0.4,
            auroc=figure,
            sensitivity=0.5,
            specificity=0.5,
            positives=(10, 5, 5),
        )
        for name in LABELS
    )
    values = {
        "id": "tiny", "version": "1", "files": files, "input_size": SIZE, "precision": "float32",
        "normalisation": "none", "labels": labels,
        "metrics": Metrics(
            within_source=figure, within_source_and_view=None, macro_auroc=figure, source_alone=None,
            source_and_view_alone=None, looked_up_elsewhere=True, per_study=None, studies=1, paper=None,
            by_view={}, by_source={}, findings_per_study=1.0, findings_per_normal=0.0,
        ),
        "training": _TRAINING, "embedding": EMBEDDING,
        "licence": "Apache-2.0", "attribution": "none", "intended_use": "tests", "not_for": (),
    }  # fmt: skip
    return Card.model_validate(values | changes)


def write_tiny_bundle(folder: Path, **changes: object) -> Path:
    """Write the tiny graph with its card into `folder`; `changes` are fields of the card."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx.parser.parse_model(_GRAPH), folder / GRAPH)
    np.save(folder / CAM_WEIGHTS, WEIGHTS)
    files = {name: digest_of((folder / name).read_bytes()) for name in (GRAPH, CAM_WEIGHTS)}
    (folder / CARD).write_text(tiny_card(files, **changes).model_dump_json())
    return folder


def write_tiny_gate(folder: Path, *, mirror: bool = False, **changes: object) -> Path:
    """Write a gate that judges by brightness into `folder`; `changes` are fields of its card."""
    folder.mkdir(parents=True, exist_ok=True)
    graphs = {GRAPH: _NETWORK, HEADS: _HEADS, **({MIRROR: _MIRROR} if mirror else {})}
    for name, text in graphs.items():
        onnx.save(onnx.parser.parse_model(text), folder / name)
    values = {
        "id": "tiny-gate", "version": "1", "input_size": SIZE, "normalisation": "none",
        "files": {name: digest_of((folder / name).read_bytes()) for name in graphs},
        "embedding": EMBEDDING, "training": _TRAINING,
        "gate": GATE.model_copy(update={"mirrored_from": 0.5 if mirror else None}),
        "licence": "Apache-2.0", "attribution": "none", "intended_use": "tests",
    }  # fmt: skip
    (folder / CARD).write_text(GateCard.model_validate(values | changes).model_dump_json())
    return folder
