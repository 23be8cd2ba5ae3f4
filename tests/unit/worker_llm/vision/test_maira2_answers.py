"""MAIRA-2 from its published folder to a report: loaded, asked, generating, read."""

import pytest
import torch

from shared.catalogue import CATALOGUE
from shared.reporting.request import Earlier, Prose, ReportRequest, Sight
from shared.settings import ReportSettings
from tests.support.published import Scripted, save_maira2
from tests.support.sights import a_plain_picture
from worker_llm.vision import in_process, maira2
from worker_llm.vision.asking import VisionWriter
from worker_llm.writers import load_writer
from worker_llm.writers.base import NoReport, WriterRefusedError

SIGHT = Sight((a_plain_picture(4, size=(80, 40)),), "cough", Earlier(a_plain_picture(0), "Normal."))
ANSWER = "<obj>the heart is large.<box><x10><y20><x30><y40></box></obj><obj>there is no effusion.</obj>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("maira-2")
    save_maira2(folder)
    return folder


@pytest.fixture
def settings(folder):
    return ReportSettings(writer="maira-2", model=str(folder))


def _scripted(folder, settings, text):
    model, engine = maira2.load(folder, settings)
    tokenizer, network = engine.processor.tokenizer, engine.network
    script = [*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    network.lm_head = Scripted(script, len(tokenizer))
    return VisionWriter(model, engine)


def test_what_it_says_becomes_a_draft_with_regions(folder, settings):
    writer = _scripted(folder, settings, ANSWER)
    (draft,) = writer.write([ReportRequest(seed="s", findings=(), sight=SIGHT)], attempt=1)
    assert isinstance(draft, Prose)
    assert draft.findings == "the heart is large. there is no effusion."
    (region,) = draft.regions_of("the heart is large.")
    # The square is the middle half of the picture's width.
    assert (region.image, round(region.box.left, 4), region.box.top) == (4, 0.3025, 0.205)
    assert not draft.concludes


def test_the_writer_is_loaded_by_its_name_and_says_who_it_is(settings):
    writer = load_writer(settings)
    assert (writer.version.id, writer.version.version, writer.sees) == ("maira-2", "unknown", True)


def test_an_untrained_network_answers_something_and_the_same_again(folder, settings):
    model, engine = maira2.load(folder, settings)
    question = model.ask(ReportRequest(seed="s", findings=()), SIGHT)
    short = type(question)(question.chat, question.images, question.frames, longest=6)
    assert engine.answers([short], attempt=1) == engine.answers([short], attempt=1)
    assert engine.answers([short], attempt=2) == engine.answers([short], attempt=2)
    assert engine.answers([short], attempt=2) != engine.answers([short], attempt=3)


def test_a_question_that_is_too_long_is_that_study_s_and_no_other_s(folder, settings):
    writer = _scripted(folder, settings, ANSWER)
    long = Sight(SIGHT.pictures, "xyz" * 200, Earlier(a_plain_picture(0), "xyz" * 600))
    drafts = writer.write(
        [ReportRequest(seed="s", findings=(), sight=sight) for sight in (long, SIGHT)], attempt=1
    )
    assert isinstance(drafts[0], NoReport)
    assert "the model takes 3072 tokens" in drafts[0].reason
    assert isinstance(drafts[1], Prose)


def test_a_folder_without_its_conversation_is_refused_at_the_start(folder, settings):
    (folder / "chat_template.json").rename(folder / "elsewhere")
    try:
        with pytest.raises(WriterRefusedError, match=r"CXR_REPORT_WRITER=maira-2: .*chat_template\.json"):
            in_process.load(CATALOGUE["maira-2"], settings)
    finally:
        (folder / "elsewhere").rename(folder / "chat_template.json")
