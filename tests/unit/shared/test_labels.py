"""The label vocabulary: ids that fit URLs and codes that are well formed."""

import re
from collections import Counter
from urllib.parse import quote

import pytest

from shared.domain.reports import Language
from shared.labels import (
    CHESTXRAY14,
    CHEXPERT14,
    LABELS,
    NO_FINDING,
    XRV18,
    Label,
    display_name,
    name_of,
)

_CODED_SNOMED = [label for label in LABELS.values() if label.snomed_ct is not None]
_CODED_RADLEX = [label for label in LABELS.values() if label.radlex is not None]

_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _dihedral(left: int, right: int) -> int:
    """Multiply in the dihedral group of order 10: 0-4 are rotations, 5-9 are reflections."""
    turn = left % 5 + (right % 5 if left < 5 else -(right % 5))
    return turn % 5 + (5 if (left < 5) != (right < 5) else 0)


def _verhoeff(digits: str) -> int:
    """Return Verhoeff's checksum of a number with its check digit: 0 when it is right."""
    checksum = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character)
        for _ in range(place % 8):
            digit = _PERMUTATION[digit]
        checksum = _dihedral(checksum, digit)
    return checksum


@pytest.mark.parametrize(
    ("digits", "right"),
    [
        ("2363", True),
        ("123451", True),
        ("1428570", True),
        ("2364", False),
        ("2633", False),
        ("132451", False),
    ],
)
def test_the_checksum_of_this_test_knows_right_numbers_from_wrong_ones(digits: str, *, right: bool) -> None:
    assert (_verhoeff(digits) == 0) is right


@pytest.mark.parametrize("label", LABELS.values(), ids=lambda label: label.id)
def test_an_id_needs_no_quoting_in_a_url_and_is_the_key_of_its_label(label: Label) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", label.id)
    assert quote(label.id, safe="") == label.id
    assert LABELS[label.id] is label


def test_ids_differ_even_where_case_and_punctuation_are_lost() -> None:
    folded = Counter(re.sub(r"[^a-z0-9]", "", label.casefold()) for label in LABELS)

    assert set(folded.values()) == {1}


def test_the_vocabulary_is_the_three_sets_two_diseases_and_foreign_objects() -> None:
    assert set(LABELS) == {
        *(*CHESTXRAY14, *CHEXPERT14, *XRV18),
        *("COVID-19", "Tuberculosis", "Foreign_Object"),
    }


@pytest.mark.parametrize(("ids", "count"), [(CHESTXRAY14, 14), (CHEXPERT14, 14), (XRV18, 18)])
def test_a_set_has_its_published_number_of_labels(ids: tuple[str, ...], count: int) -> None:
    assert len(ids) == len(set(ids)) == count


def test_the_published_order_is_kept() -> None:
    assert CHESTXRAY14[:4] == ("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration")
    assert CHEXPERT14[:4] == (NO_FINDING, "Enlarged_Cardiomediastinum", "Cardiomegaly", "Lung_Opacity")
    assert XRV18[:4] == ("Atelectasis", "Consolidation", "Infiltration", "Pneumothorax")
    assert XRV18[14:] == ("Lung_Lesion", "Fracture", "Lung_Opacity", "Enlarged_Cardiomediastinum")


def test_no_model_of_the_sets_without_a_normal_class_predicts_no_finding() -> None:
    assert NO_FINDING in CHEXPERT14
    assert NO_FINDING not in CHESTXRAY14
    assert NO_FINDING not in XRV18


@pytest.mark.parametrize("language", Language)
def test_every_label_has_a_name_of_its_own_in_every_language(language: Language) -> None:
    names = [display_name(label, language) for label in LABELS]

    assert all(name and name == name.strip() and "_" not in name for name in names)
    assert len(set(names)) == len(LABELS)


def test_the_languages_are_not_mixed_up() -> None:
    assert display_name("Effusion", Language.ENGLISH) == "Pleural effusion"
    assert display_name("Effusion", Language.SPANISH) == "Derrame pleural"
    same = {label.id for label in LABELS.values() if label.name_en == label.name_es}
    assert same == {"COVID-19"}


@pytest.mark.parametrize("label", _CODED_SNOMED, ids=lambda label: label.id)
def test_a_snomed_ct_id_is_a_concept_with_a_right_check_digit(label: Label) -> None:
    assert label.snomed_ct is not None
    code, display = label.snomed_ct
    assert re.fullmatch(r"[1-9][0-9]{5,17}", code)
    assert code[-3:-1] in {"00", "10"}  # the partition of concepts, in the core or in an extension
    assert _verhoeff(code) == 0
    assert display


@pytest.mark.parametrize("label", _CODED_RADLEX, ids=lambda label: label.id)
def test_a_radlex_code_is_a_rid(label: Label) -> None:
    assert label.radlex is not None
    assert re.fullmatch(r"RID[1-9][0-9]*", label.radlex.code)
    assert label.radlex.display


def test_no_code_stands_for_two_labels() -> None:
    codes = Counter(
        code.code for label in LABELS.values() for code in (label.snomed_ct, label.radlex) if code is not None
    )

    assert codes
    assert set(codes.values()) == {1}


def test_catch_all_labels_have_no_code() -> None:
    for label in (NO_FINDING, "Pleural_Other", "Support_Devices"):
        assert LABELS[label].snomed_ct is None
        assert LABELS[label].radlex is None


def test_the_vocabulary_cannot_be_changed_by_its_users() -> None:
    assert not hasattr(LABELS, "__setitem__")


def test_a_label_of_a_model_s_own_stands_for_itself() -> None:
    assert name_of("Effusion", Language.ENGLISH) == "Pleural effusion"
    assert name_of("Something new", Language.SPANISH) == "Something new"
