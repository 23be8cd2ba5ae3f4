import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.padchest import TABLE, TRUNCATED, padchest
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.datasets.label_names import NAMES
from training.datasets.padchest_names import states_of_names
from training.table import Record, State

pytestmark = pytest.mark.real_data
READER = READERS["padchest"]


def records(root) -> dict[str, Record]:
    return {record.image.rsplit("/", 1)[-1]: record for record in READER.read(root).records}


@pytest.fixture
def root(tmp_path, pictures):
    return padchest(tmp_path, pictures)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("flat", [False, True])
def test_images_are_found_in_numbered_folders_or_one_by_either_table(tmp_path, pictures, packed, flat):
    root = padchest(tmp_path, pictures, packed=packed, flat=flat)
    reading = READER.read(root)
    assert len(reading.records) == 8
    assert all((root / record.image).is_file() for record in reading.records)


def test_names_have_spaces_inside_their_quotes_and_blanks_beside_them(root):
    record = records(root)["s2_a.png"]
    assert {label for label, state in record.labels.items() if state is State.PRESENT} == {
        "Cardiomegaly",
        "Effusion",
    }
    assert record.labels["Pneumonia"] is State.ABSENT
    assert record.labels["No_Finding"] is State.ABSENT
    assert record.attributes["Labels"] == "cardiomegaly|pleural effusion"


def test_a_name_is_never_found_in_another(root):
    labels = records(root)["s3_a.png"].labels
    assert labels["Nodule"] is State.ABSENT  # a pseudonodule is none
    assert "Mass" not in labels  # a mass may be of the breast: neither sure nor ruled out


def test_a_name_may_say_two_labels(root):
    labels = records(root)["s1_c.png"].labels
    assert labels["Effusion"] is labels["Pneumothorax"] is State.PRESENT


def test_normal_is_no_finding_and_denies_everything(root):
    labels = records(root)["s1_a.png"].labels
    assert labels == {label: State(label == "No_Finding") for label in READER.labels}


def test_normal_beside_a_finding_is_left_open(root):
    labels = records(root)["s6_a.png"].labels
    assert labels["Nodule"] is State.PRESENT
    assert "No_Finding" not in labels


def test_unchanged_denies_nothing(root):
    assert records(root)["s4_a.png"].labels == {"Pneumonia": State.PRESENT, "No_Finding": State.ABSENT}
    assert states_of_names(["unchanged"]) == {}


def test_a_row_without_labels_is_an_image_without_labels(root):
    record = records(root)["s5_a.png"]
    assert (record.labels, record.sections, record.language) == ({}, {}, "")
    assert states_of_names(["", ""]) == {}


def test_every_name_with_a_label_says_that_label():
    for name, labels in NAMES["padchest"].items():
        shown = {label for label, state in states_of_names([name]).items() if state is State.PRESENT}
        assert shown == set(labels) - {"COVID-19"}, name


def test_views_are_read_and_supine_is_ap(root):
    views = {name: record.view for name, record in records(root).items()}
    assert [views[name] for name in ("s1_a.png", "s1_b.png", "s2_a.png", "s3_a.png", "s6_a.png")] == [
        ViewPosition.PA,
        ViewPosition.LATERAL,
        ViewPosition.AP,
        ViewPosition.AP,
        ViewPosition.UNKNOWN,
    ]


def test_what_is_left_out_is_left_out_with_its_reason(root):
    reasons = {p.where.partition("(")[2].rstrip(")"): p.reason for p in READER.read(root).problems}
    assert reasons == {
        "s7_a.png": "its projection is COSTAL, a view of the ribs",
        "s8_a.png": "its projection is EXCLUDE: the data set's authors say to leave it out",
        "s9_a.png": "it is labelled 'exclude'",
        "s10_a.png": "it is labelled 'suboptimal study'",
        TRUNCATED: "it is known to be broken as published",
    }


def test_a_physician_or_a_network_labelled_it(root):
    assert records(root)["s1_a.png"].labelled_by == "physician"
    assert records(root)["s2_a.png"].labelled_by == "network"


def test_age_is_the_year_of_the_study_less_that_of_birth(root):
    ages = [records(root)[name].age_years for name in ("s1_a.png", "s3_a.png")]
    assert ages == [84, None]


def test_the_report_is_spanish_and_sex_is_female_male_or_not_given(root):
    record = records(root)["s1_a.png"]
    assert (record.sections, record.language) == ({"report": "sin hallazg patolog ."}, "es")
    assert [records(root)[f"s{k}_a.png"].sex for k in (1, 2, 3)] == ["F", "M", ""]


def test_a_study_that_two_patients_share_is_two_studies(root):
    found = records(root)
    assert found["s1_a.png"].study == found["s1_b.png"].study == "padchest:p1/s1"
    assert found["s1_c.png"].study == "padchest:p12/s1"


@pytest.mark.parametrize("cell", ["pneumonia", "['pneumonia'", "[1]", "{'a': 1}", "__import__('os')"])
def test_labels_that_are_no_list_of_names_are_said(root, cell):
    table = root / TABLE
    table.write_text(table.read_text().replace("[' hydropneumothorax']", f'"{cell}"'))
    reading = READER.read(root)
    assert "s1_c.png" not in records(root)
    assert any("which is no list of names" in problem.reason for problem in reading.problems)


def test_an_archive_that_is_not_there_is_images_that_are_missing(root):
    (root / "54" / "s2_a.png").unlink()
    problems = {problem.where: problem.reason for problem in READER.read(root).problems}
    assert problems[f"{TABLE}, row 4 (s2_a.png)"] == "the image is not there"


def test_an_unknown_projection_is_said(root):
    table = root / TABLE
    table.write_text(table.read_text().replace(",UNK,", ",OBLIQUE,"))
    assert any("'OBLIQUE'" in problem.reason for problem in READER.read(root).problems)


def test_missing_columns_and_another_folder_are_refused(root, tmp_path):
    table = root / TABLE
    table.write_text(table.read_text().replace("Projection,", "View,", 1))
    with pytest.raises(DatasetError, match="lacks the columns Projection; it has"):
        READER.read(root)
    with pytest.raises(DatasetError, match="holds no PADCHEST"):
        READER.read(tmp_path / "54")
