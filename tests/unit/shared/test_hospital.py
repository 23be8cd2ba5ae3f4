"""What a hospital's systems are told and asked: orders, fetched studies, deliveries, workitems, retention."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.deliveries import FORMATS, NOTICE_EVENTS, REPORT_EVENTS, DestinationKind, events_of
from shared.domain.expected_orders import ExpectedOrder, OrderStatus
from shared.domain.pulling import (
    CHEST_DESCRIPTIONS,
    CHEST_PARTS,
    MODALITIES,
    FoundSeries,
    FoundStudy,
    PullMethod,
    PullRule,
    chest_series,
    may_be_taken,
)
from shared.domain.retention import RetentionKind, RetentionRule
from shared.domain.studies import DEFAULT_TENANT, Stage, StudyId, StudyStatus, new_id
from shared.domain.workitems import WorkState, item_of, state_of, uid_of

RULE = PullRule(
    id=new_id(),
    tenant_id=DEFAULT_TENANT,
    name="night",
    method=PullMethod.GET,
    peer_id=new_id(),
    url=None,
    modalities=MODALITIES,
    body_parts=CHEST_PARTS,
    descriptions=CHEST_DESCRIPTIONS,
    window=timedelta(days=1),
    every=timedelta(minutes=5),
    per_minute=10,
    priors=0,
    created_at=datetime(2026, 11, 28, tzinfo=UTC),
    paused_at=None,
    next_at=datetime(2026, 11, 28, tzinfo=UTC),
    token=0,
    failures=0,
    error=None,
    ran_at=None,
    fetched=0,
)
STUDY = FoundStudy("2.25.1", None, "", (), None, None, None)


@pytest.mark.parametrize("kind", DestinationKind)
def test_only_a_webhook_is_told_of_what_has_no_report(kind: DestinationKind):
    assert events_of(kind) == (NOTICE_EVENTS if kind is DestinationKind.WEBHOOK else REPORT_EVENTS)
    assert bool(FORMATS[kind]) is (kind is not DestinationKind.WEBHOOK)


def test_an_order_keeps_what_a_later_message_does_not_say():
    first = ExpectedOrder(accession_number="A1", indication="cough", other_patient_ids=("old",))
    later = ExpectedOrder(
        indication="fever", status=OrderStatus.CANCELLED, other_patient_ids=("older", "old")
    )
    changed = first.changed_by(later)
    assert changed == replace(
        later, accession_number="A1", indication="fever", other_patient_ids=("old", "older")
    )


@pytest.mark.parametrize(
    ("order", "number"),
    [
        (ExpectedOrder(accession_number="A", filler_number="F", placer_number="P"), "A"),
        (ExpectedOrder(filler_number="F", placer_number="P"), "F"),
        (ExpectedOrder(placer_number="P"), "P"),
        (ExpectedOrder(), None),
    ],
)
def test_a_study_has_the_surest_number_of_its_order(order: ExpectedOrder, number: str | None):
    assert order.number == number
    assert order.as_known.accession_number == number
    assert replace(order, indication="cough").as_known.indication == "cough"


@pytest.mark.parametrize(
    ("modalities", "taken"), [((), True), (("DX",), True), (("CT", "CR"), True), (("CT", "SR"), False)]
)
def test_a_study_is_looked_at_unless_it_says_that_it_has_nothing_for_us(
    modalities: tuple[str, ...], *, taken: bool
):
    assert may_be_taken(RULE, replace(STUDY, modalities=modalities)) is taken


@pytest.mark.parametrize(
    ("modality", "body_part", "description", "of_the_study", "taken"),
    [
        ("DX", "CHEST", "", "", True),
        ("DX", "Thorax", "", "", True),
        ("DX", "HAND", "chest pain", "chest", False),
        ("DX", "", "CXR pa", "", True),
        ("CR", "", "", "X-ray chest", True),
        ("CR", "", "", "hand", False),
        ("CT", "CHEST", "chest", "chest", False),
    ],
)
def test_a_series_is_a_chest_s_by_its_body_part_else_by_descriptions(
    modality: str, body_part: str, description: str, of_the_study: str, *, taken: bool
):
    series = FoundSeries("2.25.2", modality, body_part, description, None)
    found = chest_series(RULE, replace(STUDY, description=of_the_study), [series])
    assert list(found) == [series] * taken


def test_each_kind_of_study_is_kept_for_its_own_time():
    rule = RetentionRule(completed_days=1, unfinished_days=2, signed_days=3)
    assert [rule.days_of(kind) for kind in RetentionKind] == [1, 2, 3]
    assert {RetentionRule().days_of(kind) for kind in RetentionKind} == {None}


@pytest.mark.parametrize("stage", Stage)
def test_a_workitem_and_its_study_lead_to_each_other(stage: Stage):
    study_id = StudyId(new_id())
    assert item_of(uid_of(study_id, stage)) == (study_id, stage)
    assert len(uid_of(study_id, stage)) <= 64
    assert uid_of(study_id, Stage.CNN) != uid_of(study_id, Stage.LLM)


@pytest.mark.parametrize(
    "uid",
    [
        f"2.25.{new_id().int}",  # a study's
        f"2.25.{1 << 129 | 8 << 76}",
        "2.25.0",
        "2.25.",
        "2.25.x",
        "1.2.3",
        "",
    ],
)
def test_whatever_is_no_workitem_is_none(uid: str):
    assert item_of(uid) is None


@pytest.mark.parametrize(
    ("status", "classified", "cnn", "llm"),
    [
        (StudyStatus.OPEN, False, None, None),
        (StudyStatus.QUEUED, False, WorkState.SCHEDULED, None),
        (StudyStatus.CLASSIFYING, False, WorkState.IN_PROGRESS, None),
        (StudyStatus.CLASSIFIED, True, WorkState.COMPLETED, WorkState.SCHEDULED),
        (StudyStatus.REPORTING, True, WorkState.COMPLETED, WorkState.IN_PROGRESS),
        (StudyStatus.COMPLETED, True, WorkState.COMPLETED, WorkState.COMPLETED),
        (StudyStatus.REJECTED, False, WorkState.CANCELED, None),
        (StudyStatus.CANCELLED, True, WorkState.COMPLETED, WorkState.CANCELED),
        (StudyStatus.FAILED, False, WorkState.CANCELED, None),
    ],
)
def test_a_workitem_stands_as_its_study_does(
    status: StudyStatus, *, classified: bool, cnn: WorkState | None, llm: WorkState | None
):
    assert [state_of(status, stage, classified=classified) for stage in Stage] == [cnn, llm]
