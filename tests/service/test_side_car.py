"""The writer behind the writer protocol: the real server in its own process, whose model is a stand-in."""

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from socket import SHUT_WR
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.catalogue import CATALOGUE
from shared.domain.findings import Box, FindingStatus, ViewPosition
from shared.domain.reports import Departures, Region
from shared.domain.studies import Priority, Stage, StudyId, StudyStatus
from shared.errors import TryAgainError
from shared.records import findings, reports
from shared.records.findings import ImageFindings
from shared.reporting.request import Earlier, Picture, Prose, ReportRequest, Sight, View
from shared.settings import ReportSettings
from shared.storage import Storage, preview_key
from shared.work.handling import Outcome, Workplace, handle
from tests.support.api import MODEL, a_png, sent
from tests.support.builders import a_claim, a_finding, the_study
from tests.support.remote_servers import Reply, remote_server
from tests.support.side_car import SideCar, side_car
from worker_llm.pipeline import write_reports
from worker_llm.tasks import Reporter, report_on
from worker_llm.vision.side_car import SideCarWriter, load
from worker_llm.writers import load_writer
from worker_llm.writers.base import NoReport, WriterRefusedError

EFFUSION = a_finding("Effusion", probability=0.81)
NONE = a_finding("Pneumothorax", probability=0.05, status=FindingStatus.ABSENT)
PNG = a_png()
HEALTH = {"protocol": 1, "model": {"id": "chexagent", "version": "1"}, "ready": True}


def settings_for(url: str, seconds: float = 20, writer: str = "chexagent") -> ReportSettings:
    return ReportSettings(writer=writer, server_url=url, server_timeout=timedelta(seconds=seconds))


def a_request(indication: str | None = None, *, earlier: bool = False, image: int = 0) -> ReportRequest:
    """Build a study with a probable effusion; the indication tells the stand-in what to do."""
    view = View(ViewPosition.PA)
    before = Earlier(Picture(0, View(ViewPosition.AP), PNG), "Clear lungs.") if earlier else None
    sight = Sight((Picture(image, view, PNG),), indication, before)
    return ReportRequest("seed", (EFFUSION, NONE), views=(view,), sight=sight)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SideCar]:
    with side_car(tmp_path_factory.mktemp("scratch")) as started:
        yield started


@pytest.fixture(scope="module")
def writer(running: SideCar) -> Iterator[SideCarWriter]:
    loaded = load_writer(settings_for(running.url))
    assert isinstance(loaded, SideCarWriter)
    with closing(loaded):
        yield loaded


def test_a_report_comes_with_its_boxes_and_the_version_of_who_wrote_it(writer: SideCarWriter):
    (draft,) = writer.write([a_request(earlier=True, image=3)], attempt=1)
    assert isinstance(draft, Prose)
    assert draft == Prose(
        "Probable pleural effusion. The trachea is midline.", "Probable pleural effusion.", draft.passages
    )
    (passage,) = draft.passages
    assert passage.regions == (Region(3, Box(0.1, 0.5, 0.4, 0.9)),)
    assert (writer.version.id, writer.version.version) == ("chexagent", "0123456789ab")


def test_pictures_are_gone_once_the_answer_is_there(writer: SideCarWriter, running: SideCar):
    writer.write([a_request(json.dumps({"fail": True})), a_request()], attempt=1)
    assert list(running.scratch.iterdir()) == []


def test_a_model_that_fails_at_a_study_makes_no_report_and_quotes_nothing(running: SideCar):
    wish = json.dumps({"fail": True, "name": "Jane Roe"})
    image = {"index": 0, "view": "PA", "png": b64encode(PNG).decode(), "earlier": False}
    body = {"protocol": 1, "images": [image], "language": "en", "attempt": 1, "indication": wish}
    with closing(SideCarWriter("chexagent", settings_for(running.url))) as writer:
        (draft,) = writer.write([a_request(wish)], attempt=1)
        refused = httpx.post(f"{running.url}/v1/report", json=body)
        writer.write([a_request()], attempt=1)  # else the process would count on
    assert draft == NoReport("the side-car's model failed at this study")
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
    assert "Roe" not in refused.text


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/v1/report", {"Content-Length": "70000000"}, b"{", 413),
        ("/v1/report", {"Content-Length": "-1"}, b"", 411),
        ("/v1/report", {}, b"", 411),
        ("/v1/reports", {"Content-Length": "2"}, b"{}", 404),
        ("/v1/report", {"Content-Length": "5"}, b"{", 400),
        ("/v1/report", {"Content-Length": "4"}, b"\xff\xfe{}", 400),
        ("/v1/report", {"Content-Length": "200000"}, b"[" * 200_000, 400),
    ],
)
def test_what_is_no_request_is_refused_as_a_problem(
    running: SideCar, path: str, headers: dict[str, str], body: bytes, status: int
):
    with closing(HTTPConnection("127.0.0.1", running.port, timeout=10)) as connection:
        connection.putrequest("POST", path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        # No more is coming, whatever the length promised.
        connection.sock.shutdown(SHUT_WR)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["status"]) == (status, status)
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_busy_side_car_says_when_to_come_again(writer: SideCarWriter, running: SideCar):
    slow = threading.Thread(
        target=writer.write, args=([a_request(json.dumps({"sleep": 1}))],), kwargs={"attempt": 1}
    )
    slow.start()
    image = {"index": 0, "view": "PA", "png": b64encode(PNG).decode(), "earlier": False}
    body = {"protocol": 1, "language": "en", "attempt": 1, "images": [image]}
    answer = httpx.post(f"{running.url}/v1/report", json=body)
    while answer.status_code == 200:
        answer = httpx.post(f"{running.url}/v1/report", json=body)
    slow.join()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_a_slow_side_car_lets_the_study_wait(running: SideCar):
    with (
        closing(SideCarWriter("chexagent", settings_for(running.url, seconds=0.2))) as writer,
        pytest.raises(TryAgainError, match="CXR_REPORT_SERVER_TIMEOUT"),
    ):
        writer.write([a_request(json.dumps({"sleep": 0.6}))], attempt=1)
    time.sleep(0.5)


