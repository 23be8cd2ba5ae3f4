"""The command offers every format that the server has, and names files as it does."""

from typing import get_args

from api.documents import FORMS
from cxr.report_formats import KINDS, ReportFormat

# The lines of an HL7 message end in a way of their own, which a line feed after them would spoil.
_NO_TEXT = {"application/pdf", "application/dicom", "application/hl7-v2"}


def test_the_command_and_the_server_have_the_same_formats():
    theirs = {name: (form.media_type, form.extension) for name, form in FORMS.items()}
    assert {name: (kind.media_type, kind.extension) for name, kind in KINDS.items()} == theirs
    assert set(get_args(ReportFormat)) == set(KINDS)
    assert all(kind.is_text == (kind.media_type not in _NO_TEXT) for kind in KINDS.values())
