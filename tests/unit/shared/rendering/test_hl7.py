"""The report as an HL7 message: parsed by python-hl7, validated by hl7apy, and written with neither."""

import base64
import dataclasses
import re

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from shared.domain.orders import NO_ORDER, Order
from shared.errors import NotPossibleError
from shared.rendering import hl7 as ours
from shared.rendering import pdf
from shared.rendering.document import ReportDocument
from tests.support import documents
from tests.support.pictured import AMENDED, FINAL, PRELIMINARY, WITHDRAWN

DOCUMENTS = {
    **{name: document for name, document in documents.ALL.items() if document.order.patient_id},
    "with pictures": PRELIMINARY,
    "an id alone": dataclasses.replace(PRELIMINARY, order=Order(patient_id="P-17"), indication=None),
    "long": dataclasses.replace(PRELIMINARY, indication="Cough and fever for two weeks. " * 20),
}
IMPRESSION = "19005-8^Radiology Imaging study [Impression] (narrative)^LN"
FINDINGS = "59776-5^Procedure findings Narrative^LN"
TEXT = "18748-4^Diagnostic imaging study^LN"
ADDENDUM = "55107-7^Addendum Document^LN"


def parsed(document: ReportDocument) -> hl7.Message:
    return hl7.parse(ours.render(document).decode())


def field(read: hl7.Message, segment: str, number: int) -> str:
    return str(read.segment(segment)(number))


def lines(read: hl7.Message, what: str) -> list[str]:
    """Return the values of the observations of one kind."""
    return [read.unescape(str(each(5))) for each in read.segments("OBX") if str(each(3)) == what]


