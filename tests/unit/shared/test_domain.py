"""The state machine and the values, over every case there is."""

from itertools import product

import pytest

from shared.domain.critical import critical_labels
from shared.domain.embeddings import Embedding
from shared.domain.findings import Box, Finding, FindingStatus, ModelVersion, Place, study_findings
from shared.domain.orders import Order, Patient
from shared.domain.studies import (
    TRANSITIONS,
    IllegalTransitionError,
    Priority,
    Stage,
    StudyEvent,
    StudyStatus,
    new_id,
    next_status,
    statuses_before,
)

ALL_PAIRS = list(product(StudyStatus, StudyEvent))


@pytest.mark.parametrize(("status", "event"), ALL_PAIRS)
def test_a_pair_that_the_table_does_not_list_is_refused(status: StudyStatus, event: StudyEvent):
    if (status, event) in TRANSITIONS:
        assert next_status(status, event) is TRANSITIONS[status, event]
    else:
        with pytest.raises(IllegalTransitionError, match=status.value):
            next_status(status, event)


@pytest.mark.parametrize("status", [status for status in StudyStatus if status.is_final])
def test_only_a_retry_a_rereading_or_another_image_leads_out_of_a_final_status(status: StudyStatus):
    ways_out = {event for (source, event) in TRANSITIONS if source is status}
    led_out = {
        StudyStatus.FAILED: {StudyEvent.RETRIED, StudyEvent.REOPENED},
        StudyStatus.COMPLETED: {StudyEvent.REREAD, StudyEvent.REOPENED},
        StudyStatus.REJECTED: {StudyEvent.REOPENED},
    }
    assert ways_out == led_out.get(status, set())


def test_every_status_can_be_reached_and_left_or_is_final():
    reachable = {StudyStatus.OPEN, *TRANSITIONS.values()}
    assert reachable == set(StudyStatus)
    for status in StudyStatus:
        assert status.is_final or any(source is status for source, _ in TRANSITIONS)


def test_a_running_study_can_always_be_cancelled():
    assert statuses_before(StudyEvent.CANCELLED) == {status for status in StudyStatus if not status.is_final}


def test_each_stage_claims_what_waits_for_it_and_falls_back_there():
    for stage in Stage:
        working = next_status(stage.waiting, StudyEvent.CLAIMED)
        for event in (StudyEvent.LEASE_EXPIRED, StudyEvent.RELEASED, StudyEvent.ATTEMPT_FAILED):
            assert next_status(working, event) is stage.waiting


def test_ids_sort_by_the_time_they_were_made():
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert {identifier.version for identifier in ids} == {7}


def a_finding(label: str, probability: float, image: int) -> Finding:
    return Finding(label, probability, 0.5, 0.3, FindingStatus.ABSENT, image)


def test_a_study_has_the_highest_probability_of_its_images():
    first = [a_finding("Effusion", 0.2, 0), a_finding("Edema", 0.9, 0)]
    second = [a_finding("Effusion", 0.7, 1), a_finding("Edema", 0.1, 1)]
    joined = {finding.label: finding for finding in study_findings([first, second])}
    assert joined["Effusion"].image == 1
    assert joined["Edema"].image == 0


@pytest.mark.parametrize(
    ("probability", "threshold", "uncertain_from"),
    [(1.1, 0.5, 0.3), (-0.1, 0.5, 0.3), (0.4, 0.5, 0.6), (0.4, 1.5, 0.3), (float("nan"), 0.5, 0.3)],
)
def test_a_finding_cannot_hold_nonsense(probability: float, threshold: float, uncertain_from: float):
    with pytest.raises(ValueError, match="Effusion"):
        Finding("Effusion", probability, threshold, uncertain_from, FindingStatus.ABSENT)


@pytest.mark.parametrize("edges", [(0.5, 0, 0.4, 1), (0, 0, 1.1, 1), (0, 0.5, 1, 0.5)])
def test_a_box_is_not_empty_and_stays_on_the_image(edges: tuple[float, float, float, float]):
    with pytest.raises(ValueError, match="unit square"):
        Box(*edges)


def test_a_report_says_of_its_patient_what_the_order_says():
    order = Order(patient_id="P-17", patient_name="DOE^JANE", patient_sex="F", patient_age_years=0.5)
    assert order.patient == Patient(id="P-17", sex="F", age_years=0.5)


def test_an_archive_waits_for_all_others():
    assert sorted(Priority, key=lambda priority: priority.rank) == [
        Priority.URGENT,
        Priority.ROUTINE,
        Priority.ARCHIVE,
    ]


def test_a_place_has_a_side_or_a_zone():
    with pytest.raises(ValueError, match="a side or a zone"):
        Place()


def test_a_box_may_be_the_whole_image():
    assert Box(0.0, 0.0, 1.0, 1.0) == Box(left=0.0, top=0.0, right=1.0, bottom=1.0)


def test_critical_is_what_is_configured_and_present():
    found = [
        Finding("Fracture", 0.9, 0.5, 0.3, FindingStatus.PRESENT),
        Finding("Pneumothorax", 0.9, 0.5, 0.3, FindingStatus.PRESENT),
        Finding("Effusion", 0.9, 0.5, 0.3, FindingStatus.PRESENT),
        Finding("Mass", 0.4, 0.5, 0.3, FindingStatus.UNCERTAIN),
        Finding("Nodule", 0.1, 0.5, 0.3, FindingStatus.ABSENT),
    ]
    configured = ("Pneumothorax", "Mass", "Nodule", "Hernia", "Fracture")
    assert critical_labels(found, configured) == ("Pneumothorax", "Fracture")
    assert critical_labels(found, ()) == ()


@pytest.mark.parametrize("vector", [(0.6, 0.8), (1.0,)])
def test_a_vector_has_the_length_one(vector):
    assert Embedding(ModelVersion("encoder", "1", "a" * 64), vector).vector == vector


@pytest.mark.parametrize("vector", [(), (0.0, 0.0), (3.0, 4.0), (float("nan"), 1.0), (float("inf"),)])
def test_no_other_vector_is_kept(vector):
    with pytest.raises(ValueError, match="has the length 1"):
        Embedding(ModelVersion("encoder", "1", "a" * 64), vector)
