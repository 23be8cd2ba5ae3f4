"""Cursors come back as they went, and nothing else is taken for one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.paging import cursor_after, position_of
from api.problems import ProblemError


@given(st.uuids())
def test_a_cursor_leads_back_to_its_item(last: UUID):
    assert position_of(cursor_after(last)) == last


def test_without_a_cursor_the_list_starts_at_its_beginning():
    assert position_of(None) is None


@given(st.text(max_size=60))
def test_any_other_text_is_refused_as_a_bad_cursor(text: str):
    with pytest.raises(ProblemError) as refused:
        position_of(text)
    assert refused.value.code == "bad-cursor"


@pytest.mark.parametrize("cursor", ["", "=", "MQ", "Zm9vYmFyZm9vYmFyZm9vYmE", "ä"])
def test_near_misses_are_refused_too(cursor: str):
    with pytest.raises(ProblemError):
        position_of(cursor)
