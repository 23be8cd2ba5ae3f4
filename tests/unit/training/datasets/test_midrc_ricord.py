import json
from pathlib import Path

import pydicom
import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.midrc_ricord import ATYPICAL, JSON, TABLE, midrc_ricord
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Record, State

pytestmark = pytest.mark.real_data
READER = READERS["midrc_ricord"]
LAYOUTS = [
    pytest.param({}, id="md.ai"),
    pytest.param({"table": True}, id="table"),
    pytest.param({"table": True, "uids": False}, id="table-by-date"),
]


def studies(root) -> dict[str, Record]:
    return {record.study.rsplit("/", 1)[-1]: record for record in READER.read(root).records}


def files(root) -> list[Path]:
    return sorted(root.rglob("*.dcm"))


@pytest.fixture
def root(tmp_path, pictures):
    return midrc_ricord(tmp_path, pictures)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_most_readers_decide_adjudication_wins_and_the_others_are_uncertain(tmp_path, pictures, layout):
    root = midrc_ricord(tmp_path, pictures, **layout)
    found = studies(root)
    assert {study: record.labels for study, record in found.items()} == {
        "1.2.1": {"COVID-19": State.PRESENT},
        "1.2.2": {"COVID-19": State.ABSENT},
        "1.2.3": {"COVID-19": State.UNCERTAIN},
        "1.2.4": {"COVID-19": State.UNCERTAIN},
        "1.2.5": {},
    }
    assert [record.attributes.get("appearance") for record in found.values()] == [
        "Typical Appearance",
        "Negative for Pneumonia",
        None,
        "Indeterminate Appearance",
        None,
    ]
    assert len(READER.read(root).records) == 6


@pytest.mark.parametrize("layout", LAYOUTS)
def test_grades_are_decided_likewise(tmp_path, pictures, layout):
    found = studies(midrc_ricord(tmp_path, pictures, **layout))
    assert [record.attributes.get("grade") for record in found.values()] == ["Severe", None, None, None, None]


def test_who_gives_two_classes_has_no_vote_and_who_decides_is_named(root):
    found = studies(root)
    assert found["1.2.4"].attributes["votes"] == "Indeterminate Appearance: 2"
    assert found["1.2.1"].attributes["votes"] == "Typical Appearance: 2|Atypical Appearance: 1"
    assert [found[f"1.2.{k}"].labelled_by for k in (1, 2)] == ["radiologist", "adjudication"]


def test_two_against_two_is_no_majority(root):
    path = root / JSON
    export = json.loads(path.read_text())
    atypical = next(
        label["id"]
        for group in export["labelGroups"]
        if group["name"] == "Extra"
        for label in group["labels"]
        if label["name"] == ATYPICAL
    )
    added = {"id": "A_extra", "StudyInstanceUID": "1.2.1", "labelId": atypical, "data": None}
    export["datasets"][0]["annotations"].append(added)
    path.write_text(json.dumps(export))
    record = studies(root)["1.2.1"]
    assert record.attributes["votes"] == "Typical Appearance: 2|Atypical Appearance: 2"
    assert record.labels == {"COVID-19": State.UNCERTAIN}


def test_patient_study_view_sex_and_age_come_from_the_header(root):
    first, second = [record for record in READER.read(root).records if record.study.endswith("/1.2.1")]
    assert first.patient == studies(root)["1.2.2"].patient == "midrc_ricord:419639-000025"
    assert first.study == second.study == "midrc_ricord:419639-000025/1.2.1"
    assert (first.view, second.view) == (ViewPosition.AP, ViewPosition.LATERAL)
    assert (first.sex, first.age_years, first.split) == ("M", 61, None)


def test_a_header_without_a_patient_is_helped_by_its_folder(root):
    path = files(root)[0]
    dataset = pydicom.dcmread(path)
    dataset.PatientID = ""
    dataset.save_as(path)
    assert READER.read(root).records[0].patient == "midrc_ricord:419639-000025"
    (root / "elsewhere.dcm").write_bytes(path.read_bytes())
    assert [problem.where for problem in READER.read(root).problems] == ["elsewhere.dcm"]


def test_an_image_without_annotation_or_without_an_image_in_it_is_said(root):
    path = files(root)[0]
    dataset = pydicom.dcmread(path)
    dataset.StudyInstanceUID = "1.2.99"
    dataset.save_as(path)
    files(root)[1].write_bytes(b"broken")
    reading = READER.read(root)
    assert [problem.reason.partition(" ")[0] for problem in reading.problems] == ["its", "the"]
    assert reading.records[0].labels == {}
    assert len(reading.records) == 5


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"labelGroups": []}', '{"labelGroups": [{"name": "x"}], "datasets": []}']
)
def test_an_export_of_another_form_is_refused(root, text):
    (root / JSON).write_text(text)
    with pytest.raises(DatasetError, match=r"is no export of MD\.ai"):
        READER.read(root)


def test_missing_columns_and_another_folder_are_refused(tmp_path, pictures):
    root = midrc_ricord(tmp_path / "set", pictures, table=True)
    (root / TABLE).write_text((root / TABLE).read_text().replace("CLASS_label,", "Class,"))
    with pytest.raises(DatasetError, match="lacks the columns CLASS_label; it has Anon MRN"):
        READER.read(root)
    with pytest.raises(DatasetError, match=r"holds no \*annotations\*\.json"):
        READER.read(tmp_path / "set" / "manifest-1610656454899")
