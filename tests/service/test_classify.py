"""The CNN worker's shell with the bundled model, on the real database and object store."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from shared.bucket import NotStoredError
from shared.domain.studies import Priority, Stage, StudyStatus
from shared.errors import LeaseLostError
from shared.records import erasure, findings, reading, studies
from shared.reporting.warnings import ImageWarning
from shared.storage import Storage, original_key, preview_key
from shared.work.handling import Outcome, Workplace, handle
from tests.support.builders import SOMEBODY, a_claim, let_notes_come_due, the_study
from tests.support.workers import a_stored_study, the_analyser
from worker_cnn.children import Terms
from worker_cnn.slots import Ticket
from worker_cnn.tasks import Analyser, Original, classify_study

SAMPLE = Path(__file__).parents[2] / "samples" / "chest-4.dcm"


@pytest.fixture
def analyser(storage: Storage) -> Analyser:
    return the_analyser(storage)


def test_findings_previews_and_heatmaps_are_stored(workplace: Workplace, analyser: Analyser):
    study_id = a_stored_study(workplace.database, analyser.storage, SAMPLE.read_bytes())
    claim = a_claim(workplace.database, study_id)
    assert classify_study(claim, workplace, analyser) is Outcome.DONE
    assert analyser.storage.get_artefact(preview_key(study_id, 0)).startswith(b"\x89PNG")
    with workplace.database.session() as session:
        stored = findings.of_study(session, study_id)
    assert len(stored[0]) == len(analyser.bundle.card.labels)
    assert the_study(workplace.database, study_id).status is StudyStatus.CLASSIFIED


def test_a_film_on_its_side_is_put_right_and_its_image_says_so(workplace: Workplace, analyser: Analyser):
    with Image.open(SAMPLE.with_name("chest-1.png")) as upright:
        width, height = upright.size
        on_its_side = BytesIO()
        upright.rotate(90, expand=True).crop((0, 0, height - 8, width)).save(on_its_side, "PNG")
    study_id = a_stored_study(workplace.database, analyser.storage, on_its_side.getvalue())
    assert classify_study(a_claim(workplace.database, study_id), workplace, analyser) is Outcome.DONE
    with workplace.database.session() as session:
        (image,) = reading.images(session, study_id)
    assert (image.width, image.height) == (width, height - 8)
    assert image.warnings == (ImageWarning.WAS_TURNED_CLOCKWISE,)
    with Image.open(BytesIO(analyser.storage.get_artefact(preview_key(study_id, 0)))) as preview:
        assert preview.size == (width, height - 8)


def test_a_study_whose_only_image_is_broken_is_rejected_with_its_name(
    workplace: Workplace, analyser: Analyser
):
    study_id = a_stored_study(workplace.database, analyser.storage, SAMPLE.read_bytes()[:3000])
    claim = a_claim(workplace.database, study_id)
    assert classify_study(claim, workplace, analyser) is Outcome.REJECTED
    row = the_study(workplace.database, study_id)
    assert (row.status, row.error_type, row.error_file) == (StudyStatus.REJECTED, "broken-image", "chest.dcm")


def test_a_study_that_is_erased_while_it_is_looked_at_leaves_no_picture(
    workplace: Workplace, analyser: Analyser, monkeypatch: pytest.MonkeyPatch
):
    study_id = a_stored_study(workplace.database, analyser.storage, SAMPLE.read_bytes())
    claim = a_claim(workplace.database, study_id)
    put = analyser.storage.put_artefact

    def put_and_erase(key: str, content: bytes, *, media_type: str = "image/png") -> None:
        put(key, content, media_type=media_type)
        with workplace.database.session() as session:
            erasure.erase(session, study_id, actor=SOMEBODY)

    monkeypatch.setattr(analyser.storage, "put_artefact", put_and_erase)
    with pytest.raises(LeaseLostError):
        classify_study(claim, workplace, analyser)
    erasure.collect(workplace.database, analyser.storage)
    assert analyser.storage.get_artefact(preview_key(study_id, 0))
    let_notes_come_due(workplace.database)
    erasure.collect(workplace.database, analyser.storage)
    with pytest.raises(NotStoredError):
        analyser.storage.get_artefact(preview_key(study_id, 0))


def test_an_image_looked_at_alone_is_found_to_be_what_it_is_in_a_batch(analyser: Analyser):
    original = Original(0, "chest.dcm", SAMPLE.read_bytes, room=0)
    ticket, terms = Ticket(Priority.ROUTINE, room=0), Terms()
    with analyser.lone.place():
        alone, batched = (
            analyser.look(original, ticket, terms, alone=alone).analysis for alone in (True, False)
        )
    assert alone is not None
    assert batched is not None
    assert alone.findings == batched.findings
    assert alone.preview_png == batched.preview_png


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_damaged_original_fails_its_study_which_is_retried_once_the_file_was_sent_again(
    workplace: Workplace, analyser: Analyser, harm: str
):
    content = SAMPLE.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    study_id = a_stored_study(workplace.database, analyser.storage, content)
    if harm == "changed":
        analyser.storage.put_artefact(original_key(digest), content[:-1] + b"?")
    else:
        analyser.storage.delete_original(digest)

    def work() -> Outcome:
        return handle(
            Stage.CNN, Priority.ROUTINE, workplace, lambda claim: classify_study(claim, workplace, analyser)
        )

    assert work() is Outcome.DAMAGED
    row = the_study(workplace.database, study_id)
    assert (row.status, row.error_type) == (StudyStatus.FAILED, "damaged-original")
    assert row.error_file == "chest.dcm"
    assert row.error_detail is not None
    assert "send the same file again, then retry this study" in row.error_detail
    analyser.storage.put_original(BytesIO(content), digest)
    with workplace.database.session() as session:
        assert studies.retry(session, study_id, actor=SOMEBODY)
    assert work() is Outcome.DONE
    assert the_study(workplace.database, study_id).status is StudyStatus.CLASSIFIED
