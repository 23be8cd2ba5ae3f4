import json
from dataclasses import replace

import pytest

from tests.support.dataset_trees.padchest import padchest
from tests.support.dataset_trees.padchest_gr import REPORTS, padchest_gr
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Record, Region, Split, State, read, write

pytestmark = pytest.mark.real_data
READER = READERS["padchest_gr"]


def records(root) -> dict[str, Record]:
    return {record.image.rsplit("/", 1)[-1]: record for record in READER.read(root).records}


def change(root, change_it) -> None:
    studies = json.loads((root / REPORTS).read_text())
    change_it(studies)
    (root / REPORTS).write_text(json.dumps(studies))


@pytest.fixture
def root(tmp_path, pictures):
    return padchest_gr(tmp_path, pictures)


@pytest.mark.parametrize("images", ["Padchest_GR_files", "Padchest_GR_files/PadChest_GR", "."])
def test_each_study_is_a_record_wherever_its_image_was_unpacked(tmp_path, pictures, images):
    root = padchest_gr(tmp_path, pictures, images=images)
    reading = READER.read(root)
    assert not reading.problems
    assert len(reading.records) == 3
    assert all((root / record.image).is_file() for record in reading.records)


def test_sentences_are_in_two_languages_with_their_boxes_and_progression(root):
    effusion, scoliosis, negative = records(root)["s1_a.png"].sentences
    assert effusion.text == {
        "en": "Right pleural effusion, improved.",
        "es": "Derrame pleural derecho, mejorado.",
    }
    assert effusion.regions == (
        Region("Effusion", 0.125, 0.5, 0.375, 0.875),
        Region("Effusion", 0.5, 0.5, 0.625, 0.75),
    )
    assert (effusion.abnormal, effusion.progression) == (True, "improved")
    assert scoliosis.regions == (Region("scoliosis", 0.25, 0, 0.5, 1),)
    assert (negative.abnormal, negative.regions, negative.progression) == (False, (), "")


def test_every_label_and_place_of_a_sentence_is_kept_and_survives_parquet(root, tmp_path):
    def name(studies):
        finding = studies[0]["findings"][0]
        finding["labels"] = ["pleural effusion", "laminar atelectasis", "costophrenic angle blunting"]
        finding["locations"] = ["right", "basal"]

    change(root, name)
    write(tmp_path / "table.parquet", READER.read(root).records)
    record = {one.image.rsplit("/", 1)[-1]: one for one in read(tmp_path / "table.parquet")}["s1_a.png"]
    sentence, _, negative = record.sentences
    assert sentence.labels == ("pleural effusion", "laminar atelectasis", "costophrenic angle blunting")
    assert sentence.locations == ("right", "basal")
    assert (negative.labels, negative.locations) == ((), ())
    assert [region.name for region in sentence.regions] == [
        "Effusion",
        "Atelectasis",
        "costophrenic angle blunting",
    ] * 2
    assert sentence.regions[0] == replace(sentence.regions[1], name="Effusion")
    assert record.boxes == (*sentence.regions, *record.sentences[1].regions)


def test_a_name_that_says_two_labels_gives_a_box_of_each(root):
    change(root, lambda studies: studies[0]["findings"][0].update(labels=["hydropneumothorax"]))
    names = {region.name for region in records(root)["s1_a.png"].sentences[0].regions}
    assert names == {"Effusion", "Pneumothorax"}


def test_boxes_of_all_sentences_are_the_image_s_and_extra_ones_stay_aside(root):
    record = records(root)["s1_a.png"]
    assert [box.name for box in record.boxes] == ["Effusion", "Effusion", "scoliosis"]
    assert json.loads(record.attributes["extra_boxes"]) == {"0": [[0.1, 0.5, 0.4, 0.9]]}
    assert record.attributes["PreviousImageID"] == "s0_a.png"


def test_labels_of_abnormal_sentences_are_present_and_the_others_absent(root):
    labels = records(root)["s1_a.png"].labels
    assert labels == {label: State(label == "Effusion") for label in READER.labels}


def test_a_report_without_an_abnormal_sentence_is_no_finding(root):
    labels = records(root)["s2_a.png"].labels
    assert labels == {label: State(label == "No_Finding") for label in READER.labels}


def test_what_a_sentence_denies_is_not_present_though_it_is_named(root):
    change(root, lambda studies: studies[0]["findings"][2].update(labels=["pneumothorax"], boxes=[]))
    assert records(root)["s1_a.png"].labels["Pneumothorax"] is State.ABSENT


def test_an_abnormal_sentence_without_boxes_is_a_label_all_the_same(root):
    record = records(root)["s3_a.png"]
    assert record.labels["Support_Devices"] is State.PRESENT
    assert not record.boxes


def test_the_table_gives_split_sex_and_age(root):
    found = records(root)
    assert [record.split for record in found.values()] == [Split.TRAIN, Split.VALIDATION, Split.TEST]
    assert [(record.sex, record.age_years) for record in found.values()] == [("F", 61), ("M", 69), ("F", 90)]


def test_a_patient_of_padchest_is_the_same_patient_here(root, tmp_path, pictures):
    here = records(root)["s1_a.png"]
    there = READERS["padchest"].read(padchest(tmp_path / "padchest", pictures)).records[0]
    assert (here.patient, here.study) == (there.patient, there.study) == ("padchest:p1", "padchest:p1/s1")


@pytest.mark.parametrize("box", [[0.5, 0.5, 0.4, 0.9], [1.1, 0.1, 1.2, 0.2], [0.1, 0.2, 0.3], ["a", 0, 1, 1]])
def test_a_box_that_is_none_is_said_and_its_sentence_stays(root, box):
    change(root, lambda studies: studies[0]["findings"][1]["boxes"].append(box))
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == [f"{REPORTS}, s1_a.png"]
    assert "a box of 'Scoliosis.' is left out" in reading.problems[0].reason
    assert len(reading.records[0].sentences[1].regions) == 1


def test_the_earlier_images_are_no_images_of_the_data_set(root):
    change(root, lambda studies: studies[2].update(ImageID="s0_a.png"))
    assert [problem.where for problem in READER.read(root).problems] == [f"{REPORTS}, s0_a.png"]
    table = root / "master_table.csv"
    table.write_text(table.read_text().replace("s3_a.png", "s0_a.png"))
    assert [problem.where for problem in READER.read(root).problems] == ["s0_a.png"]


def test_an_image_that_is_not_there_is_named(root):
    (root / records(root)["s2_a.png"].image).unlink()
    reading = READER.read(root)
    assert [(problem.where, problem.reason) for problem in reading.problems] == [
        ("s2_a.png", "the image is not there")
    ]


def test_a_packed_table_says_to_unpack_it(root):
    (root / "master_table.csv").rename(root / "master_table.csv.zip")
    with pytest.raises(DatasetError, match="is packed: unpack it"):
        READER.read(root)


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '[{"StudyID": "s1"}]', "[1]", '[{"StudyID": "s1", "ImageID": "s1_a.png", "findings": null}]'],
)
def test_reports_of_another_form_are_refused(root, text):
    (root / REPORTS).write_text(text)
    with pytest.raises(DatasetError, match=r"grounded_reports_20240819\.json is no"):
        READER.read(root)
