"""What is made of the answers of RadVLM, MedGemma, LLaVA-OneVision and the reasoners, however they come."""

import pytest

from shared.domain.findings import Box, ViewPosition
from shared.domain.reports import Region
from shared.reporting.request import ReportRequest, Sight
from tests.support.sights import a_plain_picture as a_picture
from worker_llm.vision.asking import draft_of
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.medgemma import MedGemma
from worker_llm.vision.radvlm import RadVlm
from worker_llm.vision.reasoning import NV_REASON
from worker_llm.writers.base import NoReport

WIDE = a_picture(3, ViewPosition.PA, size=(80, 40))
REQUEST = ReportRequest(seed="s", findings=())


def _read(model, text):
    return model.read(text, model.ask(REQUEST, Sight((WIDE,))))


def _said(answer):
    """Return the sentences of an answer, each with how many regions it has."""
    return [(passage.text, len(passage.regions)) for passage in answer.findings]


RADVLM = {
    "no box": ("The heart is large.", [("The heart is large.", 0)], 0),
    "one": ("The heart is large [0.3, 0.4, 0.7, 0.8].", [("The heart is large.", 1)], 0),
    "behind its sentence": (
        "The heart is large. [0.3, 0.4, 0.7, 0.8] No effusion.",
        [("The heart is large.", 1), ("No effusion.", 0)],
        0,
    ),
    "two, joined": (
        "There are opacities at [0.1, 0.2, 0.3, 0.4] and [0.6, 0.2, 0.8, 0.4].",
        [("There are opacities.", 2)],
        0,
    ),
    "three, joined": (
        "Opacities in the region [0.1,0.2,0.3,0.4], [0.1,0.5,0.3,0.6], and [0.6,0.2,0.8,0.4] are seen.",
        [("Opacities are seen.", 3)],
        0,
    ),
    "the same twice": ("Mass [.1, .2, .3, .4], [.1, .2, .3, .4].", [("Mass.", 1)], 0),
    "corners in another order": ("Mass [0.7, 0.8, 0.3, 0.4].", [("Mass.", 1)], 0),
    "a little outside": ("Mass [-0.01, 0.4, 1.02, 0.8].", [("Mass.", 1)], 0),
    "pixels": ("Mass [120, 340, 400, 600].", [("Mass.", 0)], 1),
    "one pixel": ("Mass [0.1, 0.2, 300, 0.4].", [("Mass.", 0)], 1),
    "three numbers": ("Mass [0.1, 0.2, 0.3].", [("Mass.", 0)], 1),
    "five numbers": ("Mass [0.1, 0.2, 0.3, 0.4, 0.5].", [("Mass.", 0)], 1),
    "an empty box": ("Mass [0.1, 0.2, 0.1, 0.4].", [("Mass.", 0)], 1),
    "no numbers": ("Mass [x1, y1, x2, y2].", [("Mass.", 0)], 1),
    "not a number": ("Mass [nan, 0.1, inf, 0.3].", [("Mass.", 0)], 1),
    "never closed": ("Mass [0.1, 0.2. The heart is large.", [("Mass.", 0), ("The heart is large.", 0)], 1),
    "closed twice": ("Mass [0.1, 0.2, 0.3, 0.4]]. Clear.", [("Mass.", 1), ("Clear.", 0)], 0),
    "a list of lists": ("Mass [[0.1, 0.2, 0.3, 0.4], [0.5, 0.2, 0.7, 0.4]].", [("Mass.", 2)], 0),
    "in brackets": ("Mass ([0.1, 0.2, 0.3, 0.4]).", [("Mass.", 1)], 0),
    "pairs": ("Mass (0.1, 0.2), (0.3, 0.4).", [("Mass.", 0)], 1),
    "a box alone": ("[0.1, 0.2, 0.3, 0.4]", [], 1),
    "nothing": ("", [], 0),
    "white": (" \n ", [], 0),
    "a refusal": ("I am sorry, I cannot [0.1, 0.2, 0.3, 0.4] help.", [], 1),
    "a mark of ours": ("Mass \ue0007\ue001 here.", [("Mass 7 here.", 0)], 0),
    "words in brackets": ("Mass [left].", [("Mass [left].", 0)], 0),
    "numbers without commas": ("Mass [0.1 0.2 0.3 0.4].", [("Mass.", 0)], 1),
    "two full stops": ("Mass [0.1, 0.2, 0..3, 0.4].", [("Mass.", 0)], 1),
    "nothing in brackets": ("Mass [].", [("Mass.", 0)], 1),
    "in the middle": ("The mass at [0.1, 0.2, 0.3, 0.4] is round.", [("The mass is round.", 1)], 0),
    "in a list": ("- Mass [0.1, 0.2, 0.3, 0.4].\n- No effusion.", [("Mass.", 1), ("No effusion.", 0)], 0),
    "an impression's heading alone": ("Mass.\nIMPRESSION: Mass.", [("Mass.", 0)], 0),
    "sections": (
        "FINDINGS: Mass [0.1, 0.2, 0.3, 0.4].\nIMPRESSION: Mass at [0.1, 0.2, 0.3, 0.4].",
        [("Mass.", 1)],
        1,
    ),
}


