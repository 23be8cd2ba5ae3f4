"""What a table of either form says of each image: its labels, and its split."""

from pathlib import Path
from typing import Any

import pytest

from shared.domain.findings import ViewPosition
from shared.labels import CHESTXRAY14
from training.scoring.label_table import Labelled, LabelTableError, read_table
from training.scoring.record_table import labels_of, read_labels, rows_of, split_of_row
from training.splits import assign, split_of
from training.table import Record, Split, State, write


def record(image: str, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "dataset": "nih",
        "image": image,
        "patient": "nih:1",
        "study": "nih:1-0",
        "view": ViewPosition.AP,
        "labels": {"Effusion": State.PRESENT, "Mass": State.UNCERTAIN, "Edema": State.ABSENT},
        "split": Split.TEST,
        "sex": "F",
        "age_years": 61.0,
    }
    return Record(**(values | changes))


def test_a_record_keeps_what_it_says_and_leaves_out_what_is_uncertain(tmp_path):
    write(tmp_path / "table", [record("a.png")])  # a pipeline's files have no ending
    (row,) = read_labels(tmp_path / "table").rows
    assert row == Labelled(
        file="a.png",
        patient="nih:1",
        view="AP",
        labels={"Effusion": True, "Edema": False},
        sex="F",
        age_years=61.0,
        source="nih",
        split=Split.TEST,
        study="nih:1-0",
    )


def test_no_finding_says_that_all_else_is_absent_that_its_data_set_looks_for():
    table = labels_of([record("a.png"), record("b.png", labels={"No_Finding": State.PRESENT})], where="table")
    assert table.rows[1].labels == dict.fromkeys(CHESTXRAY14, False)


def test_only_the_views_are_read_that_are_asked_for():
    views = {"a.png": ViewPosition.AP, "b.png": ViewPosition.LATERAL, "c.png": ViewPosition.PA}
    records = [record(name, view=view) for name, view in views.items()]
    table = labels_of(records, where="table", views=("PA", "AP"))
    assert [row.file for row in table.rows] == ["a.png", "c.png"]
    with pytest.raises(LabelTableError, match="of the views PA"):
        labels_of(records[:2], where="table", views=("PA",))


def test_records_without_a_split_get_the_one_that_a_training_gives_them():
    records = [record(f"{n}.png", patient=f"nih:{n}", split=None) for n in range(40)]
    rows = labels_of(records, where="table").rows
    assert [row.split for row in rows] == [one.split for one in assign(records)]
    assert {row.split for row in rows} == set(Split)


@pytest.mark.parametrize(
    ("records", "advice"),
    [
        ([record("a.png"), record("a.png", dataset="chexpert")], "give a table of one data set"),
        ([record("a.png", labels={})], "no image with a label"),
    ],
    ids=["two data sets", "no labels"],
)
def test_records_that_mean_no_image_for_sure_are_refused(records, advice):
    with pytest.raises(LabelTableError, match=advice):
        labels_of(records, where="table.parquet")


def test_a_broken_parquet_file_is_named(tmp_path):
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    with pytest.raises(LabelTableError, match=r"broken\.parquet"):
        read_labels(broken)


def csv(folder: Path, *lines: str) -> tuple[Labelled, ...]:
    (folder / "labels.csv").write_text("\n".join(lines))
    return read_table(folder / "labels.csv").rows


def test_a_csv_may_say_sex_age_source_and_split(tmp_path):
    rows = csv(
        tmp_path,
        "Image Index,Finding Labels,Patient Gender,Patient Age,source,Split",
        "a.png,Mass,F,061Y,clinic,Valid",
        "b.png,Mass,,,,",
    )
    assert (rows[0].sex, rows[0].age_years, rows[0].source, rows[0].split) == (
        "F",
        61.0,
        "clinic",
        Split.VALIDATION,
    )
    assert (rows[1].sex, rows[1].age_years, rows[1].source, rows[1].split) == ("", None, "", None)


def test_the_split_that_a_row_states_goes_before_that_of_our_pool(tmp_path):
    patient = next(f"nih-{number}" for number in range(99) if split_of(f"nih-{number}") is Split.TEST)
    stated, hashed, other = csv(
        tmp_path,
        "file,labels,patient,split",
        f"a.png,Mass,{patient},train",
        f"b.png,Mass,{patient},",
        "c.png,Mass,someone,",
    )
    assert [split_of_row(row) for row in (stated, hashed, other)] == [Split.TRAIN, Split.TEST, None]
    assert rows_of([stated, hashed, other], Split.TEST) == [hashed]
    with pytest.raises(LabelTableError, match="leave out --split"):
        rows_of([other], Split.TEST)
