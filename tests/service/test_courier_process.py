"""The gateway's own process delivers, dies in the middle of it, and another one sends what it held."""

import threading
from pathlib import Path

from shared.domain.deliveries import DeliveryState, DestinationKind
from shared.records import delivery_lists
from shared.records.database import Database
from shared.records.destinations import Address
from shared.storage import Storage
from tests.support.outbox import SECRET, a_destination, a_report, deliveries_of, until
from tests.support.receivers import Request, http_receiver
from tests.support.services import Service, services, wait_for
from tests.support.stack import InfraStack


def environment(infra: InfraStack) -> dict[str, str]:
    return {
        **infra.environment(),
        "CXR_DELIVERY_PRIVATE_WEBHOOKS": "true",
        "CXR_GATEWAY_DICOM_PORT": "0",
        "CXR_GATEWAY_HL7_PORT": "0",
    }


def test_a_gateway_that_is_killed_in_mid_sending_has_it_sent_again_by_another(
    infra: InfraStack, database: Database, storage: Storage, tmp_path: Path
):
    hangs = threading.Event()
    with http_receiver() as ward:

        def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
            if len(ward.requests) == 1:
                hangs.wait(120)  # it has taken the notice, and does not say so
            return 204, {}, b""

        ward.answer = answer
        a_destination(
            database, DestinationKind.WEBHOOK, Address(url=ward.url, secret=SECRET), events=("reported",)
        )
        try:
            with services(environment(infra), tmp_path, "gateway") as (first,):
                study_id = a_report(database, storage)
                wait_for(lambda: len(ward.requests) == 1, 60, "the notice")
                first.kill()
            (held,) = deliveries_of(database, study_id)
            assert held.state is DeliveryState.SENDING
            with services(environment(infra), tmp_path, "gateway") as (second,):
                (record,) = until(database, study_id, DeliveryState.DELIVERED, seconds=120)
                assert second.terminate() == 0
        finally:
            hangs.set()
    assert record.attempts == 2
    assert {one.headers["webhook-id"] for one in ward.requests} == {f"msg_{record.id}"}
    with database.session() as session:
        attempts = delivery_lists.attempts_of_each(session, [record])[record.id]
    assert [one.outcome for one in attempts] == [None, "delivered"]
    said = first.text() + second.text()
    assert str(study_id) in said
    assert not any(word in said for word in ("Roe", "P-1", ward.url, SECRET))


def test_what_happens_while_no_gateway_runs_is_sent_by_the_next_one(
    infra: InfraStack, database: Database, storage: Storage, tmp_path: Path
):
    with http_receiver() as ward:
        hook = Address(url=ward.url, secret=SECRET)
        a_destination(database, DestinationKind.WEBHOOK, hook, events=("reported",))
        study_id = a_report(database, storage)
        gateway = Service("gateway", environment(infra), tmp_path).wait_until_ready()
        try:
            until(database, study_id, DeliveryState.DELIVERED)
        finally:
            gateway.kill()
    assert len(ward.requests) == 1
