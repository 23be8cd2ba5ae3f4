"""The CNN worker's shell with the bundled model, on the real database and object store."""

import hashlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest

from shared import erasure, findings, queue
from shared.bundles import load_bundle
from shared.database import Database
from shared.domain import StudyId, StudyStatus
from shared.errors import LeaseLostError
from shared.heartbeat import Heartbeat
from shared.settings import ModelSettings, QueueSettings
from shared.storage import NotStoredError, Storage, preview_key
from shared.work import Outcome, Workplace
from tests.support.builders import a_claim, a_study, an_image, let_notes_come_due, the_study
from worker_cnn.tasks import Bench, Instruments, Original, Seen, classify_study, look_alone

SAMPLE = Path(__file__).parents[2] / "samples" / "chest-4.dcm"


class AloneBench(Bench):
    """Looks at images in this process, and lets a test interfere before the outcome is written."""

    def look(self, originals: Sequence[Original], *, alone: bool) -> list[Seen]:
        return look_alone(originals, self.settings)


@pytest.fixture
def workplace(database: Database, queue_settings: QueueSettings) -> Iterator[Workplace]:
    heartbeat = Heartbeat(database, queue_settings)
    yield Workplace(database, queue.create_app("test", queue_settings), heartbeat, queue_settings)
    heartbeat.stop()


@pytest.fixture
def bench(storage: Storage) -> Bench:
    bundle = load_bundle("bundled")
    return AloneBench(storage, Instruments(_unused, _unused, bundle), ModelSettings())


def _unused(_: object) -> None:
    raise AssertionError


def a_stored_study(database: Database, storage: Storage, content: bytes) -> StudyId:
    digest = hashlib.sha256(content).hexdigest()
    storage.put_original(BytesIO(content), digest)
    return a_study(database, images=(an_image("chest.dcm", digest),))


def test_findings_previews_and_heatmaps_are_stored(workplace: Workplace, bench: Bench):
    study_id = a_stored_study(workplace.database, bench.storage, SAMPLE.read_bytes())
    claim = a_claim(workplace.database, study_id)
    assert classify_study(study_id, claim, workplace, bench) is Outcome.DONE
    assert bench.storage.get(preview_key(study_id, 0)).startswith(b"\x89PNG")
    with workplace.database.session() as session:
        stored = findings.of_study(session, study_id)
    assert len(stored[0]) == len(bench.instruments.bundle.card.labels)
    assert the_study(workplace.database, study_id).status is StudyStatus.CLASSIFIED


def test_a_study_whose_only_image_is_broken_is_rejected_with_its_name(workplace: Workplace, bench: Bench):
    study_id = a_stored_study(workplace.database, bench.storage, SAMPLE.read_bytes()[:3000])
    claim = a_claim(workplace.database, study_id)
    assert classify_study(study_id, claim, workplace, bench) is Outcome.REJECTED
    row = the_study(workplace.database, study_id)
    assert (row.status, row.error_type, row.error_file) == (StudyStatus.REJECTED, "broken-image", "chest.dcm")


def test_a_study_that_is_erased_while_it_is_looked_at_leaves_no_picture(
    workplace: Workplace, bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    study_id = a_stored_study(workplace.database, bench.storage, SAMPLE.read_bytes())
    claim = a_claim(workplace.database, study_id)
    put = bench.storage.put_artefact

    def put_and_erase(key: str, content: bytes, *, media_type: str = "image/png") -> None:
        put(key, content, media_type=media_type)
        with workplace.database.session() as session:
            erasure.erase(session, study_id)

    monkeypatch.setattr(bench.storage, "put_artefact", put_and_erase)
    with pytest.raises(LeaseLostError):
        classify_study(study_id, claim, workplace, bench)
    erasure.collect(workplace.database, bench.storage)
    assert bench.storage.get(preview_key(study_id, 0))
    let_notes_come_due(workplace.database)
    erasure.collect(workplace.database, bench.storage)
    with pytest.raises(NotStoredError):
        bench.storage.get(preview_key(study_id, 0))
