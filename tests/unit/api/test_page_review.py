"""What the page makes of a report under review before it asks the server: lines, and two readers' changes."""

from typing import Any, Final

import pytest

from tests.support.page_modules import run_module

SEEN: Final = [{"image": 0, "box": [0.1, 0.2, 0.3, 0.4]}]
REPORT: Final[dict[str, Any]] = {
    "warnings": ["Under 18."],
    "sentences": [
        {
            "section": section,
            "text": text,
            "grade": "supported",
            "labels": [],
            "evidence": [],
            "regions": SEEN,
        }
        for section, text in (
            ("technique", "PA view."),
            ("findings", "Effusion on the right."),
            ("findings", "No pneumothorax."),
            ("impression", "Warning: Under 18."),
            ("impression", "Effusion."),
        )
    ],
}
BASE: Final = [sentence["text"] for sentence in REPORT["sentences"]]


def made(body: str) -> Any:
    """Return the lines that are sent after this was done to the lines of the report, `lines`."""
    script = f"let lines = module.linesOf(given); {body} return module.toSend(lines);"
    return run_module("review/lines.js", script, REPORT)


def decided(lines: list[dict[str, Any]]) -> list[tuple[int | None, str, str]]:
    return [(line["of"], line["decision"], line["text"]) for line in lines]


def test_a_warning_is_no_line_and_keeps_its_index():
    lines = made("")
    assert [line["of"] for line in lines] == [0, 1, 2, 4]
    assert {line["decision"] for line in lines} == {"open"}


def test_each_decision_is_sent_with_the_text_that_is_to_stand():
    lines = made(
        "lines = module.accept(lines, 0);"
        "lines = module.rewrite(lines, 1, 'Small effusion on the right. ');"
        "lines = module.strike(lines, 2);"
        "lines = module.rewrite(module.add(lines, 2), 3, 'Trachea midline.');"
    )
    assert decided(lines) == [
        (0, "accepted", "PA view."),
        (1, "changed", "Small effusion on the right."),
        (2, "struck", "No pneumothorax."),
        (None, "added", "Trachea midline."),
        (4, "open", "Effusion."),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("module.accept(module.strike(lines, 1), 1)", (1, "accepted", BASE[1])),
        (
            "module.rewrite(module.rewrite(lines, 1, 'Other.'), 1, given.sentences[1].text)",
            (1, "accepted", BASE[1]),
        ),
        ("module.rewrite(lines, 1, '  ')", (1, "struck", BASE[1])),
        ("module.accept(module.rewrite(lines, 1, 'Other.'), 1)", (1, "changed", "Other.")),
        ("module.acceptAll(module.strike(lines, 1))", (1, "struck", BASE[1])),
    ],
)
def test_a_line_says_what_its_text_says(body: str, expected: tuple[int, str, str]):
    assert decided(made(f"lines = {body};"))[1] == expected


def test_a_line_that_was_added_and_not_written_is_not_sent_and_goes_when_it_is_struck():
    assert decided(made("lines = module.add(lines, 1);")) == decided(made(""))
    body = "return module.strike(module.add(module.linesOf(given), 1), 2).length"
    assert run_module("review/lines.js", body, REPORT) == 4


def test_a_grade_goes_to_the_text_that_was_graded_and_to_no_later_one():
    graded = [
        {
            "of": 1,
            "section": "findings",
            "text": "Mass.",
            "grade": "unsupported",
            "labels": [],
            "evidence": [],
            "regions": [],
        },
        {
            "of": 2,
            "section": "findings",
            "text": "Old.",
            "grade": "contradicts",
            "labels": [],
            "evidence": [],
            "regions": [],
        },
    ]
    body = (
        "const lines = module.rewrite(module.rewrite(module.linesOf(given.report), 1, 'Mass. '), 2, 'New.');"
        "return module.regrade(lines, given.graded).map(({ grade, regions }) => [grade, regions]);"
    )
    found = run_module("review/lines.js", body, {"report": REPORT, "graded": graded})
    assert found == [["supported", SEEN], ["unsupported", []], ["supported", SEEN], ["supported", SEEN]]


def test_the_next_line_is_the_next_that_nobody_decided_about():
    body = (
        "const lines = module.accept(module.linesOf(given), 1);"
        "const done = module.acceptAll(lines);"
        "return [module.nextOpen(lines, 0), module.nextOpen(lines, 3), module.nextOpen(done, 1)];"
    )
    assert run_module("review/lines.js", body, REPORT) == [2, 0, 2]


