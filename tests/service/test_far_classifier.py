"""MedImageInsight as the classifier, in the worker's own process: to a report, and to what is no report."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from shared.domain.reports import Language
from shared.domain.studies import Priority, Stage, StudyId, StudyStatus
from shared.records.database import Database
from shared.records.moves import Hint
from shared.records.tables import EmbeddingRow, StudyEventRow
from shared.reporting.warnings import ImageWarning, in_words
from shared.settings import ModelSettings, QueueSettings
from shared.storage import Storage
from shared.work import queue
from tests.support.api import ApiServer, a_png, sent
from tests.support.builders import empty_tables, let_time_pass, the_study
from tests.support.medimageinsight import seeing
from tests.support.remote_servers import RemoteServer, Reply, remote_server
from tests.support.services import services, wait_for
from tests.support.stack import InfraStack
from worker_cnn.classifiers import chosen
from worker_cnn.endpoint import NoEndpointError, connect, version_of

CHEST = Path("samples", "chest-4.dcm")
FOUND = {"Pleural Effusion": 1.0, "Pneumothorax": 1.0, "No Finding": 0.5}


@dataclass(frozen=True)
class Worker:
    """The two workers, and the endpoint that the first one asks."""

    endpoint: RemoteServer
    database: Database
    queue_settings: QueueSettings
    settings: ModelSettings

    def ends(self, study_id: StudyId, *statuses: StudyStatus) -> StudyStatus:
        """Have a study worked on until it is one of these."""
        app = queue.create_app("test", self.queue_settings)

        def is_there() -> bool:
            let_time_pass(self.database)
            queue.send_hints(app, [Hint(stage, Priority.ROUTINE) for stage in Stage])
            return the_study(self.database, study_id).status in statuses

        wait_for(is_there, 120, f"a study to be one of {statuses}")
        return the_study(self.database, study_id).status


@pytest.fixture(scope="module")
def worker(
    infra: InfraStack,
    migrated: Database,
    storage: Storage,
    queue_settings: QueueSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Worker]:
    """Return a worker that one line of configuration, and the address, have turned to the endpoint."""
    empty_tables(migrated)
    with remote_server() as endpoint:
        line = {
            "CXR_MODEL_BUNDLE": "medimageinsight-zero-shot",
            "CXR_MODEL_SERVER_URL": f"{endpoint.url}/score",
        }
        environment = {
            **infra.environment(),
            **line,
            "CXR_MODEL_THREADS": "1",
            "CXR_REPORT_WRITER": "template",
        }
        settings = ModelSettings(bundle=line["CXR_MODEL_BUNDLE"], server_url=line["CXR_MODEL_SERVER_URL"])
        folder = tmp_path_factory.mktemp("worker")
        with services(environment, folder, "worker_cnn", "worker_llm"):
            yield Worker(endpoint, migrated, queue_settings, settings)


@pytest.fixture
def client(api: ApiServer) -> httpx.Client:
    return api.client()


def test_a_radiograph_gets_findings_and_a_report_that_says_that_nobody_has_measured_them(
    worker: Worker, client: httpx.Client
):
    worker.endpoint.answers(seeing(FOUND))
    study_id = sent(client, CHEST.read_bytes())
    assert worker.ends(StudyId(UUID(str(study_id))), StudyStatus.COMPLETED, StudyStatus.FAILED) == "completed"

    (sentence,) = in_words([ImageWarning.UNMEASURED], Language.ENGLISH)
    body = client.get(f"/v1/studies/{study_id}/findings").json()
    assert body["model"]["id"] == "medimageinsight-zero-shot"
    assert body["warnings"] == [sentence]
    found = {one["label"]: one for one in body["findings"]}
    assert len(found) == 14
    assert [label for label, one in found.items() if one["status"] == "present"] == [
        *("Effusion", "Pneumothorax")
    ]
    assert found["Effusion"]["probability"] > 0.9
    assert {(one["box"], one["place"], one["links"]["heatmap"]) for one in found.values()} == {
        (None, None, None)
    }
    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert report["warnings"] == [sentence]
    assert report["sections"]["impression"].startswith(f"Warning: {sentence}\n")
    assert "pneumothorax" in report["sections"]["impression"].lower()
    assert client.get(f"/v1/studies/{study_id}").json()["critical"]

    sent_out = [
        text for asked in worker.endpoint.asked for row in asked.body["input_data"]["data"] for text in row
    ]
    assert not any(b"SYNTHETIC" in base64.b64decode(text) for text in sent_out if text and " " not in text)
    with worker.database.session() as session:
        (vector,) = session.scalars(select(EmbeddingRow).where(EmbeddingRow.study_id == study_id))
        assert vector.encoder_digest == version_of(worker.settings).digest
        assert len(vector.vector) == 1024


def test_what_the_gate_refuses_leaves_for_nowhere(worker: Worker, client: httpx.Client):
    worker.endpoint.answers(seeing(FOUND))
    study_id = sent(client, a_png(side=200))
    assert worker.ends(study_id, StudyStatus.REJECTED, StudyStatus.COMPLETED) is StudyStatus.REJECTED
    assert worker.endpoint.asked == []


def test_a_study_waits_for_an_endpoint_that_is_away_and_nothing_is_made_up(
    worker: Worker, client: httpx.Client
):
    worker.endpoint.answers(Reply({}, 503, {"Retry-After": "0"}))
    study_id = sent(client, CHEST.read_bytes())

    def given_back() -> int:
        with worker.database.session() as session:
            events = session.scalars(select(StudyEventRow).where(StudyEventRow.study_id == study_id))
            return sum(event.event == "released" for event in events)

    app = queue.create_app("test", worker.queue_settings)

    def is_given_back_twice() -> bool:
        let_time_pass(worker.database)
        queue.send_hints(app, [Hint(Stage.CNN, Priority.ROUTINE)])
        return given_back() >= 2

    wait_for(is_given_back_twice, 120, "a study to be given back")
    row = the_study(worker.database, study_id)
    assert (row.failures, row.turned_away, row.alone) == (0, 0, False)
    assert client.get(f"/v1/studies/{study_id}/findings").status_code == 202
    worker.endpoint.answers(seeing({"No Finding": 1.0}))
    assert worker.ends(study_id, StudyStatus.COMPLETED, StudyStatus.FAILED) is StudyStatus.COMPLETED
    assert worker.endpoint.most_at_once == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            Reply([{"image_features": [[float("nan")] * 1024], "scaling_factor": 1.0}]),
            "a number that is none",
        ),
        (Reply([]), "no list of as many"),
        (Reply({}, 401), "CXR_MODEL_SERVER_KEY"),
    ],
    ids=["no number", "too few rows", "a wrong key"],
)
def test_a_wrong_answer_is_no_finding_and_its_reason_is_told(
    worker: Worker, client: httpx.Client, reply: Reply, reason: str
):
    worker.endpoint.answers(reply)
    study_id = sent(client, CHEST.read_bytes())
    assert worker.ends(study_id, StudyStatus.FAILED, StudyStatus.COMPLETED) is StudyStatus.FAILED
    assert reason in client.get(f"/v1/studies/{study_id}").json()["error"]["detail"]


def test_behind_another_address_is_another_model_and_behind_none_is_no_worker():
    here, there = (
        ModelSettings(bundle="medimageinsight-zero-shot", server_url=f"http://{host}/score") for host in "ab"
    )
    assert chosen(here).version.digest == chosen(here).version.digest != chosen(there).version.digest
    assert chosen(ModelSettings(server_url="http://a/")).version == chosen(ModelSettings()).version
    with pytest.raises(NoEndpointError, match="CXR_MODEL_SERVER_URL"):
        connect(ModelSettings(), who="CXR_MODEL_BUNDLE=medimageinsight-zero-shot")