def test_studies_wait_while_the_model_is_loaded(tmp_path: Path):
    with side_car(tmp_path, loading=0.5) as loading:
        writer = load(CATALOGUE["chexagent"], settings_for(loading.url))
        with closing(writer):
            assert writer.version.version == "unknown"
            with pytest.raises(TryAgainError, match="still loading"):
                writer.write([a_request()], attempt=1)
            until = time.monotonic() + 10
            while not httpx.get(f"{loading.url}/health").json()["ready"]:
                assert time.monotonic() < until
                time.sleep(0.05)
            (draft,) = writer.write([a_request()], attempt=1)
            assert isinstance(draft, Prose)
            assert writer.version.version == "0123456789ab"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply({**HEALTH, "model": {"id": "libra", "version": "1"}}), "is libra; name it"),
        (Reply({**HEALTH, "model": {"id": "a b c", "version": "1"}}), "is another model; name it"),
        (Reply({**HEALTH, "protocol": 2}), "no side-car of protocol 1 answers there"),
        (Reply(["what"]), "no side-car of protocol 1 answers there"),
        (Reply({}, status=404), "no side-car of protocol 1 answers there"),
    ],
)
def test_who_is_not_the_side_car_is_refused_at_the_start(reply: Reply, message: str):
    with remote_server([reply]) as other, pytest.raises(WriterRefusedError, match=message):
        load_writer(settings_for(other.url))


def box(**changes: Any) -> dict[str, Any]:
    return {"image": 0, "box": [0.1, 0.2, 0.3, 0.4], **changes}


MALFORMED: list[tuple[object, bool, int]] = [
    # The body, whether there is a report in it, and how many boxes.
    ([], False, 0),
    ({}, False, 0),
    ({"findings": None}, False, 0),
    ({"findings": "Clear lungs."}, False, 0),
    ({"findings": []}, False, 0),
    ({"findings": [{}]}, False, 0),
    ({"findings": [{"text": ""}]}, False, 0),
    ({"findings": [{"text": 7}]}, False, 0),
    ({"findings": [None, [], {"text": "Clear lungs."}]}, True, 0),
    ({"findings": ["Clear lungs."]}, True, 0),
    ({"findings": [{"text": "Clear lungs.", "regions": None}], "impression": {}}, True, 0),
    ({"findings": [{"text": "Clear lungs.", "regions": "x"}], "impression": [1, None]}, True, 0),
    ({"findings": [{"text": "Clear lungs.", "regions": [1, box()]}]}, True, 1),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(image=9), box(image="0"), box()]}]}, True, 1),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(box=[0.1, 0.2, 0.3])]}]}, True, 0),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(box=[0.1, 0.2, "0.3", 0.4])]}]}, True, 0),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(box=[10**400, 0, 1, 1]), box()]}]}, True, 1),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(box=[10, 20, 60, 80])]}]}, True, 0),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(box=[0.4, 0.4, 0.4, 0.4])]}]}, True, 0),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(box=[0.3, 0.4, 0.1, 0.2])]}]}, True, 1),
    ({"findings": [{"text": "Clear lungs.", "regions": [box(box=[0, 0, 1.005, 1])]}]}, True, 1),
    ({"model": None, "findings": [{"text": "Clear lungs."}]}, False, 0),
    ({"model": {"id": "chexagent"}, "findings": [{"text": "Clear lungs."}]}, False, 0),
]


