"""The conformance statement's tables are what the code negotiates."""

from gateway import conformance
from gateway.dimse.contexts import offered


def test_the_tables_are_up_to_date():
    assert conformance.page(conformance.PAGE.read_text()) == conformance.PAGE.read_text(), "run `make docs`"


def test_every_sop_class_that_is_offered_is_in_it():
    text = conformance.PAGE.read_text()
    for context in offered():
        assert f"| {context.abstract_syntax} | SCP |" in text
