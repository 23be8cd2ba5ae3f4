"""Models of transformers' own classes, from a folder to a draft: loaded by name, asked, generating, read."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from shared.catalogue import CATALOGUE, Runs
from shared.domain.findings import ViewPosition
from shared.reporting.request import Earlier, Passage, Prose, ReportRequest, Sight
from shared.settings import ReportSettings
from tests.support.published import Scripted
from tests.support.seeing import save_gemma3, save_llava_onevision, save_qwen2_5_vl
from tests.support.sights import a_plain_picture
from worker_llm.vision.asking import VisionWriter
from worker_llm.vision.engine import TransformersEngine
from worker_llm.vision.in_process import MODELS, load
from worker_llm.vision.medgemma import MedGemma
from worker_llm.vision.radvlm import RadVlm
from worker_llm.vision.reasoning import CheXone, Reasoning, without_thinking
from worker_llm.writers.base import WriterRefusedError

REQUEST = ReportRequest(seed="s", findings=())
SIGHT = Sight(
    (a_plain_picture(0, ViewPosition.LATERAL), a_plain_picture(1, size=(60, 40))),
    "cough",
    Earlier(a_plain_picture(0), "Normal."),
)
SAID = "FINDINGS: The heart is large.\nIMPRESSION: Cardiomegaly."


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    torch.set_num_threads(1)
    onevision = save_llava_onevision(tmp_path_factory.mktemp("onevision"))
    gemma3 = save_gemma3(tmp_path_factory.mktemp("gemma3"))
    qwen = save_qwen2_5_vl(tmp_path_factory.mktemp("qwen"))
    return {
        "llava-onevision": onevision,
        "llava-onevision-0.5b": onevision,
        "radvlm": onevision,
        "medgemma": gemma3,
        "chexone": qwen,
        "nv-reason-cxr": qwen,
    }


def _settings(name, folder):
    return ReportSettings(writer=name, model=str(folder))


def test_every_model_of_the_catalogue_that_runs_in_process_can_be_loaded_by_its_name():
    assert list(MODELS) == [name for name, entry in CATALOGUE.items() if entry.runs is Runs.IN_PROCESS]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("llava-onevision", SAID),
        ("llava-onevision-0.5b", f"Sure, here it is.\n{SAID}"),
        ("radvlm", "The heart is large [0.1, 0.2, 0.3, 0.4].\nIMPRESSION: Cardiomegaly."),
        ("medgemma", SAID.replace("FINDINGS:", "**FINDINGS:**")),
        ("chexone", f"<think>Is it normal? It is.</think><answer>{SAID}</answer>"),
        ("nv-reason-cxr", f"<think>FINDINGS: Normal.</think>\n{SAID}"),
    ],
)
def test_what_it_says_becomes_a_draft(folders, name, said):
    model, engine = MODELS[name](folders[name], _settings(name, folders[name]))
    assert isinstance(engine, TransformersEngine)
    tokenizer = engine.processor.tokenizer
    script = [*tokenizer(said, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    engine.network.lm_head = Scripted(script, len(tokenizer))
    (draft,) = VisionWriter(model, engine).write(
        [ReportRequest(seed="s", findings=(), sight=SIGHT)], attempt=1
    )
    assert isinstance(draft, Prose)
    assert (draft.findings, draft.impression) == ("The heart is large.", "Cardiomegaly.")
    assert engine.version.id == name
    assert len(draft.regions_of("The heart is large.")) == (1 if name == "radvlm" else 0)


def test_weights_that_are_missing_are_not_made_up(folders, tmp_path):
    folder = shutil.copytree(folders["medgemma"], tmp_path / "medgemma")
    held = load_file(folder / "model.safetensors")
    lost = next(name for name in held if name.endswith("gate_proj.weight"))
    del held[lost]
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        WriterRefusedError, match=r"CXR_REPORT_WRITER=medgemma: .* lacks weights: .*gate_proj"
    ):
        load(CATALOGUE["medgemma"], _settings("medgemma", folder))


def test_code_in_a_folder_is_not_run(folders, tmp_path):
    folder = shutil.copytree(folders["medgemma"], tmp_path / "medgemma")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: ...\n")
    with pytest.raises(WriterRefusedError, match="CXR_REPORT_WRITER=medgemma"):
        load(CATALOGUE["medgemma"], _settings("medgemma", folder))
    assert not (tmp_path / "ran").exists()


def _pieces(question):
    return [piece.get("text", "<image>") for turn in question.chat for piece in turn["content"]]


def test_radvlm_and_chexone_are_asked_as_they_were_trained():
    assert _pieces(RadVlm().ask(REQUEST, SIGHT)) == [
        "Provide a radiology report for this Chest X-Ray.",
        "<image>",
    ]
    assert _pieces(CheXone().ask(REQUEST, SIGHT)) == [
        "<image>",
        "<image>",
        "Write an example findings section for the CXR.",
    ]
    assert [frame.image for frame in RadVlm().ask(REQUEST, SIGHT).frames] == [1]


def test_nv_reason_is_shown_one_radiograph():
    question = Reasoning().ask(REQUEST, SIGHT)
    assert [frame.image for frame in question.frames] == [1]
    assert _pieces(question)[0] == "Image 1 of 1: a frontal radiograph of the chest (PA)."


def test_medgemma_is_told_who_it_is_and_sees_all_pictures_in_one_turn():
    question = MedGemma().ask(REQUEST, SIGHT)
    assert [turn["role"] for turn in question.chat] == ["system", "user"]
    assert _pieces(question)[0] == "You are an expert radiologist."
    assert [frame.image for frame in question.frames] == [1, 0, None]


@pytest.mark.parametrize(
    ("text", "answer", "thinking"),
    [
        ("", "", ""),
        ("Normal.", "Normal.", ""),
        ("<think>a</think><answer>b</answer>", "b", "a"),
        ("<think>a</think>b", "b", "a"),
        ("<think>a<answer>b</answer>", "b", "a"),
        ("<think>a</think><answer>b", "b", "a"),
        ("a</think>b", "b", "a"),
        ("<think>a", "", "a"),
        ("<think>a</think>b</think>c", "c", "a b"),
        ("<think>a</think>b<think>c", "", "a b c"),
        ("<think>a<think>b</think>c</think>d", "d", "a b c"),
        ("<THINK>a</Think>b", "b", "a"),
        ("<thinking>a</thinking>b", "b", "a"),
        ("<answer>b</answer><answer>c</answer>", "c", "<answer>b</answer>"),
        ("<answer>b</answer> more", "b", ""),
        ("<answer><think>a</think>b</answer>", "b", ""),
        ("<answer>a<think>b</answer>", "", ""),
        ("<think></think><answer></answer>", "", ""),
    ],
)
def test_what_a_model_thinks_is_cut_off_however_it_is_marked(text, answer, thinking):
    found = without_thinking(text)
    assert (found[0], " ".join(found[1].split())) == (answer, thinking)


def test_thoughts_are_kept_apart_and_are_no_report():
    model = Reasoning()
    question = model.ask(REQUEST, SIGHT)
    answer = model.read("<think>There is a mass.</think><answer>FINDINGS: Normal.</answer>", question)
    assert (answer.findings, answer.thinking) == ((Passage("Normal.", ()),), "There is a mass.")
    assert model.read("<think>FINDINGS: There is a mass.", question).findings == ()


N = "A nodule."
BOX = (0.1, 0.2, 0.3, 0.4)


@pytest.mark.parametrize(
    ("text", "sentences", "boxes", "dropped"),
    [
        ("", [], [], 0),
        (f"{N} No effusion.", [N, "No effusion."], [[], []], 0),
        ("A nodule [0.1, 0.2, 0.3, 0.4].", [N], [[BOX]], 0),
        ("A nodule at [0.1,0.2,0.3,0.4].", [N], [[BOX]], 0),
        ("A nodule located at [0.3, 0.4, 0.1, 0.2].", [N], [[BOX]], 0),
        ("A nodule at [0.1, 0.2, 0.3, 0.4] and [0.5, 0.5, 0.6, 0.6].", [N], [[BOX, (0.5, 0.5, 0.6, 0.6)]], 0),
        ("A nodule at [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4].", [N], [[BOX]], 0),
        ("A nodule [0.1, 0.2, 0.3].", [N], [[]], 1),
        ("A nodule [0.1, 0.2, 0.3, 1.04].", [N], [[(0.1, 0.2, 0.3, 1.0)]], 0),
        ("A nodule [-0.1, 0.2, 0.3, 0.4].", [N], [[(0.0, 0.2, 0.3, 0.4)]], 0),
        ("A nodule [10, 20, 30, 40].", [N], [[]], 1),
        ("A nodule [0.1, 0.2, 0.1, 0.4].", [N], [[]], 1),
        ("A nodule [0.1, 0.2, 0..3, 0.4].", [N], [[]], 1),
        ("A nodule [].", [N], [[]], 1),
        ("A nodule [0.1, 0.2", ["A nodule"], [[]], 1),
        ("A nodule [left].", ["A nodule [left]."], [[]], 0),
        ("A nodule [0.1 0.2 0.3 0.4].", [N], [[]], 1),
        ("[0.1, 0.2, 0.3, 0.4]", [], [], 0),
        ("FINDINGS: A nodule [0.1, 0.2, 0.3, 0.4]. IMPRESSION: Mass [0.1, 0.2, 0.3, 0.4].", [N], [[BOX]], 0),
        ("- A nodule [0.1, 0.2, 0.3, 0.4].\n- No effusion.", [N, "No effusion."], [[BOX], []], 0),
        ("The nodule at [0.1, 0.2, 0.3, 0.4] is round.", ["The nodule is round."], [[BOX]], 0),
    ],
)
def test_a_broken_box_of_radvlm_is_dropped_and_its_sentence_stays(text, sentences, boxes, dropped):
    model = RadVlm()
    answer = model.read(text, model.ask(REQUEST, SIGHT))
    assert [passage.text for passage in answer.findings] == sentences
    found = [
        [(r.box.left, r.box.top, r.box.right, r.box.bottom) for r in passage.regions]
        for passage in answer.findings
    ]
    assert found == boxes
    assert answer.dropped == dropped
    assert "[" not in (answer.impression or "")
