from dataclasses import replace

import numpy as np
import pytest

from tests.support.dataset_trees.object_cxr import COLUMNS, ROWS, object_cxr
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Record, Region, Split, State, read, write

pytestmark = pytest.mark.real_data
READER = READERS["object_cxr"]


def records(root) -> dict[str, Record]:
    return {record.image.rsplit("/", 1)[-1]: record for record in READER.read(root).records}


@pytest.fixture
def root(tmp_path, pictures):
    return object_cxr(tmp_path, pictures)


@pytest.mark.parametrize("column", ["image_name", "image_path"])
@pytest.mark.parametrize("tested", [False, True])
def test_all_three_parts_are_read(tmp_path, pictures, column, tested):
    root = object_cxr(tmp_path, pictures, column=column, tested=tested)
    reading = READER.read(root)
    assert not reading.problems
    assert [record.split for record in reading.records] == (
        [Split.TRAIN] * 3 + [Split.VALIDATION] + [Split.TEST] * 2
    )


def test_a_rectangle_is_a_box_and_an_ellipse_has_its_outline(root):
    rectangle, ellipse = records(root)["00001.jpg"].boxes
    assert rectangle == Region("Foreign_Object", 24 / COLUMNS, 12 / ROWS, 48 / COLUMNS, 36 / ROWS)
    assert replace(ellipse, outline=()) == Region("Foreign_Object", 0, 0, 1, 24 / ROWS)
    assert ellipse.outline[0] == (1.0, 12 / ROWS)


def test_a_polygon_has_its_corners(root):
    (polygon,) = records(root)["00003.jpg"].boxes
    corners = tuple((x / COLUMNS, y / ROWS) for x, y in ((10, 20), (30, 20), (30, 60), (10, 60)))
    around = (10 / COLUMNS, 20 / ROWS, 30 / COLUMNS, 60 / ROWS)
    assert polygon == Region("Foreign_Object", *around, corners)


def test_a_polygon_over_the_edge_is_cut_and_a_semicolon_at_the_end_is_nothing(root):
    (polygon,) = records(root)["08001.jpg"].boxes
    assert replace(polygon, outline=()) == Region("Foreign_Object", 90 / COLUMNS, 60 / ROWS, 1, 1)


def test_shapes_survive_parquet(root, tmp_path):
    write(tmp_path / "table.parquet", READER.read(root).records)
    (again,) = [one for one in read(tmp_path / "table.parquet") if one.image == "train/00003.jpg"]
    (polygon,) = records(root)["00003.jpg"].boxes
    assert np.allclose(again.boxes[0].outline, polygon.outline)


def test_blank_is_no_object_and_unannotated_is_neither(tmp_path, pictures, root):
    said = {name: record.labels.get("Foreign_Object") for name, record in records(root).items()}
    assert said == {
        "00001.jpg": State.PRESENT,
        "00002.jpg": State.ABSENT,
        "00003.jpg": State.PRESENT,
        "08001.jpg": State.PRESENT,
        "09001.jpg": None,
        "09002.jpg": None,
    }
    found = records(object_cxr(tmp_path / "tested", pictures, tested=True))
    assert [found[f"0900{k}.jpg"].labels for k in (1, 2)] == [
        {"Foreign_Object": State.PRESENT},
        {"Foreign_Object": State.ABSENT},
    ]


def test_foreign_objects_are_no_support_devices(root):
    assert READER.labels == ("Foreign_Object",)
    assert {label for record in records(root).values() for label in record.labels} == {"Foreign_Object"}


def test_each_image_is_a_patient_of_its_own(root):
    assert len({record.patient for record in records(root).values()}) == 6


@pytest.mark.parametrize(
    "shape", ["3 1 1 2 2", "0 1 1 2", "2 1 1 2 2", "2 1 1 2 2 3", "0 48 12 24 36x", "0 200 200 210 210"]
)
def test_a_shape_that_is_none_is_said_and_the_others_stay(root, shape):
    table = root / "train.csv"
    table.write_text(table.read_text().replace("0 24 12 48 36;", f"{shape};"))
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["train.csv, row 2"]
    assert len(records(root)["00001.jpg"].boxes) == 1


def test_an_image_that_is_away_or_broken_is_named(root):
    (root / "train" / "00001.jpg").unlink()
    (root / "dev" / "08001.jpg").write_bytes(b"broken")
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["train/00001.jpg", "dev/08001.jpg"]


def test_a_table_that_is_missing_is_said_and_without_any_it_is_another_folder(root):
    (root / "dev.csv").unlink()
    assert [problem.where for problem in READER.read(root).problems] == ["dev.csv"]
    (root / "train.csv").unlink()
    with pytest.raises(DatasetError, match=r"holds no train\.csv"):
        READER.read(root)


def test_missing_columns_are_named(root):
    (root / "train.csv").write_text("file,annotation\n")
    with pytest.raises(DatasetError, match=r"train\.csv lacks the columns .*; it has file, annotation"):
        READER.read(root)
