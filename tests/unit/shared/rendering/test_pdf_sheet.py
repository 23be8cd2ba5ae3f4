"""What stands on a report on paper, before it is set."""

import dataclasses
import re
from typing import Any

import pytest

from shared.domain.findings import Box
from shared.domain.orders import NO_ORDER
from shared.domain.reports import Grade, GradedSentence, Language, Person, Region, Section
from shared.rendering.pdf_sheet import sheet_of
from tests.support.pictured import AMENDED, FINAL, PRELIMINARY, WITHDRAWN


def head(sheet: dict[str, Any]) -> dict[str, list[str]]:
    return {item["name"]: item["lines"] for item in sheet["head"]}


def test_the_head_says_whose_study_it_is_and_who_asked_for_it():
    assert head(sheet_of(PRELIMINARY)) == {
        "Patient": ["Yamada, Tarou (山田 太郎)", "P-17, male, 45 years", "born 1980-05-06"],
        "Study date": ["2026-01-01 13:05"],
        "Accession number": ["A-2026-0042"],
        "Referring physician": ["Müller, Ánna, Dr."],
        "Institution": ["Hospital Clínico"],
        "Reported": ["2026-01-02 03:04 UTC, version 1"],
        "Images": ["1 PA, 2 LATERAL"],
    }
    unknown = dataclasses.replace(PRELIMINARY, order=NO_ORDER, indication=None, warnings=[], critical=[])
    sheet = sheet_of(unknown)
    assert list(head(sheet)) == ["Reported", "Images"]
    assert [sheet[part] for part in ("warnings", "critical", "indication")] == [None] * 3
    assert sheet["after"] == []


def test_every_page_says_whose_it_is():
    study = "Study 0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"
    assert sheet_of(PRELIMINARY)["running"] == ["Yamada, Tarou (山田 太郎)", "P-17", "A-2026-0042", study]
    assert sheet_of(dataclasses.replace(PRELIMINARY, order=NO_ORDER))["running"] == [study]


@pytest.mark.parametrize(
    ("document", "word", "lines"),
    [
        (PRELIMINARY, "preliminary", ["Drafted by an AI. Nobody has signed it."]),
        (
            FINAL,
            "final",
            [
                "Drafted by an AI, read and signed by a person.",
                "Signed by Dr. Ada Roe, 2026-01-03 09:00 UTC.",
            ],
        ),
        (
            AMENDED,
            "amended",
            [
                "Drafted by an AI, signed by a person, and changed since.",
                "Addendum by Dr. Bo Lind, 2026-01-04 00:00 UTC.",
            ],
        ),
        (
            WITHDRAWN,
            "entered in error",
            [
                "Withdrawn. Do not use it for any decision.",
                "Withdrawn by Dr. Ada Roe, 2026-01-05 00:00 UTC: Wrong patient.",
            ],
        ),
    ],
    ids=["preliminary", "final", "amended", "withdrawn"],
)
def test_the_status_says_how_far_to_rely_on_it_and_by_whose_word(document, word: str, lines: list[str]):
    status = sheet_of(document)["status"]
    assert status == {"kind": document.status.value, "word": word, "lines": lines}


def test_all_that_was_said_after_it_was_written_is_on_it():
    sheet = sheet_of(AMENDED)
    added, signed = sheet["after"]
    assert added == {
        "title": "Addendum",
        "lines": ["Compared with the CT.", "The mass is known.", "Dr. Bo Lind, 2026-01-04 00:00 UTC"],
    }
    assert [line.partition(",")[0] for line in signed["lines"]] == [
        "Signed by Dr. Ada Roe",
        "Amended by Dr. Ada Roe",
        "Addendum by Dr. Bo Lind",
    ]
    assert sheet["warnings"]["lines"] == [
        "The study was read again after this report was signed: version 5 is newer.",
        "a.dcm: seems mirrored.",
    ]
    old = dataclasses.replace(PRELIMINARY, superseded_by=4)
    assert sheet_of(old)["status"]["lines"] == [
        "This version is not the report any more: version 4 is.",
        "Drafted by an AI. Nobody has signed it.",
    ]