@pytest.mark.parametrize("case", RADVLM)
def test_radvlm(case):
    text, said, dropped = RADVLM[case]
    answer = _read(RadVlm(), text)
    assert (_said(answer), answer.dropped) == (said, dropped)
    assert isinstance(draft_of(answer), NoReport) is (not said)


def test_no_number_of_a_box_is_left_in_an_impression():
    answer = _read(RadVlm(), RADVLM["sections"][0])
    assert answer.impression == "Mass."


@pytest.mark.parametrize("model", [RadVlm(), MedGemma(), NV_REASON])
def test_a_long_answer_of_blanks_is_read_at_once(model):
    for piece in (" ", "\t", "\n"):
        _read(model, f"Mass{piece * 1000}[0.1, 0.2 and{piece * 1000}")


def test_radvlm_s_box_is_on_the_radiograph_as_it_is_clipped_and_in_order():
    (passage,) = _read(RadVlm(), "Mass [0.75, 1.04, 0.25, 0.5].").findings
    assert passage.regions == (Region(3, Box(0.25, 0.5, 0.75, 1.0)),)


HEART = '{"box_2d": [100, 250, 400, 750], "label": "the heart is large"}'
FOUND = "FINDINGS: The heart is large. No effusion.\nIMPRESSION: Large heart.\n"
SAID = [("The heart is large.", 1), ("No effusion.", 0)]
PLAIN = [("The heart is large.", 0), ("No effusion.", 0)]
MEDGEMMA = {
    "no boxes": (FOUND, PLAIN, 0),
    "an empty list": (f"{FOUND}BOXES: []", PLAIN, 0),
    "a list": (f"{FOUND}BOXES: [{HEART}]", SAID, 0),
    "a fence": (f"{FOUND}BOXES:\n```json\n[\n  {HEART}\n]\n```", SAID, 0),
    "without its heading": (f"{FOUND}```json\n[{HEART}]\n```", SAID, 0),
    "in the same line": (FOUND.replace("\n", " ") + f"BOXES: [{HEART}]", SAID, 0),
    "a part of the sentence": (f"{FOUND}BOXES: [{HEART.replace(' is large', '')}]", SAID, 0),
    "of no sentence": (f"{FOUND}BOXES: [{HEART.replace('heart', 'mass')}]", PLAIN, 1),
    "of no sentence, inside one": (
        FOUND.replace("large.", HEART.replace("heart", "mass") + "large."),
        PLAIN,
        1,
    ),
    "without a label, inside": (FOUND.replace("large.", 'large {"box_2d": [1, 2, 3, 4]}.', 1), SAID, 0),
    "without a label, outside": (FOUND + 'BOXES: [{"box_2d": [1, 2, 3, 4]}]', PLAIN, 1),
    "x before y, by name": (f"{FOUND}BOXES: [{HEART.replace('box_2d', 'bbox')}]", SAID, 0),
    "corners by name": (
        FOUND + 'BOXES: {"x0": 1, "y0": 2, "x1": 30, "y1": 40, "label": "the heart"}',
        SAID,
        0,
    ),
    "a corner is missing": (FOUND + 'BOXES: {"x0": 1, "y0": 2, "x1": 30, "label": "the heart"}', PLAIN, 1),
    "a list without a name": (FOUND.replace("large.", "large [100, 250, 400, 750].", 1), PLAIN, 1),
    "lists without names": (f"{FOUND}BOXES: [[1, 2, 3, 4], [5, 6, 7, 8]]", PLAIN, 2),
    "a name nobody knows": (f"{FOUND}BOXES: [{HEART.replace('box_2d', 'place')}]", PLAIN, 1),
    "three numbers": (f"{FOUND}BOXES: [{HEART.replace(', 750', '')}]", PLAIN, 1),
    "beyond a thousand": (f"{FOUND}BOXES: [{HEART.replace('750', '1750')}]", PLAIN, 1),
    "below nothing": (f"{FOUND}BOXES: [{HEART.replace('100', '-100')}]", PLAIN, 1),
    "words for numbers": (f"{FOUND}BOXES: [{HEART.replace('100', 'null')}]", PLAIN, 1),
    "truth for a number": (f"{FOUND}BOXES: [{HEART.replace('100', 'true')}]", PLAIN, 1),
    "on the padding alone": (
        f"{FOUND}BOXES: [{HEART.replace('100', '600').replace('400', '900')}]",
        PLAIN,
        1,
    ),
    "broken off": (f"{FOUND}BOXES: [{HEART[:25]}", PLAIN, 1),
    "broken off behind one": (f"{FOUND}BOXES: [{HEART}, {HEART[:40]}", SAID, 1),
    "never closed, inside": (FOUND.replace("large.", 'large {"box_2d": [1, 2.', 1), PLAIN, 1),
    "another quote": (f"{FOUND}BOXES: [{HEART.replace(chr(34), chr(39))}]", PLAIN, 1),
    "a label of another kind": (
        f"{FOUND}BOXES: [{HEART.replace(chr(34) + 'the heart is large' + chr(34), '7')}]",
        PLAIN,
        1,
    ),
    "thought first": (f"<unused94>thought\nNo, a mass? {HEART}<unused95>{FOUND}BOXES: [{HEART}]", SAID, 0),
}


