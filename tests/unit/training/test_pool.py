import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.domain.findings import ViewPosition
from training.bundled.pool import read_pool
from training.fitting.inputs import Inputs, read_inputs
from training.recipe import load_recipe
from training.splits import split_of
from training.squares import square_of
from training.table import Split, State, write
from worker_cnn.decoding import prepare


def picture(height: int, width: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "patient_id", "view", "labels"])
        writer.writeheader()
        writer.writerows(rows)


def row(file: str, patient: int, labels: str = "No Finding", view: str = "PA") -> dict[str, str]:
    return {"file": file, "patient_id": f"nih-{patient:08}", "view": view, "labels": labels}


@pytest.fixture
def data(tmp_path):
    first = [row(f"nih/{patient:08}_000-x.jpg", patient) for patient in range(40)]
    first.append({"file": "cohen/a.jpg", "patient_id": "cohen-1", "view": "PA", "labels": "COVID-19"})
    write_table(tmp_path / "labels.csv", first)
    second = [row(f"nih/{patient:08}_001.jpg", patient, "Effusion;Hernia", "AP") for patient in range(40)]
    write_table(tmp_path / "more" / "labels.csv", [*second, row("nih/00000000_000.jpg", 0)])
    low = [row(f"lowres64/{p:08}_002.png", p, "Mass" if p % 2 else "No Finding") for p in range(60)]
    write_table(tmp_path / "lowres64.csv", low)
    return tmp_path


def test_the_pool_holds_nih_images_only_and_each_once(data):
    pool = read_pool(data)
    assert all(one.patient.startswith("nih-") for one in pool)
    assert len({one.study.split("-")[0] for one in pool}) == len(pool) == 140


def test_an_image_lies_where_its_record_says(data):
    assert {Path(one.image).parent.as_posix() for one in read_pool(data)} == {
        "images/nih",
        "more/nih",
        "lowres64",
    }


def test_no_patient_is_in_two_splits_whatever_folder_the_images_come_from(data):
    splits: dict[str, set[Split | None]] = {}
    for one in read_pool(data):
        splits.setdefault(one.patient, set()).add(one.split)
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == set(Split)


def test_the_split_is_about_70_15_15_and_does_not_move():
    found = [split_of(f"nih-{patient:08}") for patient in range(4000)]
    shares = [found.count(split) / len(found) for split in Split]
    assert shares == pytest.approx([0.70, 0.15, 0.15], abs=0.02)
    # The test patients of the card that ships: a change here makes its figures untrue.
    assert [split_of(f"nih-{patient:08}") for patient in (13, 1684, 30805)] == [
        Split.TRAIN,
        Split.TRAIN,
        Split.TEST,
    ]


@pytest.fixture
def taken(data, tmp_path) -> Inputs:
    """What the recipe of the classifier takes from the pool, at 32 pixels."""
    pool = read_pool(data)
    for number, one in enumerate(pool):
        path = data / one.image
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(40, 40, number).save(path)
    write(tmp_path / "pool.parquet", pool)
    settings = load_recipe("bundled").data.model_copy(
        update={"size": 32, "labels": ("Effusion", "Hernia", "Mass")}
    )
    return read_inputs(
        settings,
        [tmp_path / "pool.parquet"],
        data,
        cache=tmp_path / "cache",
        processes=1,
        limit=None,
        look_for_leaks=False,
    )


def test_images_of_64_pixels_are_trained_on_only_and_count_less(taken):
    low = {one.split for one in taken.records if one.dataset == "lowres64"}
    assert low == {Split.TRAIN}
    assert {one.dataset for one in taken.chosen(Split.TEST)} == {"images", "more"}
    taught = taken.taught(Split.TRAIN, load_recipe("bundled").data)
    for source, weight in {"images": 1.0, "more": 1.0, "lowres64": 0.4}.items():
        np.testing.assert_allclose(taught.known[taught.sources == source], weight)


def test_nobody_changes_part_on_the_way_from_the_pool_to_a_training(taken):
    assert all(one.split is split_of(one.patient) for one in taken.records)


def test_labels_and_view_are_read_and_no_finding_is_the_absence_of_all(data):
    pool = read_pool(data)
    ill = next(one for one in pool if one.dataset == "more")
    shown = {label for label, state in ill.labels.items() if state is State.PRESENT}
    assert shown == {"Effusion", "Hernia"}
    assert len(ill.labels) == 14
    assert ill.view is ViewPosition.AP
    healthy = next(one for one in pool if one.dataset == "images")
    assert set(healthy.labels.values()) == {State.ABSENT}


def test_nih_s_boxes_come_with_their_images(data):
    write_table(data / "lowres64.csv", [row("lowres64/00013118_008.png", 13118, "Atelectasis")])
    (boxed,) = (one for one in read_pool(data) if one.dataset == "lowres64")
    (box,) = boxed.boxes
    assert (box.name, box.outline) == ("Atelectasis", ())
    assert (box.left, box.top) == pytest.approx((225.084745762712 / 1024, 547.019216763771 / 1024))
    assert all(not one.boxes for one in read_pool(data) if one.dataset != "lowres64")


def test_a_label_that_nih_does_not_have_is_an_error(data):
    write_table(data / "lowres64.csv", [row("lowres64/00000001_009.png", 1, "Effusoin")])
    with pytest.raises(ValueError, match="Effusoin"):
        read_pool(data)


@pytest.mark.parametrize(("height", "width"), [(300, 200), (200, 300), (64, 64)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_training_sees_the_pixels_that_the_worker_sees(tmp_path, height, width, kind):
    buffer = io.BytesIO()
    picture(height, width).save(buffer, kind)
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(buffer.getvalue())
    seen = prepare(buffer.getvalue(), name="a", size=48).model_input
    np.testing.assert_array_equal(square_of(path, 48), np.rint(seen * 255.0).astype(np.uint8))