def test_a_malformed_answer_is_read_as_far_as_it_can_be():
    with (
        remote_server([Reply(HEALTH)]) as scripted,
        closing(SideCarWriter("chexagent", settings_for(scripted.url))) as writer,
    ):
        writer.meet()
        for body, is_report, boxes in MALFORMED:
            whole = {"model": HEALTH["model"], **body} if isinstance(body, dict) else body
            scripted.answers(Reply(whole))
            (draft,) = writer.write([a_request()], attempt=1)
            assert isinstance(draft, Prose) is is_report, body
            if isinstance(draft, Prose):
                assert sum(len(passage.regions) for passage in draft.passages) == boxes, body
                assert (draft.findings, draft.concludes) == ("Clear lungs.", False)


def test_an_answer_of_another_model_stops_the_writer():
    other = {"model": {"id": "libra", "version": "1"}, "findings": [{"text": "Clear lungs."}]}
    with (
        remote_server([Reply(HEALTH), Reply(other)]) as scripted,
        closing(SideCarWriter("chexagent", settings_for(scripted.url))) as writer,
        pytest.raises(WriterRefusedError, match="is libra"),
    ):
        writer.write([a_request()], attempt=1)


def classified(client: httpx.Client, workplace: Workplace, storage: Storage, indication: str) -> StudyId:
    """Send a study, and have it classified: a probable effusion, and its preview stored."""
    study_id = sent(client, indication=indication)
    claim = a_claim(workplace.database, study_id)
    storage.put_artefact(preview_key(study_id, 0), PNG)
    with workplace.database.session() as session:
        findings.store(session, claim, [ImageFindings(0, ViewPosition.PA, [EFFUSION, NONE])], MODEL)
    return study_id


def reporting(workplace: Workplace, storage: Storage, url: str) -> Outcome:
    """Write the report of whichever study waits, as the worker does."""
    settings = settings_for(url)
    with closing(SideCarWriter("chexagent", settings)) as writer:
        reporter = Reporter(
            lambda request, _: write_reports([request], writer, attempts=1, departures=Departures.MARK)[0],
            settings,
            storage=storage,
        )
        return handle(
            Stage.LLM, Priority.ROUTINE, workplace, lambda claim: report_on(claim, workplace, reporter)
        )


def test_a_study_is_completed_with_its_report_and_the_boxes_of_its_sentences(
    client: httpx.Client, workplace: Workplace, storage: Storage, running: SideCar
):
    study_id = classified(client, workplace, storage, "cough")
    assert reporting(workplace, storage, running.url) is Outcome.DONE
    assert the_study(workplace.database, study_id).status is StudyStatus.COMPLETED
    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert report["writer"] == {"id": "chexagent", "version": "0123456789ab"}
    assert "The trachea is midline." in report["sections"]["findings"]
    with workplace.database.session() as session:
        stored = reports.in_force(session, StudyId(UUID(str(study_id))))
    assert stored is not None
    regions = {sentence.text: sentence.regions for sentence in stored.sentences if sentence.regions}
    assert regions == {"Probable pleural effusion.": (Region(0, Box(0.1, 0.5, 0.4, 0.9)),)}


def test_a_side_car_that_is_killed_in_the_middle_costs_the_study_nothing(
    client: httpx.Client, workplace: Workplace, storage: Storage, tmp_path: Path
):
    study_id = classified(client, workplace, storage, json.dumps({"sleep": 20}))
    with side_car(tmp_path) as doomed:
        threading.Timer(0.5, doomed.process.kill).start()
        assert reporting(workplace, storage, doomed.url) is Outcome.RELEASED
    row = the_study(workplace.database, study_id)
    assert (row.status, row.failures) == (Stage.LLM.waiting, 0)


def test_sigterm_lets_the_answer_under_way_end_and_waits_for_nobody_else(tmp_path: Path):
    with (
        side_car(tmp_path) as ending,
        closing(SideCarWriter("chexagent", settings_for(ending.url))) as writer,
    ):
        threading.Timer(0.3, ending.process.terminate).start()
        (draft,) = writer.write([a_request(json.dumps({"sleep": 0.8}))], attempt=1)
        assert isinstance(draft, Prose)
        assert ending.process.wait(5) == 0
    assert list(tmp_path.iterdir()) == []


def test_sigterm_ends_a_side_car_that_still_loads(tmp_path: Path):
    with side_car(tmp_path, loading=30) as loading:
        assert httpx.get(f"{loading.url}/health").json()["ready"] is False
        loading.process.terminate()
        assert loading.process.wait(5) == 0


def test_a_model_that_fails_three_times_in_a_row_ends_its_process(tmp_path: Path):
    with side_car(tmp_path) as failing:
        with closing(SideCarWriter("chexagent", settings_for(failing.url))) as writer:
            writer.write([a_request(json.dumps({"fail": True}))] * 3, attempt=1)
        assert failing.process.wait(5) == 1
