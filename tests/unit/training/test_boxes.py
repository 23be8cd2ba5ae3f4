"""Boxes on the classifier's square, and where they are after the image was moved."""

import cv2
import numpy as np
import pytest
import torch

from shared.domain.findings import ViewPosition
from training.augment import augment, moves
from training.boxes import moved, placed, size_of, told_where, unplaced
from training.fitting.steps import make_step
from training.policies import Targets
from training.recipe import Augmentation
from training.table import Record, Region, State

BOX = Region("Mass", 0.0, 0.25, 0.5, 0.75)


def record(*boxes: Region, **labels: State) -> Record:
    return Record("drawn", "a.png", "p", "p", ViewPosition.PA, labels, boxes=boxes)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (record(BOX, Mass=State.PRESENT, Nodule=State.ABSENT), True),
        (record(Mass=State.ABSENT, Nodule=State.ABSENT), True),
        (record(Mass=State.PRESENT, Nodule=State.ABSENT), False),
        (record(BOX, Mass=State.PRESENT), False),
        (record(BOX, Mass=State.PRESENT, Nodule=State.UNCERTAIN), False),
        (record(BOX, Mass=State.ABSENT, Nodule=State.ABSENT), False),
    ],
    ids=["boxed", "absent", "present somewhere", "not labelled", "uncertain", "boxed and absent"],
)
def test_an_image_teaches_a_detector_when_it_tells_of_each_label_where_it_is(one, told):
    assert told_where(one, ("Mass", "Nodule")) is told


def test_a_box_lies_on_the_square_where_the_image_does():
    wide = placed(record(BOX, Region("Nodule", 0, 0, 1, 1)), ("Nodule", "Mass"), rows=50, columns=100)
    assert wide.tolist() == [[1.0, 0.0, 0.375, 0.5, 0.625], [0.0, 0.0, 0.25, 1.0, 0.75]]
    (tall,) = placed(record(BOX), ("Mass",), rows=100, columns=50).tolist()
    assert tall == [0.0, 0.25, 0.25, 0.5, 0.75]
    assert placed(record(BOX), ("Nodule",), rows=1, columns=1).shape == (0, 5)


def test_points_of_the_square_are_given_back_to_the_image():
    points = np.array([[0.25, 0.25], [0.5, 0.75], [0.0, 0.5]], np.float32)
    assert unplaced(points, rows=100, columns=50).tolist() == [[0.0, 0.25], [0.5, 0.75], [-0.5, 0.5]]


def test_the_form_of_an_image_comes_from_its_header(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 40), np.uint8))
    assert size_of(tmp_path / "a.png") == (30, 40)


@pytest.mark.parametrize("seed", range(4))
def test_a_box_is_still_around_its_object_after_the_image_was_moved(seed):
    image = torch.zeros(1, 1, 128, 128)
    image[..., 32:64, 40:80] = 1.0
    box = torch.tensor([[3.0, 40 / 128, 32 / 128, 80 / 128, 64 / 128]])
    how = {"flip": 0.5, "degrees": 15.0, "zoom": 0.1, "shift": 0.1}
    draw = torch.Generator().manual_seed
    (there,) = augment(image, draw(seed), exposure=False, blurred=0.0, **how)
    ((label, *edges),) = moved(box, moves(1, draw(seed), **how)[0]).tolist()
    rows, columns = np.nonzero(there[0].numpy() > 0.5)
    seen = (columns.min() / 128, rows.min() / 128, (columns.max() + 1) / 128, (rows.max() + 1) / 128)
    assert label == 3.0
    assert edges == pytest.approx(seen, abs=2 / 128)


def test_a_box_that_left_the_square_is_out_and_one_at_the_edge_is_cut():
    away = torch.tensor(
        [[1.0, 0.0, 1.2], [0.0, 1.0, 0.0]]
    )  # each point comes from 0.6 of the side to its right
    boxes = torch.tensor([[0, 0.1, 0.1, 0.5, 0.5], [1, 0.5, 0.1, 0.9, 0.5]])
    assert moved(boxes, away).tolist() == [pytest.approx([1.0, 0.0, 0.1, 0.3, 0.5])]


def test_a_step_moves_the_boxes_of_its_images():
    known = np.ones((3, 1), np.float32)
    boxes = [torch.tensor([[0.0, 0.1, 0.2, 0.3, 0.4]]), torch.zeros(0, 5), torch.tensor([[0.0, 0, 0, 1, 1]])]
    step = make_step(
        torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
        Targets(known, known, known, known[:, 0], np.full(3, "drawn"), known),
        [0, 1],
        augmentation=Augmentation(flip=1.0),
        seed=1,
        device=torch.device("cpu"),
        boxes=boxes,
    )
    assert step.boxes is not None
    assert [one.tolist() for one in step.boxes] == [[pytest.approx([0.0, 0.7, 0.2, 0.9, 0.4])], []]
