"""FROC: by hand, as the challenge's README tells it."""

import numpy as np
import pytest

from training.scoring.froc import RATES, Marked, Marks, figures, holds, mark
from training.table import Region

SQUARE = Region("x", 0.1, 0.1, 0.3, 0.3)
TRIANGLE = Region("x", 0.5, 0.5, 1.0, 1.0, ((0.5, 0.5), (1.0, 0.5), (0.5, 1.0)))
HIT, BESIDE = (0.2, 0.2), (0.9, 0.1)


def marked(*said: tuple[float, tuple[float, float]], objects: tuple[Region, ...] = ()) -> Marked:
    points = np.array([point for _, point in said], float).reshape(-1, 2)
    return mark(points, np.array([score for score, _ in said], float), objects)


def eight_images() -> list[Marked]:
    """Four objects; one false positive is an eighth of one an image.

    From the surest point on: hit, false (1/8), the same object again, hit, false (2/8), false, hit, false
    (4/8), hit.
    """
    return [
        marked((0.9, HIT), (0.75, (0.25, 0.25)), (0.4, BESIDE), objects=(SQUARE,)),
        marked((0.6, BESIDE), (0.7, HIT), (0.45, (0.6, 0.6)), objects=(SQUARE, TRIANGLE)),
        marked((0.8, BESIDE)),
        marked((0.5, BESIDE), (0.3, HIT), objects=(SQUARE,)),
        *(marked() for _ in range(4)),
    ]


def test_sensitivities_are_those_of_the_points_up_to_each_rate():
    assert RATES[:3] == (0.125, 0.25, 0.5)
    found = Marks(eight_images()).sensitivities(np.ones(8))
    assert found.tolist() == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0]


def test_the_mean_of_the_seven_is_the_challenge_s_figure_and_has_an_interval():
    measured = figures(eight_images(), np.array([f"p{k}" for k in range(8)]))
    assert (measured.images, measured.objects) == (8, 4)
    assert measured.mean.value == pytest.approx(5.5 / 7, abs=1e-4)
    assert measured.mean.low < measured.mean.value < measured.mean.high <= 1.0
    assert [one.value for one in measured.sensitivities] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0]


def test_an_image_that_is_drawn_twice_counts_as_two():
    images = eight_images()
    drawn = np.array([2, 0, 1, 3, 0, 0, 1, 1])
    repeated = [one for one, times in zip(images, drawn, strict=True) for _ in range(times)]
    expected = Marks(repeated).sensitivities(np.ones(len(repeated)))
    assert Marks(images).sensitivities(drawn.astype(float)).tolist() == expected.tolist()


def test_one_point_in_two_objects_finds_both_and_a_second_one_is_no_false_positive():
    twice = marked((0.9, HIT), (0.8, HIT), objects=(SQUARE, Region("x", 0.0, 0.0, 0.25, 0.25)))
    assert twice.found.tolist() == [2, 0]
    assert twice.false.tolist() == [False, False]


def test_a_detector_that_says_nothing_finds_nothing_and_without_objects_there_is_no_figure():
    assert Marks([marked(objects=(SQUARE,))]).sensitivities(np.ones(1)).tolist() == [0.0] * 7
    assert np.isnan(Marks([marked((0.5, BESIDE))]).sensitivities(np.ones(1))).all()


@pytest.mark.parametrize(
    ("region", "point", "inside"),
    [
        (SQUARE, (0.1, 0.3), True),
        (SQUARE, (0.31, 0.2), False),
        (TRIANGLE, (0.6, 0.6), True),
        (TRIANGLE, (0.9, 0.9), False),  # in the box around it, beyond its long side
        (TRIANGLE, (0.75, 0.5), True),
    ],
)
def test_a_point_is_in_an_object_by_its_shape_and_the_edge_is_in(region, point, inside):
    assert holds(region, *point) is inside
