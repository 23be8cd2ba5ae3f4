"""Findings as bars."""

import json

import pytest

from cxr.models import Finding, Findings, Place
from cxr.output import bar, place_words, print_findings, print_json


def _finding(
    probability: float, threshold: float, status: str = "present", label: str = "Effusion"
) -> Finding:
    return Finding(label=label, probability=probability, threshold=threshold, status=status)


@pytest.mark.parametrize(
    ("probability", "threshold", "drawn"),
    [(0.0, 0.5, ".....|...."), (0.3, 0.8, "###.....|."), (1.0, 0.0, "|#########"), (1.0, 1.0, "#########|")],
)
def test_a_bar_shows_probability_and_threshold(probability, threshold, drawn):
    assert bar(_finding(probability, threshold), cells=10, plain=True) == drawn


def test_findings_are_readable_without_colour_and_present_ones_come_first(capsys):
    print_findings(
        Findings.model_validate(
            {
                "study_id": "s1",
                "model": {"id": "m", "version": "1"},
                "findings": [
                    _finding(0.9, 0.95, "absent", "Hernia").model_dump(),
                    _finding(0.4, 0.3, "present", "Effusion").model_dump(),
                    _finding(0.25, 0.3, "uncertain", "Mass").model_dump(),
                ],
            }
        )
    )

    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[:2] for line in lines[:3]] == [["+", "Effusion"], ["?", "Mass"], ["-", "Hernia"]]
    assert lines[0].rstrip().endswith("present")
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(side="right", zone="lower", as_displayed=True), "right as displayed, lower"),
        (Place(side="left"), "left"),
        (Place(side="both", as_displayed=True), "both sides"),
        (Place(zone="upper", as_displayed=True), "upper"),
    ],
)
def test_a_finding_s_row_ends_with_its_place(place, words, capsys):
    assert place_words(place) == words
    found = _finding(0.9, 0.5).model_copy(update={"place": place})
    print_findings(
        Findings.model_validate(
            {"study_id": "s1", "model": {"id": "m", "version": "1"}, "findings": [found.model_dump()]}
        )
    )
    assert capsys.readouterr().out.splitlines()[0].rstrip().endswith(words)


def test_json_is_one_document_with_every_field(capsys):
    print_json([_finding(0.5, 0.5)])

    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["label"] == "Effusion"