@pytest.mark.parametrize("case", MEDGEMMA)
def test_medgemma(case):
    text, said, dropped = MEDGEMMA[case]
    answer = _read(MedGemma(), text)
    assert (_said(answer), answer.dropped) == (said, dropped)
    assert answer.impression == "Large heart."


def test_medgemma_s_box_is_moved_from_the_square_to_the_radiograph():
    tall = a_picture(3, ViewPosition.PA, size=(20, 80))
    for picture, box in ((WIDE, Box(0.25, 0.2, 0.75, 0.8)), (tall, Box(0.5, 0.1, 1.0, 0.4))):
        model = MedGemma()
        said = '{"box_2d": [100, 125, 400, 750]}' if picture is tall else '{"box_2d": [100, 250, 400, 750]}'
        (passage,) = model.read(f"FINDINGS: Mass {said}.", model.ask(REQUEST, Sight((picture,)))).findings
        assert passage.regions == (Region(3, box),)


THOUGHT = "is there an effusion?"
REASONED = {
    "as published": (f"<think>{THOUGHT}</think><answer>Clear lungs.</answer>", "Clear lungs."),
    "on lines": (f"<think>\n{THOUGHT}\n</think>\n\n<answer>\nClear lungs.\n</answer>\n", "Clear lungs."),
    "no answer's marks": (f"<think>{THOUGHT}</think>Clear lungs.", "Clear lungs."),
    "no marks": ("Clear lungs.", "Clear lungs."),
    "never begun": (f"{THOUGHT}</think><answer>Clear lungs.</answer>", "Clear lungs."),
    "never ended": (f"<think>{THOUGHT}", ""),
    "never ended, but answered": (f"<think>{THOUGHT}<answer>Clear lungs.</answer>", "Clear lungs."),
    "ended twice": (f"<think>{THOUGHT}</think>or {THOUGHT}</think>Clear lungs.", "Clear lungs."),
    "ended again at the end": (f"<think>{THOUGHT}</think><answer>Clear lungs.</answer></think>", ""),
    "begun twice": (f"<think>{THOUGHT}</think>Clear lungs.<think>or {THOUGHT}", "Clear lungs."),
    "begun in a sentence": (f"There is no<think>{THOUGHT}", ""),
    "in the answer": (f"<answer>There is no <think>{THOUGHT}</think>effusion.</answer>", ""),
    "the answer's name in the thought": (
        f"<think>{THOUGHT} <answer>effusion</answer></think><answer>Clear lungs.</answer>",
        "Clear lungs.",
    ),
    "answered in the thought alone": (f"<think>{THOUGHT}<answer>Clear.</answer></think>", ""),
    "answered twice": ("<answer>Effusion.</answer><answer>Clear lungs.</answer>", "Clear lungs."),
    "never closed": (f"<think>{THOUGHT}</think><answer>Clear lungs.", "Clear lungs."),
    "an empty answer": (f"<think>{THOUGHT}</think><answer></answer>", ""),
    "talk behind": ("<answer>Clear lungs.</answer>I hope this helps.", "Clear lungs."),
    "capitals": (f"<THINK>{THOUGHT}</ Think ><Answer>Clear lungs.</ANSWER>", "Clear lungs."),
    "boxed": (f"{THOUGHT} So: \\boxed{{Clear lungs.}} Done.", "Clear lungs."),
    "boxed as text": ("\\boxed{\\text{Clear {both} lungs.}}", "Clear {both} lungs."),
    "boxed, never closed": (f"{THOUGHT} \\boxed{{Clear lungs", ""),
    "with a heading": (f"<think>{THOUGHT}</think>**FINDINGS:** Clear lungs.", "Clear lungs."),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("case", REASONED)
def test_what_is_thought_is_cut_off(case):
    text, said = REASONED[case]
    answer = _read(NV_REASON, text)
    assert " ".join(passage.text for passage in answer.findings) == said
    assert answer.impression is None
    assert (answer.thinking is not None and "effusion" in answer.thinking) is (THOUGHT in text)


CHATTED = {
    "plain": ("FINDINGS: Large heart.\nIMPRESSION: No effusion.", "Large heart.", "No effusion."),
    "one line": ("FINDINGS: Large heart. IMPRESSION: No effusion.", "Large heart.", "No effusion."),
    "Markdown": (
        "## **Findings:**\n- Large heart.\n## **Impression:**\n1. No effusion.",
        "Large heart.",
        "No effusion.",
    ),
    "numbers": (
        "1. FINDINGS:\n1) Large heart\n2. IMPRESSION:\n1) No effusion",
        "Large heart",
        "No effusion.",
    ),
    "a fence": ("```text\nFINDINGS: Large heart.\n```", "Large heart.", None),
    "no impression": ("FINDINGS: Large heart.", "Large heart.", None),
    "an empty impression": ("FINDINGS: Large heart.\nIMPRESSION:", "Large heart.", None),
    "no headings": ("Large heart.", "Large heart.", None),
    "a conclusion": ("Findings:\nLarge heart.\nConclusion:\nNo effusion.", "Large heart.", "No effusion."),
    "an impression alone": ("IMPRESSION: No effusion.", "", "No effusion."),
    "the impression first": (
        "IMPRESSION: No effusion.\nFINDINGS: Large heart.",
        "Large heart.",
        "No effusion.",
    ),
    "findings twice": ("FINDINGS: Large heart.\nFINDINGS: Clear lungs.", "Large heart. Clear lungs.", None),
    "what was asked": ("INDICATION: cough\nFINDINGS: Large heart.", "Large heart.", None),
    "advice": ("FINDINGS: Large heart.\nRECOMMENDATIONS: CT.", "Large heart.", None),
    "a warning": ("FINDINGS: Large heart.\nDISCLAIMER: ask a doctor.", "Large heart.", None),
    "talk before": ("Sure, here it is.\nFINDINGS: Large heart.", "Large heart.", None),
    "a refusal": ("I am sorry, but I cannot read radiographs.", "", None),
    "JSON": ('{"findings": "Large heart."}', "", None),
    "dots": ("FINDINGS: ...\nIMPRESSION: ...", "", None),
    "nothing": ("", "", None),
    "white": ("\n \t\n", "", None),
    "thought": ("<think>an effusion?</think>FINDINGS: Large heart.", "Large heart.", None),
}


@pytest.mark.parametrize("case", CHATTED)
def test_llava_onevision(case):
    text, findings, impression = CHATTED[case]
    answer = _read(ChatModel(), text)
    assert " ".join(passage.text for passage in answer.findings) == findings
    assert answer.impression == impression
    assert isinstance(draft_of(answer), NoReport) is (not findings)
