import pytest

from tests.support.dataset_trees.object_cxr import COLUMNS, ROWS, object_cxr
from tests.unit.training.datasets.test_regions import pixels
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Record, Region, Split

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


def test_rectangles_and_ellipses_are_boxes(root):
    record = records(root)["00001.jpg"]
    assert record.boxes == (
        Region("foreign object", 24 / COLUMNS, 12 / ROWS, 48 / COLUMNS, 36 / ROWS),
        Region("foreign object", 0, 0, 1, 24 / ROWS),
    )
    assert record.masks == ()


def test_a_polygon_is_a_box_and_a_mask(root):
    record = records(root)["00003.jpg"]
    assert record.boxes == (Region("foreign object", 10 / COLUMNS, 20 / ROWS, 30 / COLUMNS, 60 / ROWS),)
    (mask,) = record.masks
    drawn = pixels(mask)
    assert drawn.shape == (ROWS, COLUMNS)
    assert drawn[20:61, 10:31].all()
    assert drawn.sum() == 41 * 21


def test_a_polygon_over_the_edge_is_cut_and_a_semicolon_at_the_end_is_nothing(root):
    record = records(root)["08001.jpg"]
    assert record.boxes == (Region("foreign object", 90 / COLUMNS, 60 / ROWS, 1, 1),)
    drawn = pixels(record.masks[0])
    assert drawn[60, 90:].all()
    assert not drawn[:60].any()
    assert not drawn[:, :90].any()


def test_blank_is_no_object_and_unannotated_is_neither(tmp_path, pictures, root):
    said = {name: record.attributes.get("foreign_object") for name, record in records(root).items()}
    assert said == {
        "00001.jpg": "1",
        "00002.jpg": "0",
        "00003.jpg": "1",
        "08001.jpg": "1",
        "09001.jpg": None,
        "09002.jpg": None,
    }
    found = records(object_cxr(tmp_path / "tested", pictures, tested=True))
    assert [found[f"0900{k}.jpg"].attributes["foreign_object"] for k in (1, 2)] == ["1", "0"]


def test_foreign_objects_are_no_support_devices(root):
    assert READER.labels == ()
    assert all(record.labels == {} for record in records(root).values())


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
