"""Which files contradict each other, which belong together, and what is known of a study's patient."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.patients import NOBODY, Identity, Patient, differing, groups_of, patient_of, same

ONE = Identity("CASE-1", "HERE", date(1980, 2, 2), "F", 45.0, "2.25.1", date(2026, 1, 5))

identities = st.lists(
    st.builds(
        Identity,
        patient_id=st.sampled_from([None, "A", "a ", "B"]),
        issuer=st.sampled_from([None, "X", "Y"]),
        sex=st.sampled_from([None, "F", "M"]),
        study_uid=st.sampled_from([None, "1.2", "1.3", "1.4"]),
    ),
    max_size=8,
)


@given(identities)
def test_each_file_is_in_one_group_and_no_group_contradicts_itself(files: list[Identity]):
    groups = groups_of(files)
    assert sorted(position for group in groups for position in group) == list(range(len(files)))
    assert all(differing([files[position] for position in group]) == [] for group in groups)
    assert (len(groups) > 1) == bool(differing(files))


@given(identities)
def test_a_file_sent_twice_goes_with_itself_or_stays_alone(files: list[Identity]):
    group_of = {position: group for group in groups_of([*files, *files]) for position in group}
    for position in range(len(files)):
        group, twin_s = group_of[position], group_of[position + len(files)]
        assert group == twin_s or len(group) == len(twin_s) == 1


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        ([Identity("A"), Identity("B"), Identity("A")], [[0, 2], [1]]),
        # One that says less goes with the only one that it fits,
        (
            [
                Identity("A", study_uid="1"),
                Identity(study_uid="2"),
                Identity("B", study_uid="2"),
                Identity("A"),
            ],
            [[0, 3], [1, 2]],
        ),
        # and alone where it fits two, or says nothing.
        ([Identity("A", study_uid="1"), Identity("A", study_uid="2"), Identity("A")], [[0], [1], [2]]),
        ([Identity("A"), NOBODY, Identity("B"), NOBODY], [[0], [1], [2], [3]]),
        ([NOBODY, NOBODY, Identity("A")], [[0, 1, 2]]),
    ],
)
def test_nobody_is_given_another_s_picture_by_a_guess(files: list[Identity], groups: list[list[int]]):
    assert groups_of(files) == groups


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("CASE-1", "case-1", True),
        (" CASE-1", "CASE-1  ", True),
        ("ＣＡＳＥ-1", "CASE-1", True),  # noqa: RUF001  the wide letters of a Japanese system
        ("CASE-1\0", "CASE-1", True),
        ("CASE-1", "CASE-10", False),
        ("001", "1", False),
        ("CASE 1", "CASE1", False),
    ],
)
def test_an_id_is_the_same_however_it_is_written(one: str, other: str, is_same: bool):  # noqa: FBT001
    assert same(one, other) is is_same


def test_of_one_patient_whatever_a_file_says_is_known():
    files = [NOBODY, Identity("CASE-1", study_uid="2.25.1"), ONE]
    assert patient_of(files, typed_id=None) == (Patient("CASE-1", "F", 45.0), date(2026, 1, 5))
    assert patient_of(files, typed_id="case-1")[0].id == "case-1"
    assert patient_of([], typed_id="TYPED") == (Patient("TYPED"), None)


def test_of_two_patients_only_what_both_say_is_known():
    other = Identity("CASE-2", "HERE", date(1980, 2, 2), "F", 44.0, "2.25.2", date(2025, 1, 5))
    assert patient_of([ONE, other], typed_id=None) == (Patient(None, "F", None), None)
    assert patient_of([ONE, other], typed_id="CASE-9")[0] == Patient("CASE-9", "F", None)
    elsewhere = Identity("CASE-1", "ELSEWHERE")
    assert patient_of([ONE, elsewhere], typed_id=None)[0].id is None