def statuses(read: hl7.Message) -> set[str]:
    return {str(each(11)) for each in read.segments("OBX")}


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_it_is_a_message_of_version_2_5_1(name: str):
    text = ours.render(DOCUMENTS[name]).decode()
    # hl7apy holds TX and the data of an ED for a string of 199 characters; both may have 65,536.
    short = re.sub(r"(\^Base64\^.{99})[A-Za-z0-9+/=]*", r"\1", text)
    short = re.sub(r"(\|TX\|[^|]*\|[^|]*\|[^|]{199})[^|]*", r"\1", short)
    read = parse_message(short, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    assert read.validate()
    assert read.name == "ORU_R01"


def test_its_head_says_what_it_is_in_which_characters():
    read = parsed(PRELIMINARY)
    assert [field(read, "MSH", number) for number in (3, 4, 9, 11, 12, 18)] == [
        "CXR Reporter",
        "Hospital Clínico",
        "ORU^R01^ORU_R01",
        "P",
        "2.5.1",
        "UNICODE UTF-8",
    ]
    ids = {field(parsed(document), "MSH", 10) for document in (PRELIMINARY, FINAL, AMENDED)}
    assert len(ids) == 3
    assert {len(control_id) for control_id in ids} == {20}
    assert ours.render(FINAL) == ours.render(FINAL)


def test_the_patient_has_every_group_of_the_name():
    read = parsed(PRELIMINARY)
    assert [field(read, "PID", number) for number in (3, 5, 7, 8)] == [
        "P-17^^^CLINIC^PI",
        "Yamada^Tarou^^^^^L^A~山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P",
        "19800506",
        "M",
    ]
    unknown = parsed(DOCUMENTS["an id alone"])
    assert [field(unknown, "PID", number) for number in (3, 5, 7, 8)] == ["P-17^^^^PI", "^^^^^^U", "", "U"]


def test_the_order_is_named_by_its_accession_number_over_all_versions():
    first, last = parsed(PRELIMINARY), parsed(AMENDED)
    for read in (first, last):
        assert [field(read, "OBR", number) for number in (3, 4, 7, 16, 18)] == [
            "A-2026-0042",
            "30745-4^XR Chest Views^LN",
            "20260101130500",
            "^Müller^Ánna^^^Dr.",
            "A-2026-0042",
        ]
        assert field(read, "ORC", 3) == field(read, "OBR", 3)
    assert field(first, "OBR", 20) == field(last, "OBR", 20)
    assert field(first, "OBR", 22) == "20260102030405+0000"


def test_a_study_without_an_order_is_named_by_its_report():
    read = parsed(DOCUMENTS["an id alone"])
    assert field(read, "OBR", 3) == field(read, "OBR", 20) == "47bfb115-7558-5f13-91e4-ad521f485f80"
    assert [field(read, "OBR", number) for number in (7, 16, 18)] == ["20260102030000+0000", "", ""]


def test_a_day_without_a_time_is_a_day():
    order = dataclasses.replace(PRELIMINARY.order, study_time=None)
    assert field(parsed(dataclasses.replace(PRELIMINARY, order=order)), "OBR", 7) == "20260101"


@pytest.mark.parametrize(
    ("document", "result", "interpreter"),
    [
        (PRELIMINARY, "P", ""),
        (documents.EDITED, "P", ""),
        (FINAL, "F", "&Dr. Ada Roe"),
        (AMENDED, "C", "&Dr. Ada Roe"),
    ],
    ids=["written", "edited", "signed", "amended"],
)
def test_the_status_says_how_far_to_rely_on_it(document: ReportDocument, result: str, interpreter: str):
    read = parsed(document)
    assert field(read, "OBR", 25) == result
    assert statuses(read) == {result, "O"}
    # Whoever added something below it has not interpreted the images.
    told = field(read, "OBR", 32) if len(read.segment("OBR")) > 32 else ""
    assert told == interpreter


def test_a_withdrawn_report_says_that_it_is_wrong_and_repeats_nothing():
    read = parsed(WITHDRAWN)
    assert field(read, "OBR", 25) == "C"
    assert statuses(read) == {"W", "O"}
    assert lines(read, TEXT)[:3] == [
        "Chest radiograph report: ENTERED IN ERROR",
        "Withdrawn. Do not use it for any decision.",
        "Withdrawn by Dr. Ada Roe, 2026-01-05 00:00 UTC: Wrong patient.",
    ]
    text = ours.render(WITHDRAWN).decode()
    assert "neumothorax" not in text
    assert "Base64" not in text


def test_the_text_is_told_line_by_line_what_must_be_known_first():
    read = parsed(AMENDED)
    assert lines(read, "113014^DICOM Study^DCM") == ["1.2.826.0.1.3680043.8.498.1"]
    told = lines(read, TEXT)
    assert told[0] == "Chest radiograph report: AMENDED"
    assert told[3].startswith("NOT A MEDICAL DEVICE.")
    assert told[4:7] == [
        "Warnings: The study was read again after this report was signed: version 5 is newer.",
        "Warnings: a.dcm: seems mirrored.",
        "Critical findings of the classifier: Pneumothorax at the right apex (0.93)",
    ]
    assert "Signed by Dr. Ada Roe, 2026-01-03 09:00 UTC." in told
    assert lines(read, "11329-0^History general Narrative - Reported^LN") == [
        "Indication (as given by the sender): “Cough & fever | <2 weeks>”"
    ]
    assert lines(read, FINDINGS) == [
        "Lungs: Consolidation is seen in the right lower zone.",
        "Heart: The aorta is wide. No mass.",
    ]
    assert lines(parsed(dataclasses.replace(AMENDED, attestations=())), FINDINGS)[1] == (
        "Heart: [NOT CHECKED: The aorta is wide.] [CONTRADICTS THE FINDINGS: No mass.]"
    )
    assert len(lines(read, IMPRESSION)) == 2
    assert lines(read, ADDENDUM) == [
        "Compared with the CT.",
        "The mass is known.",
        "Dr. Bo Lind, 2026-01-04 00:00 UTC",
    ]
    named = [(str(each(3)), str(each(4))) for each in read.segments("OBX")]
    assert len(set(named)) == len(named)
    numbers = [str(each(1)) for each in read.segments("OBX")]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


def test_without_an_indication_no_history_is_told():
    read = parsed(dataclasses.replace(PRELIMINARY, indication=None))
    assert lines(read, "11329-0^History general Narrative - Reported^LN") == []


def test_a_finding_has_its_codes_its_flag_and_how_sure_it_is():
    coded = {
        str(each(3)(1)(1)): [str(each(number)) for number in (3, 5, 8, 9, 18)]
        for each in parsed(PRELIMINARY).segments("OBX")
        if str(each(2)) == "CWE"
    }
    device = "bundled 1.0^CXR Reporter"
    assert coded == {
        "36118008": [
            "36118008^Pneumothorax^SCT^RID5352^pneumothorax^RADLEX",
            "52101004^Present^SCT",
            "AA",
            "0.9300",
            device,
        ],
        "309529002": [
            "309529002^Lung mass^SCT^RID39056^lung mass^RADLEX",
            "52101004^Present^SCT",
            "A",
            "0.8100",
            device,
        ],
        "60046008": [
            "60046008^Pleural effusion^SCT^RID34539^pleural effusion^RADLEX",
            "64957009^Uncertain^SCT",
            "",
            "0.4100",
            device,
        ],
        "39839004": [
            "39839004^Diaphragmatic hernia^SCT^Hernia^Diaphragmatic hernia^99CXR",
            "2667000^Absent^SCT",
            "N",
            "0.0500",
            device,
        ],
    }
    assert [str(note(3)) for note in parsed(PRELIMINARY).segments("NTE")] == ["at the right apex"]
    own = parsed(documents.DRAFTED)
    assert "Rib_Notching^Rib_Notching^99CXR" in [str(each(3)) for each in own.segments("OBX")]


def test_what_a_person_signed_is_what_is_coded():
    """The classifier found an effusion on the left; the text that was signed has it on the right."""
    observations = {str(each(3)(1)(1)): each for each in parsed(documents.SIGNED).segments("OBX")}
    effusion = observations["60046008"]
    assert str(effusion(5)) == "52101004^Present^SCT"
    assert str(effusion(9)) == ""
    assert str(observations["786838002"](5)) == "2667000^Absent^SCT"
    assert "Rib_Notching" not in observations


def test_a_machine_reads_that_an_ai_wrote_it():
    for document in (PRELIMINARY, FINAL):
        read = parsed(document)
        assert lines(read, "DIGITAL-SOURCE-TYPE^IPTC Digital Source Type^99CXR") == [document.ai_mark.value]


def test_the_report_on_paper_is_in_it():
    (paper,) = (each for each in parsed(FINAL).segments("OBX") if str(each(2)) == "ED")
    source, kind, subtype, encoding, data = str(paper(5)).split("^")
    assert (source, kind, subtype, encoding) == ("CXR Reporter", "application", "pdf", "Base64")
    assert base64.b64decode(data, validate=True) == pdf.render(FINAL)


@pytest.mark.parametrize("order", [NO_ORDER, Order(patient_name="Roe^Ada"), Order(patient_id=" \x00")])
def test_a_study_of_nobody_is_refused(order: Order):
    with pytest.raises(NotPossibleError, match="no patient id"):
        ours.render(dataclasses.replace(PRELIMINARY, order=order))


def test_an_old_version_is_refused_since_it_would_replace_the_report():
    with pytest.raises(NotPossibleError, match="version 3 is the report now"):
        ours.render(dataclasses.replace(PRELIMINARY, superseded_by=3))


def test_whatever_a_text_holds_is_read_as_it_was_written():
    nasty = "|OBX|^~\\&\\F\\ \\.br\\ \\X0D\\ \x0b\x1c\r\n\x00\nsecond \\"
    sections = dataclasses.replace(PRELIMINARY.sections, impression=nasty)
    order = Order(patient_id="P|1^2", accession_number="A~\\1", patient_name="Ro|e^A&da")
    read = parsed(dataclasses.replace(PRELIMINARY, sections=sections, sentences=(), order=order))
    assert lines(read, IMPRESSION) == ["|OBX|^~\\&\\F\\ \\.br\\ \\X0D\\", "second \\"]
    assert read.unescape(str(read.segment("PID")(3)(1)(1))) == "P|1^2"
    assert [read.unescape(str(read.segment("PID")(5)(1)(part))) for part in (1, 2)] == ["Ro|e", "A&da"]
    assert read.unescape(field(read, "OBR", 18)) == "A~\\1"
