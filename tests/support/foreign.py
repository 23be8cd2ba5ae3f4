"""A classifier as another library writes it: torchvision's network, torch's ONNX file, a card by hand."""

import json
from pathlib import Path

import torch
import torchvision
from torch.export import Dim

from shared.bundles import digest_of

LABELS = ("Effusion", "Cardiomegaly", "Mass")
SIDE = 224


def write_foreign_bundle(folder: Path) -> Path:
    """Write a small network of torchvision with chance weights: logits, and nothing else."""
    torch.manual_seed(0)
    network = torchvision.models.squeezenet1_1(num_classes=len(LABELS)).eval()
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        network,
        (torch.zeros(2, 3, SIDE, SIDE),),
        folder / "model.onnx",
        input_names=["input"],
        output_names=["output"],
        dynamic_shapes=({0: Dim("batch")},),
        external_data=False,
        verbose=False,
    )
    card = {
        "id": "torchvision-squeezenet",
        "version": "1",
        "input_size": SIDE,
        "files": {"model.onnx": digest_of((folder / "model.onnx").read_bytes())},
        "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225],
        # Chance says about 0.5 of everything: one is present, one uncertain, one absent.
        "labels": [
            {"id": LABELS[0], "threshold": 0.01, "uncertain_from": 0.01},
            {"id": LABELS[1], "threshold": 0.99, "uncertain_from": 0.01},
            {"id": LABELS[2], "threshold": 0.99, "uncertain_from": 0.99},
        ],
    }
    (folder / "card.json").write_text(json.dumps(card))
    return folder