def test_a_sentence_is_marked_in_its_paragraph():
    (_, _, findings, impression) = sheet_of(PRELIMINARY)["sections"]
    assert findings["paragraphs"] == [
        [{"text": "Lungs: Consolidation is seen in the right lower zone.", "kind": "", "mark": ""}],
        [
            {"text": "Heart: ", "kind": "", "mark": ""},
            {"text": "The aorta is wide.", "kind": "unread", "mark": "not checked"},
            {"text": " ", "kind": "", "mark": ""},
            {"text": "No mass.", "kind": "contradicts", "mark": "contradicts the findings"},
        ],
    ]
    assert [len(paragraph) for paragraph in impression["paragraphs"]] == [1, 1]


def test_an_empty_line_is_no_paragraph():
    sections = dataclasses.replace(PRELIMINARY.sections, technique="PA.\n\nLateral.\n")
    technique = sheet_of(dataclasses.replace(PRELIMINARY, sections=sections))["sections"][0]
    assert [paragraph[0]["text"] for paragraph in technique["paragraphs"]] == ["PA.", "Lateral."]


def test_a_finding_is_shown_where_it_was_seen():
    first, second = sheet_of(PRELIMINARY)["pictures"]["of"]
    assert [cell["caption"] for cell in first["cells"]] == [
        ["1 Pneumothorax at the right apex (present, 0.93)", "2 Pleural effusion (uncertain, 0.41)"],
        ["Pneumothorax: the brighter, the more it speaks for it"],
    ]
    boxed, heated = (cell["svg"] for cell in first["cells"])
    assert boxed.count("<rect") == 2
    assert '<rect x="18.0" y="15.0" width="30.0" height="37.5"' in boxed
    assert boxed.count("stroke-dasharray") == 1
    # Each number in another corner, since the boxes of several findings are often nearly the same.
    assert re.findall(r'<text x="([0-9.]+)" y="([0-9.]+)" text-anchor="(\w+)"', boxed) == [
        ("19.8", "24.8", "start"),
        ("100.2", "114.8", "end"),
    ]
    assert "image/png" in heated
    assert "image/png" not in boxed
    assert first["cells"][0]["alt"] == (
        "Radiograph 1 PA. Boxes drawn on it: 1 Pneumothorax at the right apex (present, 0.93); "
        "2 Pleural effusion (uncertain, 0.41)."
    )
    # No box is known of what was found on it, and no heatmap is kept.
    assert [cell["alt"] for cell in second["cells"]] == ["Radiograph 2 LATERAL. Boxes drawn on it: none."]
    assert sheet_of(dataclasses.replace(PRELIMINARY, pictures={}))["pictures"]["of"] == []


@pytest.mark.parametrize(
    ("document", "text"),
    [(PRELIMINARY, "[NOT CHECKED: A rib is broken.]"), (FINAL, "A rib is broken.")],
    ids=["preliminary", "final"],
)
def test_where_a_writer_saw_what_a_sentence_says_is_drawn_apart_from_findings(document, text: str):
    region = Region(0, Box(0.1, 0.2, 0.3, 0.4))
    told = GradedSentence(Section.FINDINGS, "A rib is broken.", Grade.UNREAD, (), (region,))
    plain = sheet_of(document)["pictures"]["of"][0]["cells"][0]
    said = dataclasses.replace(document, sentences=(*document.sentences, told))
    cell = sheet_of(said)["pictures"]["of"][0]["cells"][0]
    number = len(plain["caption"]) + 1
    assert cell["caption"] == [*plain["caption"], f"{number} as its writer saw it: {text}"]
    assert (cell["svg"].count('stroke="#64d2ff"'), plain["svg"].count("#64d2ff")) == (1, 0)


