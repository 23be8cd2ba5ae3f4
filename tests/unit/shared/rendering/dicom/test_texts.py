"""What DICOM takes as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from shared.rendering.dicom import texts


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("City  Hospital\n", "City Hospital"),
        ("a\\b", "a/b"),
        ("a\x00\x1bb\u202e", "ab"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 61 + "..."),
        ("", ""),
    ],
)
def test_a_line_holds_nothing_that_dicom_refuses(typed, written):
    assert texts.line(typed) == written


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("A-17", "A-17"),
        ("1234567890123456", "1234567890123456"),
        ("12345678901234567", None),
        ("a\\b", None),
        (" a", None),
        ("", None),
        (None, None),
    ],
)
def test_an_identifier_is_whole_or_left_out(typed, written):
    assert texts.identifier(typed, 16) == written


def test_paragraphs_keep_their_lines_and_their_backslashes():
    assert (
        texts.paragraphs("One\\two.\n\n three\tfour\x1b\u2028five\n") == "One\\two.\r\n\r\nthree four\r\nfive"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("Roe^Jane^^Dr.^", "Roe^Jane^^Dr."),
        ("a^b^c^d^e^f", "a^b^c^d^e"),
        ("a=b=c=d", "a=b=c"),
        ("=山田", "=山田"),
        ("a\\b^\x1bc", "a/b^c"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_name_has_at_most_three_groups_of_five_parts(name, written):
    assert texts.person_name(name) == written


def test_a_person_s_own_name_is_one_part():
    assert texts.name_of_person("Dr. J. Roe^=\\") == "Dr. J. Roe /^"
    assert len(texts.name_of_person("x" * 100)) == 64


@given(st.text(), st.text(max_size=70))
def test_pydicom_takes_whatever_was_typed(long, short):
    dataset = Dataset()
    dataset.SeriesDescription = texts.line(long)
    dataset.AccessionNumber = texts.line(short, texts.SHORT_STRING)
    dataset.PatientName = texts.person_name(short)
    dataset.ReferringPhysicianName = texts.name_of_person(short)
    dataset.DerivationDescription = texts.paragraphs(short)
