"""The text as a Basic Text SR."""

from dataclasses import replace
from io import BytesIO

import pydicom

from shared.domain.reports import Grade, GradedSentence, Section
from shared.rendering.dicom.text_report import render
from tests.support.dicom_documents import ALL, DOCUMENT


def sections_of(document) -> dict[str, list[str]]:
    dataset = pydicom.dcmread(BytesIO(render(document)))
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: [text.TextValue for text in item.ContentSequence]
        for item in dataset.ContentSequence
        if item.ValueType == "CONTAINER"
    }


def test_a_report_is_there_section_by_section():
    sections = sections_of(DOCUMENT)
    assert list(sections) == [
        "Summary",
        "History",
        "Current Procedure Descriptions",
        "Previous Findings",
        "Findings",
        "Impressions",
        "CAD Processing and Findings Summary",
    ]
    assert sections["History"] == ["“Cough & fever <2 weeks>”"]
    assert sections["Findings"] == ["There is a left pleural effusion.\r\nNo pneumothorax detected."]
    (table,) = sections["CAD Processing and Findings Summary"]
    assert "Pleural effusion: present, probability 0.81, threshold 0.35\r\n" in table


def test_what_is_not_supported_is_marked():
    sentence = GradedSentence(Section.IMPRESSION, "Possible lung nodule.", Grade.UNSUPPORTED)
    marked = sections_of(replace(DOCUMENT, sentences=[sentence]))["Impressions"]
    assert marked == ["Left pleural effusion.\r\n[NOT SUPPORTED BY THE FINDINGS: Possible lung nodule.]"]


def test_how_far_a_report_goes_stands_first():
    for state, said in (
        ("drafted", "PRELIMINARY\r\nDrafted by an AI. Nobody has signed it.\r\n"),
        (
            "signed",
            "FINAL\r\nDrafted by an AI, read and signed by a person.\r\nSigned by Dr. Ada Roe, 2026-01-02",
        ),
        ("amended", "AMENDED\r\nDrafted by an AI, signed by a person, and changed since.\r\n"),
        ("withdrawn", "ENTERED IN ERROR\r\nWithdrawn. Do not use it for any decision.\r\n"),
    ):
        (summary,) = sections_of(ALL[state])["Summary"]
        assert summary.startswith(said)
        assert "NOT A MEDICAL DEVICE" in summary
        assert summary.endswith(ALL[state].ai_mark.value)


def test_a_withdrawn_report_counts_as_no_final_one():
    dataset = pydicom.dcmread(BytesIO(render(ALL["withdrawn"])))
    flags = (dataset.PreliminaryFlag, dataset.CompletionFlag, dataset.VerificationFlag)
    assert flags == ("PRELIMINARY", "PARTIAL", "UNVERIFIED")
    assert dataset.CompletionFlagDescription.startswith("entered-in-error")


def test_addenda_are_below_the_report():
    sections = sections_of(ALL["amended"])
    assert list(sections)[-1] == "Addendum"
    assert sections["Addendum"] == ["No fracture. <Told> to Dr. Foe.\r\nDr. Bob Poe, 2026-01-02 03:13 UTC"]


def test_a_section_of_nothing_that_can_be_written_is_left_out():
    empty = replace(DOCUMENT, sections=replace(DOCUMENT.sections, findings="\x1b"), sentences=[])
    assert "Findings" not in sections_of(empty)