def test_the_heading_of_the_radiographs_says_whose_marks_are_on_them():
    region = Region(0, Box(0.1, 0.2, 0.3, 0.4))
    told = GradedSentence(Section.FINDINGS, "A rib is broken.", Grade.UNREAD, (), (region,))
    seeing = dataclasses.replace(PRELIMINARY, sentences=(*PRELIMINARY.sentences, told))
    nowhere = [dataclasses.replace(line, box=None) for line in PRELIMINARY.findings]
    titles = [
        sheet_of(document)["pictures"]["title"]
        for document in (
            PRELIMINARY,
            seeing,
            dataclasses.replace(seeing, heatmaps={}, findings=nowhere),
            dataclasses.replace(PRELIMINARY, heatmaps={}, findings=nowhere),
        )
    ]
    assert titles == [
        "Radiographs and what the classifier found on them",
        "Radiographs, what the classifier found on them, and where the writer saw what it says",
        "Radiographs and where the writer saw what it says",
        "Radiographs",
    ]


def test_critical_findings_and_the_table_say_where_and_how_surely():
    sheet = sheet_of(PRELIMINARY)
    assert sheet["critical"]["lines"] == ["Pneumothorax at the right apex (0.93)"]
    assert [row["cells"] for row in sheet["table"]["rows"]] == [
        ["Pneumothorax at the right apex", "present", "0.93", "0.50"],
        ["Lung mass", "present", "0.81", "0.35"],
        ["Pleural effusion", "uncertain", "0.41", "0.50"],
        ["Hernia", "absent", "0.05", "0.50"],
    ]


def test_it_says_how_it_was_made_and_machines_are_told_too():
    sheet = sheet_of(PRELIMINARY)
    origin = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert sheet["keywords"] == ["preliminary", origin]
    assert sheet["making"] == [
        "Written by local 3. Findings by bundled 1.0.",
        "The writer's own text did not agree with the findings; the template's stands in for it.",
        f"Made with CXR Reporter 0.1.0. Classifier bundled 1.0, SHA-256 {'d' * 64}.",
        "AI-generated content (IPTC digital source type): trainedAlgorithmicMedia",
    ]
    assert len(sheet_of(FINAL)["making"]) == 3


@pytest.mark.parametrize(
    ("document", "author"),
    [
        (PRELIMINARY, "CXR Reporter, local 3"),
        (dataclasses.replace(PRELIMINARY, author=Person("Dr. Cy Fox"), made_from=1), "Dr. Cy Fox"),
        (AMENDED, "Dr. Bo Lind"),
    ],
    ids=["the writer", "who changed it", "the last who gave their word"],
)
def test_the_author_is_who_answers_for_it(document, author: str):
    assert sheet_of(document)["author"] == author


def test_it_is_in_the_language_of_the_report():
    sheet = sheet_of(dataclasses.replace(AMENDED, language=Language.SPANISH))
    assert sheet["language"] == "es"
    assert sheet["status"]["word"] == "modificado"
    assert sheet["after"][1]["lines"][1] == (
        "Modificado por Dr. Ada Roe, 2026-01-03 10:00 UTC: The side was wrong."
    )


def test_what_the_signer_rejected_is_neither_called_critical_nor_drawn():
    denied = [GradedSentence(Section.FINDINGS, "No pneumothorax.", Grade.CONTRADICTS)]
    drafted, signed = (
        sheet_of(dataclasses.replace(document, sentences=denied)) for document in (PRELIMINARY, FINAL)
    )
    assert drafted["critical"]["lines"] == ["Pneumothorax at the right apex (0.93)"]
    assert drafted["pictures"]["of"][0]["cells"][0]["svg"].count("<rect") == 2
    assert signed["critical"] is None
    (radiograph,) = signed["pictures"]["of"][0]["cells"]
    assert "<rect" not in radiograph["svg"]
    assert "none" in radiograph["alt"]
