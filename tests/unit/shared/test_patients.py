"""Which files contradict each other, which belong together, and what is known of a study's patient."""

from dataclasses import replace
from datetime import date, time
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
from shared.dicom.patients import differing, groups_of, order_of_study, same
from shared.domain.orders import Order
from tests.support.dicoms import a_dicom

NOBODY = Order()
ONE = Order(
    patient_id="CASE-1",
    patient_id_issuer="HERE",
    patient_birth_date=date(1980, 2, 2),
    patient_sex="F",
    patient_age_years=45.0,
    study_instance_uid="2.25.1",
    study_date=date(2026, 1, 5),
)

identities = st.lists(
    st.builds(
        Order,
        patient_id=st.sampled_from([None, "A", "a ", "B"]),
        patient_id_issuer=st.sampled_from([None, "X", "Y"]),
        patient_sex=st.sampled_from([None, "F", "M"]),
        study_instance_uid=st.sampled_from([None, "1.2", "1.3", "1.4"]),
    ),
    max_size=8,
)


@given(identities)
def test_each_file_is_in_one_group_and_no_group_contradicts_itself(files: list[Order]):
    groups = groups_of(files)
    assert sorted(position for group in groups for position in group) == list(range(len(files)))
    assert all(differing([files[position] for position in group]) == [] for group in groups)
    assert (len(groups) > 1) == bool(differing(files))


@given(identities)
def test_a_file_sent_twice_goes_with_itself_or_stays_alone(files: list[Order]):
    group_of = {position: group for group in groups_of([*files, *files]) for position in group}
    for position in range(len(files)):
        group, twin_s = group_of[position], group_of[position + len(files)]
        assert group == twin_s or len(group) == len(twin_s) == 1


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        ([Order(patient_id="A"), Order(patient_id="B"), Order(patient_id="A")], [[0, 2], [1]]),
        # One that says less goes with the only one that it fits,
        (
            [
                Order(patient_id="A", study_instance_uid="1"),
                Order(study_instance_uid="2"),
                Order(patient_id="B", study_instance_uid="2"),
                Order(patient_id="A"),
            ],
            [[0, 3], [1, 2]],
        ),
        # and alone where it fits two, or says nothing.
        (
            [
                Order(patient_id="A", study_instance_uid="1"),
                Order(patient_id="A", study_instance_uid="2"),
                Order(patient_id="A"),
            ],
            [[0], [1], [2]],
        ),
        ([Order(patient_id="A"), NOBODY, Order(patient_id="B"), NOBODY], [[0], [1], [2], [3]]),
        ([NOBODY, NOBODY, Order(patient_id="A")], [[0, 1, 2]]),
    ],
)
def test_nobody_is_given_another_s_picture_by_a_guess(files: list[Order], groups: list[list[int]]):
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
    files = [NOBODY, Order(patient_id="CASE-1", study_instance_uid="2.25.1", institution="North"), ONE]
    assert order_of_study(files) == replace(ONE, institution="North")
    assert order_of_study([replace(ONE, institution="First"), files[1]]).institution == "First"
    assert order_of_study(files, typed=Order(patient_id="case-1")).patient_id == "case-1"
    typed = Order(patient_id="TYPED", patient_name="DOE^JANE", indication="cough")
    assert order_of_study([], typed=typed) == typed


def test_of_two_patients_only_what_both_say_is_known():
    other = replace(ONE, patient_id="CASE-2", patient_age_years=44.0, study_instance_uid="2.25.2")
    other = replace(other, study_date=date(2025, 1, 5))
    agreed = Order(patient_birth_date=date(1980, 2, 2), patient_sex="F")
    assert order_of_study([ONE, other]) == agreed
    typed = Order(patient_id="CASE-9", patient_age_years=46.0)
    assert order_of_study([ONE, other], typed=typed) == replace(
        agreed, patient_id="CASE-9", patient_age_years=46.0
    )
    elsewhere = Order(patient_id="CASE-1", patient_id_issuer="ELSEWHERE")
    assert order_of_study([ONE, elsewhere]).patient_id is None


def test_an_id_that_was_typed_is_not_given_the_issuer_of_another():
    assert order_of_study([ONE], typed=Order(patient_id="case-1")).patient_id_issuer == "HERE"
    assert order_of_study([ONE], typed=Order(patient_id="CASE-9")).patient_id_issuer is None
    typed = Order(patient_id="CASE-9", patient_id_issuer="THERE")
    assert order_of_study([ONE], typed=typed).patient_id_issuer == "THERE"


def read(content: bytes) -> Order:
    return check_header(BytesIO(content), name="a.dcm", max_pixels=10**6).order


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
        PatientName="Müller^Jörg^^Dr.=Ю^Я",
        AccessionNumber="A-1 ",
        ReferringPhysicianName="Weiß^Eva",
        StudyDate="20260105",
        StudyTime="140509.25",
        BodyPartExamined="CHEST",
        Laterality="R",
        InstitutionName="Klinik Süd",
    )
    assert read(file) == Order(
        accession_number="A-1",
        patient_id="Größe-7",
        patient_id_issuer="Klinik Süd",
        patient_name="Müller^Jörg^^Dr.=Ю^Я",
        patient_birth_date=date(1980, 2, 2),
        patient_sex="F",
        patient_age_years=0.5,
        referring_physician="Weiß^Eva",
        study_instance_uid="2.25.2",
        study_date=date(2026, 1, 5),
        study_time=time(14, 5, 9),
        body_part="CHEST",
        laterality="R",
        institution="Klinik Süd",
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
    assert ids == ["\ufffdC41", "\ufffdD61"]


@pytest.mark.parametrize("day", ["20261305", "2026015", "00000000", "26-01-05", "today"])
def test_a_date_that_is_none_says_nothing(day: str):
    file = a_dicom(StudyDate="20260105").replace(b"20260105", day.encode().ljust(8))
    assert read(file).study_date is None


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_a_date_as_old_files_write_it_is_read():
    assert read(a_dicom(StudyDate="1999.02.03")).study_date == date(1999, 2, 3)


@pytest.mark.filterwarnings("ignore:Invalid value for VR TM")
@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("14", time(14)),
        ("1405", time(14, 5)),
        ("140509.123456", time(14, 5, 9)),
        ("14:05:09", time(14, 5, 9)),
        ("", None),
        ("2505", None),
        ("noon", None),
        ("140509-1500", None),
    ],
)
def test_a_time_is_read_as_far_as_it_is_written(written: str, read_as: time | None):
    assert read(a_dicom(StudyTime=written)).study_time == read_as


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (["", "ISO 2022 IR 87"], "山田^太郎"),
        ("ISO_IR 144", "Иванов^Иван"),
        ("ISO_IR 100", "Müller^Zoë"),
    ],
)
def test_a_name_is_decoded_by_the_file_s_character_set(character_set: str | list[str], name: str):
    assert read(a_dicom(SpecificCharacterSet=character_set, PatientName=name)).patient_name == name