THEIRS: Final[dict[str, Any]] = {
    "warnings": ["Under 18."],
    "sentences": [
        {"section": section, "text": text}
        for section, text in (
            ("technique", "PA view."),
            ("findings", "Effusion on the left."),
            ("findings", "Rib fracture."),
            ("impression", "Warning: Under 18."),
            ("impression", "Effusion."),
        )
    ],
}
DIFFERENCE: Final = [
    {"section": "technique", "op": "same", "before": "PA view.", "after": "PA view."},
    {"section": "findings", "op": "changed", "before": BASE[1], "after": "Effusion on the left."},
    {"section": "findings", "op": "removed", "before": BASE[2], "after": None},
    {"section": "findings", "op": "added", "before": None, "after": "Rib fracture."},
    {"section": "impression", "op": "same", "before": "Warning: Under 18.", "after": "Warning: Under 18."},
    {"section": "impression", "op": "same", "before": "Effusion.", "after": "Effusion."},
]

SIGNED_AS_IT_STOOD: Final = [
    {"section": sentence["section"], "op": "same", "before": sentence["text"], "after": sentence["text"]}
    for sentence in REPORT["sentences"]
]


def merged(
    mine: dict[int, tuple[str, str]],
    *,
    added: str = "",
    takes: dict[int, str] | None = None,
    signed_as_it_stood: bool = False,
) -> Any:
    """Lay my changes, by their sentence's index, beside theirs; return the takes and what comes of them."""
    lines = [
        {
            "section": sentence["section"],
            "of": of,
            "original": sentence["text"],
            **dict(zip(("decision", "text"), mine.get(of, ("open", sentence["text"])), strict=True)),
        }
        for of, sentence in enumerate(REPORT["sentences"])
        if of != 3
    ]
    if added:
        lines.append(
            {"section": "impression", "of": None, "original": None, "decision": "added", "text": added}
        )
    body = (
        "const rows = module.rowsOf(given.lines, given.difference, given.versions);"
        "const taken = rows.map((row, at) => ({ ...row, take: given.takes[at] ?? row.take ?? 'theirs' }));"
        "return { takes: rows.map(({ take }) => take), lines: module.takenLines(taken),"
        " changed: module.changedByThem(rows) };"
    )
    given = {
        "lines": lines,
        "difference": SIGNED_AS_IT_STOOD if signed_as_it_stood else DIFFERENCE,
        "versions": [REPORT, REPORT if signed_as_it_stood else THEIRS],
        "takes": {str(at): side for at, side in (takes or {}).items()},
    }
    return run_module("review/merge.js", body, given)


def test_what_i_left_alone_is_theirs_and_is_open_where_they_changed_it():
    found = merged({0: ("accepted", BASE[0])})
    assert found["takes"] == ["mine", "theirs", "theirs", "theirs", "mine"]
    assert found["changed"]
    assert decided(found["lines"]) == [
        (0, "accepted", "PA view."),
        (1, "open", "Effusion on the left."),
        (2, "open", "Rib fracture."),
        (4, "open", "Effusion."),
    ]


def test_where_both_changed_a_line_somebody_has_to_choose():
    mine = {1: ("changed", "Large effusion."), 2: ("changed", "No pneumothorax seen.")}
    found = merged(mine, added="Follow up.", takes={1: "mine", 2: "mine", 3: "mine"})
    assert found["takes"] == ["mine", None, None, "theirs", "mine", "mine"]
    assert decided(found["lines"]) == [
        (0, "open", "PA view."),
        (1, "changed", "Large effusion."),
        (None, "added", "No pneumothorax seen."),
        (2, "struck", "Rib fracture."),
        (4, "open", "Effusion."),
        (None, "added", "Follow up."),
    ]


def test_what_both_took_out_is_gone_and_what_i_struck_stays_struck_in_theirs():
    found = merged({2: ("struck", BASE[2]), 4: ("struck", BASE[4])})
    assert found["takes"] == ["mine", "theirs", "theirs", "theirs", "mine"]
    assert decided(found["lines"])[-1] == (4, "struck", "Effusion.")
    assert BASE[2] not in [line["text"] for line in found["lines"]]


def test_a_signature_that_changed_nothing_leaves_my_lines_as_they_are():
    mine = {0: ("accepted", BASE[0]), 1: ("changed", "Large effusion."), 2: ("struck", BASE[2])}
    found = merged(mine, added="Follow up.", signed_as_it_stood=True)
    assert not found["changed"]
    assert decided(found["lines"]) == [
        (0, "accepted", BASE[0]),
        (1, "changed", "Large effusion."),
        (2, "struck", BASE[2]),
        (4, "open", BASE[4]),
        (None, "added", "Follow up."),
    ]
