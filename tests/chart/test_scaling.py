"""KEDA counts what waits and what runs, in the real schema; nothing else states how many pods there are."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.domain.studies import Stage, StudyId, StudyStatus
from shared.records.database import Database
from tests.support.builders import a_study
from tests.support.helm import VALUES, Object, one, render

COUNTED = {
    Stage.CNN: {StudyStatus.QUEUED, StudyStatus.CLASSIFYING},
    Stage.LLM: {StudyStatus.CLASSIFIED, StudyStatus.REPORTING},
}


def trigger(stage: Stage) -> Object:
    scaled = one(render(VALUES / "production-values.yaml"), "ScaledObject", f"worker-{stage}")
    return scaled["spec"]["triggers"][0]


def put(session: Session, study_id: StudyId, status: StudyStatus) -> None:
    """Put a study into a state, however it might have come there."""
    held = status in {StudyStatus.CLASSIFYING, StudyStatus.REPORTING}
    session.execute(
        text(
            "UPDATE studies SET status = :status, lease_token = 1,"
            " lease_expires_at = CASE WHEN :held THEN now() END,"
            " closes_at = now(), close_after = interval '30 seconds' WHERE id = :id"
        ),
        {"status": status.value, "held": held, "id": study_id},
    )


@pytest.mark.parametrize("stage", Stage)
def test_queued_and_running_work_counts_and_nothing_else(database: Database, stage: Stage):
    query = text(trigger(stage)["metadata"]["query"])
    studies = {status: a_study(database) for status in StudyStatus}
    with database.session() as session:
        for status, study_id in studies.items():
            put(session, study_id, status)
        assert session.execute(query).scalar_one() == 2
        for status in COUNTED[stage]:
            put(session, studies[status], StudyStatus.COMPLETED)
        assert session.execute(query).scalar_one() == 0


def test_keda_signs_in_with_the_secret_of_the_services():
    objects = render(VALUES / "production-values.yaml")
    authentication = one(objects, "TriggerAuthentication", "postgres")
    assert trigger(Stage.CNN)["authenticationRef"]["name"] == authentication["metadata"]["name"]
    assert authentication["spec"]["secretTargetRef"] == [
        {"parameter": "password", "name": "cxr-postgres", "key": "password"}
    ]
    assert trigger(Stage.CNN)["metadata"]["host"] == "postgres.hospital.example"
    assert trigger(Stage.CNN)["metadata"]["sslmode"] == "require"


@pytest.mark.parametrize("component", ["api", "worker-cnn", "worker-llm"])
def test_what_is_scaled_by_others_states_no_replicas(component: str):
    # An upgrade would set them back each time.
    assert "replicas" not in one(render(VALUES / "production-values.yaml"), "Deployment", component)["spec"]
    assert one(render(), "Deployment", component)["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("kind", "component"),
    [
        ("HorizontalPodAutoscaler", "api"),
        ("ScaledObject", "worker-cnn"),
        ("ScaledObject", "worker-llm"),
    ],
)
def test_a_scaler_means_the_deployment_of_its_component(kind: str, component: str):
    objects = render(VALUES / "production-values.yaml")
    target = one(objects, kind, component)["spec"]["scaleTargetRef"]["name"]
    assert target == one(objects, "Deployment", component)["metadata"]["name"]


def test_zero_workers_stay_zero():
    assert one(render(settings=["workerCnn.replicas=0"]), "Deployment", "worker-cnn")["spec"]["replicas"] == 0
