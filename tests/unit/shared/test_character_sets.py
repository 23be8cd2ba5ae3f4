"""A name in any character set goes from a file's bytes into every format of its report, or shows damage."""

import json
import re
from dataclasses import replace
from io import BytesIO

import hl7
import pydicom
import pytest

from shared.dicom.checks import check_header
from shared.rendering.document import ReportDocument
from shared.rendering.formats import FORMATS
from shared.rendering.names import groups_of, in_words
from tests.support.dicom_documents import DOCUMENT
from tests.support.dicoms import a_dicom
from tests.support.names import DAMAGED, EVERY, Written, named
from tests.support.page_modules import run_module

_SOME = ("Arabic", "Japanese", "Korean", "GBK with a backslash in a letter", "Latin-1 and none declared")
FILE = a_dicom(SpecificCharacterSet="ISO_IR 100", PatientName="Doe^Jane", PatientID="P-1")


def read(written: Written) -> str | None:
    return check_header(BytesIO(named(FILE, written)), name="a.dcm", max_pixels=10**6).order.patient_name


@pytest.mark.parametrize("kind", EVERY)
def test_a_name_is_read_as_it_was_written_or_shows_its_damage(kind: str):
    assert read(EVERY[kind]) == EVERY[kind].read


def test_what_is_damaged_says_so_and_nothing_else_does():
    assert all("\ufffd" in written.read for written in DAMAGED.values())
    assert not any("\ufffd" in written.read for kind, written in EVERY.items() if kind not in DAMAGED)


def test_two_damaged_ids_stay_two():
    def the_id(letter: bytes) -> str | None:
        content = FILE.replace(b"LO\x04\0P-1 ", b"LO\x04\0P-1" + letter)
        return check_header(BytesIO(content), name="a.dcm", max_pixels=10**6).order.patient_id

    assert len({the_id(bytes([letter])) for letter in range(0x80, 0xFF)}) == 0x7F  # it says ISO_IR 100


def the_document(written: Written) -> ReportDocument:
    return replace(DOCUMENT, order=replace(DOCUMENT.order, patient_name=read(written)))


def the_parts(name: str, groups: int = 3) -> list[str]:
    return [part for group in groups_of(name)[:groups] for part in group if part]


def test_the_page_shows_it_in_letters_and_ideograms():
    names = [written.read for written in EVERY.values()]
    words = run_module("format.js", "return given.map(module.personName)", names)
    assert words == [in_words(name) for name in names]


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("form", ["text", "html"])
def test_readers_of_text_see_it_in_letters_and_ideograms(kind: str, form: str):
    shown = FORMATS[form].render(the_document(EVERY[kind])).decode()
    shown = re.sub(r"\s+", " ", shown)
    assert all(part in shown for part in the_parts(EVERY[kind].read, groups=2))


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        *[("basic-sr", kind) for kind in EVERY],
        *[(form, kind) for form in ("dicom-sr", "dicom-sc", "dicom-pdf", "gsps") for kind in _SOME],
    ],
)
def test_dicom_objects_hold_it_whole(form: str, kind: str):
    made = pydicom.dcmread(BytesIO(FORMATS[form].render(the_document(EVERY[kind]))))
    assert made.SpecificCharacterSet == "ISO_IR 192"
    assert str(made.PatientName) == EVERY[kind].read.rstrip("=")


@pytest.mark.parametrize("kind", EVERY)
def test_fhir_holds_each_group_by_its_kind(kind: str):
    bundle = json.loads(FORMATS["fhir"].render(the_document(EVERY[kind])))
    (patient,) = [
        entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Patient"
    ]
    said = [[name.get("family"), *name.get("given", [])] for name in patient["name"]]
    groups = [group for group in groups_of(EVERY[kind].read) if any(group)]
    assert [[part for part in name if part] for name in said] == [[*filter(None, group)] for group in groups]


@pytest.mark.parametrize("kind", _SOME)
def test_hl7_holds_each_group_by_its_kind(kind: str):
    message = hl7.parse(FORMATS["hl7"].render(the_document(EVERY[kind])).decode())
    assert str(message.segment("MSH")(18)) == "UNICODE UTF-8"
    said = [
        [message.unescape(part) for part in name.split("^")[:2] if part]
        for name in str(message.segment("PID")(5)).split("~")
    ]
    groups = [group for group in groups_of(EVERY[kind].read) if any(group)]
    assert said == [[*filter(None, group[:2])] for group in groups]
