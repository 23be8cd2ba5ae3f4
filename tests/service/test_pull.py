"""Studies are fetched from a real archive, each once, with the patient's earlier ones, whatever is killed."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cxr.local.state import free_port
from shared.domain.pulling import CHEST_DESCRIPTIONS, CHEST_PARTS, MODALITIES, PullMethod, PullRule
from shared.domain.studies import DEFAULT_TENANT, Priority, StudyId
from shared.records import erasure, peers, pulling, reading
from shared.records.database import Database
from shared.records.reading import StudyView
from shared.records.tables import PullRuleRow, StudyRow
from tests.support.builders import SOMEBODY
from tests.support.dicoms import a_dicom, a_picture
from tests.support.orthanc import Orthanc, orthanc
from tests.support.services import Service, services, wait_for
from tests.support.stack import InfraStack

TODAY = datetime.now(UTC).date()
Make = Callable[..., PullRule]


def an_image(study: int, number: int, *, day: date = TODAY, **tags: Any) -> bytes:
    said: dict[str, Any] = {
        "StudyInstanceUID": f"2.25.{study}",
        "SeriesInstanceUID": f"2.25.{study}1",
        "SOPInstanceUID": f"2.25.{study}{number:03}",
        "PatientID": "P1",
        "PatientName": "DOE^JANE",
        "StudyDate": f"{day:%Y%m%d}",
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
    } | tags
    return a_dicom(a_picture() + number, **said)


@dataclass
class Hospital:
    pacs: Orthanc
    settings: dict[str, str]
    process: Service


@pytest.fixture(scope="module")
def hospital(
    infra: InfraStack, migrated: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hospital]:
    folder = tmp_path_factory.mktemp("hospital")
    ports = [free_port() for _ in range(2)]
    settings = {
        **infra.environment(),
        "CXR_GATEWAY_HL7_PORT": str(ports[0]),
        "CXR_GATEWAY_DICOM_PORT": str(ports[1]),
    }
    known = {"DicomModalities": {"cxr": ["CXR", "127.0.0.1", ports[1]]}, "DicomAlwaysAllowStore": True}
    with ExitStack() as running:
        pacs = running.enter_context(orthanc(folder, settings=known))
        (process,) = running.enter_context(services(settings, folder, "gateway"))
        yield Hospital(pacs, settings, process)


@pytest.fixture
def pacs(hospital: Hospital, database: Database) -> Orthanc:
    for study in hospital.pacs.client.get("/studies").json():
        hospital.pacs.client.delete(f"/studies/{study}")
    return hospital.pacs


@pytest.fixture
def make(pacs: Orthanc, database: Database) -> Make:
    """Return what makes a rule for the archive."""

    def made(method: PullMethod, **values: Any) -> PullRule:
        place: dict[str, Any] = {"url": pacs.web}
        with database.session() as session:
            if method is not PullMethod.WEB:
                peer = peers.add(
                    session, pacs.aet, host="127.0.0.1", port=values.pop("port", pacs.dicom_port)
                )
                place = {"peer_id": peer.id}
            usual = {
                "name": "pacs",
                "modalities": list(MODALITIES),
                "body_parts": list(CHEST_PARTS),
                "descriptions": list(CHEST_DESCRIPTIONS),
                "window": timedelta(days=1),
                "every": timedelta(hours=1),
                "per_minute": 600,
                "priors": 0,
            }
            return pulling.add(session, DEFAULT_TENANT, {"method": method, **place, **usual, **values})

    return made


def after_run(database: Database, rule: PullRule, *, more_than: int = 0) -> PullRule:
    """Wait until the rule has run, and return how it went."""

    def run() -> PullRule:
        with database.session() as session:
            found = pulling.find(session, rule.id)
        assert found is not None
        return found

    wait_for(
        lambda: run().token > more_than and run().ran_at is not None and not held(database), 120, "a run"
    )
    return run()


def held(database: Database) -> bool:
    with database.session() as session:
        return bool(session.scalar(select(func.count(PullRuleRow.lease_expires_at))))


def again(database: Database, rule: PullRule) -> PullRule:
    with database.session() as session:
        before = pulling.run_soon(session, rule.id)
    assert before is not None
    return after_run(database, rule, more_than=before.token)


def studies_of(database: Database) -> dict[str, StudyView]:
    with database.session() as session:
        ids = [
            StudyId(one) for one in session.scalars(select(StudyRow.id).where(StudyRow.erased_at.is_(None)))
        ]
        return {view.order.study_instance_uid or "": view for view in reading.views_of(session, ids)}


def images_of(database: Database) -> dict[str, int]:
    return {uid: len(view.images) for uid, view in studies_of(database).items()}


@pytest.mark.parametrize("method", PullMethod)
def test_new_chest_radiographs_are_fetched_once_and_again_when_they_grew(
    pacs: Orthanc, make: Make, database: Database, method: PullMethod
):
    for content in (
        *(an_image(1, number) for number in (1, 2)),
        an_image(2, 1, BodyPartExamined="HAND"),
        an_image(3, 1, Modality="MG"),
        an_image(4, 1, BodyPartExamined=None, StudyDescription="Thorax p.a."),
        an_image(5, 1, BodyPartExamined=None, StudyDescription="Knee"),
        an_image(6, 1, day=TODAY - timedelta(days=3)),
        # A study with a chest and a hand: of it the chest alone.
        an_image(7, 1),
        an_image(7, 2, SeriesInstanceUID="2.25.72", BodyPartExamined="HAND"),
    ):
        pacs.keep(content)
    rule = make(method)
    ended = after_run(database, rule)
    assert (ended.error, ended.fetched) == (None, 3)
    assert images_of(database) == {"2.25.1": 2, "2.25.4": 1, "2.25.7": 1}
    assert all(view.study.priority is Priority.ROUTINE for view in studies_of(database).values())
    assert again(database, rule).fetched == 3
    pacs.keep(an_image(1, 3))
    assert again(database, rule).fetched == 4
    assert images_of(database)["2.25.1"] == 3


def test_the_newest_earlier_studies_of_the_patient_come_as_archive_work(
    pacs: Orthanc, make: Make, database: Database
):
    for study, days, tags in (
        (1, 0, {}),
        (2, 30, {}),
        (3, 60, {}),
        (4, 90, {}),
        (5, 20, {"BodyPartExamined": "HAND"}),
        (6, 20, {"PatientID": "P2"}),
        (7, 10, {"IssuerOfPatientID": "ELSEWHERE"}),
    ):
        pacs.keep(
            an_image(study, 1, day=TODAY - timedelta(days=days), **({"IssuerOfPatientID": "HERE"} | tags))
        )
    after_run(database, make(PullMethod.GET, priors=2))
    priorities = {uid: view.study.priority for uid, view in studies_of(database).items()}
    assert priorities == {"2.25.1": Priority.ROUTINE, "2.25.2": Priority.ARCHIVE, "2.25.3": Priority.ARCHIVE}


def test_an_erased_study_does_not_come_back(pacs: Orthanc, make: Make, database: Database):
    pacs.keep(an_image(1, 1))
    rule = make(PullMethod.WEB)
    after_run(database, rule)
    (view,) = studies_of(database).values()
    with database.session() as session:
        assert erasure.erase(session, view.study.id, actor=SOMEBODY)
    again(database, rule)
    assert studies_of(database) == {}


@pytest.mark.parametrize("method", [PullMethod.GET, PullMethod.WEB])
def test_an_archive_that_is_away_is_asked_less_often_until_it_is_back(
    pacs: Orthanc, make: Make, database: Database, method: PullMethod
):
    port = free_port()
    place = {"url": f"http://127.0.0.1:{port}/dicom-web"} if method is PullMethod.WEB else {"port": port}
    rule = make(method, **place)
    first = after_run(database, rule)
    assert first.error is not None
    assert "cannot be reached" in first.error
    assert first.failures == 1
    assert first.next_at - (first.ran_at or first.next_at) == timedelta(hours=1)
    with database.session() as session:
        pulling.pause(session, rule.id)
        session.execute(update(PullRuleRow).values(next_at=func.now() - timedelta(days=1)))
        assert pulling.claim(session) is None


def test_a_gateway_that_is_killed_loses_nothing_and_two_never_run_one_rule(
    hospital: Hospital, pacs: Orthanc, make: Make, database: Database, infra: InfraStack, tmp_path: Path
):
    for study in range(10, 22):
        pacs.keep(an_image(study, 1))
    rule = make(PullMethod.GET, per_minute=120)
    with database.session() as session:
        held_already = pulling.claim(session)
        assert pulling.claim(session) is None
    other = {
        **infra.environment(),
        "CXR_GATEWAY_HL7_PORT": str(free_port()),
        "CXR_GATEWAY_DICOM_PORT": str(free_port()),
    }
    if held_already is not None:
        with database.session() as session:
            pulling.finish(session, held_already, away=None, failed=0)
            pulling.run_soon(session, rule.id)
    hospital.process.kill()
    with services(other, tmp_path, "gateway") as (second,):
        wait_for(lambda: len(images_of(database)) >= 3, 120, "three studies")
        second.kill()
    assert len(images_of(database)) < 12
    with database.session() as session:
        assert pulling.claim(session) is None
        session.execute(update(PullRuleRow).values(lease_expires_at=func.now() - timedelta(seconds=1)))
    with services(hospital.settings, tmp_path, "gateway") as (third,):
        before = time.monotonic()
        wait_for(lambda: len(images_of(database)) == 12, 120, "all studies")
        after_run(database, rule, more_than=2)
        assert time.monotonic() > before
        assert third.process.poll() is None
    assert set(images_of(database).values()) == {1}
