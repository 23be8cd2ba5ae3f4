"""Destinations, studies with a report for them, and a courier in the test's own process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from gateway.courier.delivery import Deliverer
from gateway.courier.part import Courier
from gateway.courier.senders import Manner
from shared.domain.deliveries import DeliveryState, DestinationKind, events_of
from shared.domain.findings import ViewPosition
from shared.domain.reports import Act, Person
from shared.domain.studies import DEFAULT_TENANT, Stage, StudyId, TenantId
from shared.records import acts, delivery_lists, destinations, findings
from shared.records.acts import Deed
from shared.records.database import Database
from shared.records.delivery_lists import DeliveryRecord
from shared.records.destinations import Address, Rules
from shared.records.findings import ImageFindings
from shared.records.tables import DeliveryRow, DestinationRow
from shared.settings import DatabaseSettings
from shared.storage import Storage, preview_key
from tests.support import api
from tests.support.api import a_png
from tests.support.builders import AN_ORDER, SOMEBODY, a_claim, a_finding, a_study, an_image
from tests.support.services import wait_for

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
MANNER = Manner("CXR", seconds=20, private_webhooks=True)
"""How the tests' couriers send: to receivers on this machine."""


def a_destination(
    database: Database,
    kind: DestinationKind,
    address: Address,
    *,
    name: str = "there",
    formats: Sequence[str] = (),
    events: Sequence[str] | None = None,
    tenant_id: TenantId = DEFAULT_TENANT,
) -> UUID:
    """Make a destination that is owed all events of its kind, unless some are named."""
    rules = Rules(formats, events_of(kind) if events is None else events)
    with database.session() as session:
        return destinations.create(session, tenant_id, name, kind, address, rules).id


def a_report(database: Database, storage: Storage, *, study_uid: str = STUDY_UID) -> StudyId:
    """Make a study of one DICOM radiograph with its report, by writing what the workers write."""
    order = replace(AN_ORDER, study_instance_uid=study_uid, patient_name="Roe^Jane", accession_number="A-7")
    study_id = a_study(database, images=(an_image("1.dcm"),), order=order)
    claim = a_claim(database, study_id, Stage.CNN)
    attributes = {
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1",
        "sop_instance_uid": f"{study_uid}.1.1",
        "series_instance_uid": f"{study_uid}.1",
        "study_instance_uid": study_uid,
        "modality": "DX",
        "photometric_interpretation": "MONOCHROME2",
    }
    image = ImageFindings(0, ViewPosition.PA, [a_finding("Effusion")], attributes=attributes)
    with database.session() as session:
        findings.store(session, claim, [image], api.MODEL)
    storage.put_artefact(preview_key(study_id, 0), a_png())
    api.report(database, study_id)
    return study_id


def sign(database: Database, study_id: StudyId, *, version: int = 1) -> None:
    """Sign a version of a report, or amend one that is signed."""
    act = Act.SIGNED if version == 1 else Act.AMENDED
    deed = Deed(act, Person("Ada"), version, reason=None if act is Act.SIGNED else "Seen again.")
    with database.session() as session:
        acts.add(session, study_id, deed, actor=SOMEBODY)


@contextmanager
def courier(database: Database, storage: Storage, *, manner: Manner = MANNER) -> Iterator[Courier]:
    """Run a courier until the block ends."""
    url = database.engine.url.render_as_string(hide_password=False)
    running = Courier(Deliverer(database, storage, manner), DatabaseSettings(url=url))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def deliveries_of(database: Database, study_id: StudyId) -> list[DeliveryRecord]:
    """Return a study's deliveries."""
    with database.session() as session:
        return list(delivery_lists.of_study(session, study_id))


def until(
    database: Database, study_id: StudyId, *states: DeliveryState, seconds: float = 90
) -> list[DeliveryRecord]:
    """Wait until a study's deliveries stand so, in the order of their events, and return them."""

    def stand() -> bool:
        return [one.state for one in deliveries_of(database, study_id)] == list(states)

    def what() -> str:
        return str([(one.destination, one.state, one.error) for one in deliveries_of(database, study_id)])

    try:
        wait_for(stand, seconds, f"{[str(state) for state in states]}")
    except AssertionError as error:
        message = f"{error}: {what()}"
        raise AssertionError(message) from None
    return deliveries_of(database, study_id)


def answers(database: Database, study_id: StudyId) -> list[tuple[str | None, str | None]]:
    """Return the outcome and the answer of each attempt to deliver what a study is owed."""
    with database.session() as session:
        records = delivery_lists.of_study(session, study_id)
        attempts = delivery_lists.attempts_of_each(session, records)
    return [(one.outcome, one.answer) for record in records for one in attempts[record.id]]


def let_it_be_time(database: Database) -> None:
    """Let everything that waits be tried now."""
    with database.session() as session:
        session.execute(update(DeliveryRow).values(next_at=func.now()))
        session.execute(update(DestinationRow).values(hold_until=func.now()))


def let_three_days_pass(database: Database) -> None:
    """Let everything that waits have waited for so long as it may."""
    with database.session() as session:
        session.execute(update(DeliveryRow).values(give_up_at=func.now() - timedelta(seconds=1)))


def leases(database: Database) -> int:
    """Count the deliveries that a courier holds."""
    with database.session() as session:
        held = select(func.count()).where(DeliveryRow.state == DeliveryState.SENDING)
        return session.scalar(held) or 0
