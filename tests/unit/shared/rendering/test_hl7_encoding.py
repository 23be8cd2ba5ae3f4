"""HL7 v2 as characters."""

import re
from datetime import UTC, datetime, timedelta, timezone

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rendering.hl7_encoding import (
    SEPARATORS,
    components,
    escaped,
    message,
    moment,
    segment,
    subcomponents,
)

NASTY = st.text(
    st.one_of(st.sampled_from("|^~\\&\r\n.EFRSTXH0Dbr \x0b\x1c\x85\u2028山é"), st.characters(codec="utf-8"))
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b^c~d&e", r"a\F\b\S\c\R\d\T\e"),
        (r"a\F\b", r"a\E\F\E\b"),
        ("\\\\", r"\E\\E\\"[:-1]),
        ("Yamada=山田", "Yamada=山田"),
        ("a\rb\nc\x0bd\x1ce\x85f", "a b c d e f"),
        ("\ud800a", "a"),
        ("  ", ""),
        (None, ""),
    ],
)
def test_a_text_cannot_be_taken_for_a_separator(text: str | None, written: str):
    assert escaped(text) == written


def test_parts_that_are_empty_at_the_end_are_left_out():
    assert components("a", None, "c", None, "") == "a^^c"
    assert components(None, None) == ""
    assert components("^", None) == r"\S\\"[:-1]
    assert subcomponents(None, "Roe & Poe") == r"&Roe \T\ Poe"


def test_fields_stand_at_their_numbers():
    assert segment("ORC", {1: "RE", 3: "A-1"}) == "ORC|RE||A-1"
    assert segment("MSH", {2: "^~\\&", 4: "HERE"}) == "MSH|^~\\&||HERE"
    assert message(["ORC|RE", "OBR|1|é"]) == b"ORC|RE\rOBR|1|\xc3\xa9\r"


def test_a_moment_has_its_offset():
    assert moment(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)) == "20260102030405+0000"
    east = timezone(timedelta(hours=9))
    assert moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=east)) == "20260102030405+0900"


@given(NASTY, NASTY)
def test_another_parser_reads_what_was_written(first: str, second: str):
    head = segment("MSH", {2: SEPARATORS, 9: "ORU^R01", 12: "2.5.1"})
    line = segment("OBX", {3: components("a", first, second, "z"), 5: escaped(second), 6: "m"})
    read = hl7.parse(message([head, line]).decode())
    assert [str(each(0)) for each in read] == ["MSH", "OBX"]
    (obx,) = read.segments("OBX")
    plain = [re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).strip() for text in (first, second)]
    assert [read.unescape(str(obx(3)(1)(part))) for part in (2, 3)] == plain
    assert read.unescape(str(obx(5))) == plain[1]
