"""Which files contradict each other, which belong together, and what is known of a study's patient."""

from datetime import date
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from shared.dicom.checks import check_header
from shared.dicom.patients import NOBODY, Identity, Patient, differing, groups_of, patient_of, same
from tests.support.dicoms import a_dicom

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


def read(content: bytes) -> Identity:
    return check_header(BytesIO(content), name="a.dcm", max_pixels=10**6).identity


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
    ],
)
def test_a_file_of_any_encoding_says_whose_it_is(syntax: UID):
    file = a_dicom(
        transfer_syntax=syntax,
        SpecificCharacterSet="ISO_IR 192",
        PatientID="Größe-7 ",
        IssuerOfPatientID="Klinik Süd",
        PatientBirthDate="19800202",
        PatientSex="F",
        PatientAge="006M",
        StudyDate="20260105",
    )
    assert read(file) == Identity(
        "Größe-7", "Klinik Süd", date(1980, 2, 2), "F", 0.5, "2.25.2", date(2026, 1, 5)
    )


@pytest.mark.parametrize("named", [b"ISO_IR 192", b"ISO_IR 999", b"undefined ", b"idna      "])
def test_ids_in_another_character_set_than_the_file_names_are_still_told_apart(named: bytes):
    ids = [
        read(
            a_dicom(PatientID="X1", SpecificCharacterSet="ISO_IR 192")
            .replace(b"ISO_IR 192", named)
            .replace(b"X1", letter + b"1")
        ).patient_id
        for letter in (b"\xc4", b"\xd6")
    ]
    assert ids == ["Ä1", "Ö1"]


@pytest.mark.parametrize("day", ["20261305", "2026015", "00000000", "26-01-05", "today"])
def test_a_date_that_is_none_says_nothing(day: str):
    file = a_dicom(StudyDate="20260105").replace(b"20260105", day.encode().ljust(8))
    assert read(file).study_date is None


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_a_date_as_old_files_write_it_is_read():
    assert read(a_dicom(StudyDate="1999.02.03")).study_date == date(1999, 2, 3)
