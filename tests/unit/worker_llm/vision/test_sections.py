import pytest

from worker_llm.vision.sections import sections_of


@pytest.mark.parametrize(
    ("text", "findings", "impression"),
    [
        ("", "", None),
        ("Lungs clear.", "Lungs clear.", None),
        ("FINDINGS: a. IMPRESSION: b.", "a.", "b."),
        ("FINDINGS:\nLungs clear\nNo effusion\nIMPRESSION:\nNormal", "Lungs clear. No effusion.", "Normal."),
        ("The heart is\nlarge.\n\nImpression: normal", "The heart is large.", "normal."),
        (
            "**Findings:**\n- Large heart\n- No effusion.\n\n**Impression:**\n1. Failure",
            "Large heart. No effusion.",
            "Failure.",
        ),
        ("Here is the report:\n## Findings\nLungs clear.\n## Impression\nNormal.", "Lungs clear.", "Normal."),
        ("1. FINDINGS\nLungs clear\n2. IMPRESSION\nNormal", "Lungs clear.", "Normal."),
        ("IMPRESSION: x", "", "x."),
        ("IMPRESSION: x\nFINDINGS: y", "y.", "x."),
        ("Conclusion\nNormal.", "", "Normal."),
        ("FINDINGS:\nIMPRESSION:\n", "", None),
        ("FINDINGS: a. FINDINGS: b.", "a. b.", None),
        ("An incidental finding: a nodule of 1.5 cm.", "An incidental finding: a nodule of 1.5 cm.", None),
        ("The findings are normal.", "The findings are normal.", None),
        ("* a\n* b", "a. b.", None),
        ("---\nLungs `clear`.\n***", "Lungs clear.", None),
        ("Opacity of 3.\n2 cm nodule", "Opacity of 3. 2 cm nodule.", None),
    ],
)
def test_two_sections_are_read_however_they_are_marked(text, findings, impression):
    assert sections_of(text) == (findings, impression)
