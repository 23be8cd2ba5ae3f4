"""What data sets call the labels: names that are exact, and lead to labels that exist."""

import pytest

from shared.labels import CHESTXRAY14, CHEXPERT14, LABELS, NO_FINDING, XRV18
from training.datasets.label_names import EITHER, NAMES, label_for, labels_for


@pytest.mark.parametrize("dataset", NAMES)
def test_every_name_of_a_data_set_leads_to_labels_that_exist(dataset: str) -> None:
    for name, ids in NAMES[dataset].items():
        assert set(ids) <= set(LABELS), name
        assert name == name.strip()
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("dataset", "ids"),
    [
        ("nih", (*CHESTXRAY14, NO_FINDING)),
        ("torchxrayvision", XRV18),
        ("chexpert", CHEXPERT14),
        ("chexpert-plus", CHEXPERT14),
        ("mimic-cxr", CHEXPERT14),
        ("brax", CHEXPERT14),
        ("chexlocalize", CHEXPERT14),
    ],
)
def test_a_data_set_names_all_its_labels(dataset: str, ids: tuple[str, ...]) -> None:
    assert {label for names in NAMES[dataset].values() for label in names} == set(ids)


def test_vindr_cxr_has_its_28_names_and_one_of_them_in_two_spellings() -> None:
    assert len(NAMES["vindr-cxr"]) == 28 + 1
    assert {"Other disease", "Other diseases"} <= NAMES["vindr-cxr"].keys()


@pytest.mark.parametrize(
    ("dataset", "name", "label"),
    [
        ("nih", "Pleural_Thickening", "Pleural_Thickening"),
        ("nih", "Infiltrate", "Infiltration"),
        ("nih", "No Finding", NO_FINDING),
        ("chexpert", "Pleural Effusion", "Effusion"),
        ("mimic-cxr", "Enlarged Cardiomediastinum", "Enlarged_Cardiomediastinum"),
        ("torchxrayvision", "Lung Lesion", "Lung_Lesion"),
        ("padchest", "laminar atelectasis", "Atelectasis"),
        ("padchest", "multiple nodules", "Nodule"),
        ("padchest", "normal", NO_FINDING),
        ("vindr-cxr", "Pulmonary fibrosis", "Fibrosis"),
        ("vindr-cxr", "Nodule/Mass", "Lung_Lesion"),
        ("open-i", "Hernia, Hiatal", "Hernia"),
        ("open-i", "Thickening/pleura", "Pleural_Thickening"),
        ("midrc-ricord", "Typical Appearance", "COVID-19"),
        ("candid-ptx", "chest tube", "Support_Devices"),
    ],
)
def test_a_data_sets_own_name_finds_its_label(dataset: str, name: str, label: str) -> None:
    assert label_for(dataset, name) == label
    assert labels_for(dataset, name) == (label,)


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("padchest", "pseudonodule"),
        ("padchest", "mass"),
        ("padchest", "breast mass"),
        ("padchest", "subcutaneous emphysema"),
        ("padchest", "tuberculosis sequelae"),
        ("padchest", "Nodule"),
        ("padchest", " nodule"),
        ("padchest", ""),
        ("nih", "Mass|Nodule"),
        ("nih", "pneumonia"),
        ("open-i", "Thickening"),
        ("open-i", "Subcutaneous Emphysema"),
        ("vindr-cxr", "ILD"),
        ("midrc-ricord", "Negative for Pneumonia"),
    ],
)
def test_a_name_that_only_resembles_a_label_finds_none(dataset: str, name: str) -> None:
    assert label_for(dataset, name) is None
    assert labels_for(dataset, name) == ()


def test_a_name_that_says_two_labels_gives_both_and_never_one_of_them() -> None:
    assert label_for("padchest", "hydropneumothorax") is None
    assert set(labels_for("padchest", "hydropneumothorax")) == {"Effusion", "Pneumothorax"}


def test_a_name_that_leaves_a_choice_is_known_with_its_choices() -> None:
    for dataset, names in EITHER.items():
        for name, choices in names.items():
            assert name in NAMES[dataset]
            assert len(choices) > 1
            assert set(choices) <= set(LABELS)
            assert not set(choices) & set(labels_for(dataset, name))


def test_a_data_set_that_nobody_described_is_an_error_and_not_an_empty_answer() -> None:
    with pytest.raises(KeyError):
        label_for("nhi", "Mass")


def test_the_tables_cannot_be_changed_by_their_users() -> None:
    for table in (NAMES, EITHER, *NAMES.values()):
        assert not hasattr(table, "__setitem__")
