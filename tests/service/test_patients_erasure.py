"""Erasing a patient: all studies of theirs, however the id is written, and nobody else's."""

import httpx
import pytest

from shared.domain.orders import Order
from shared.domain.studies import StudyId, TenantId
from shared.records.database import Database
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer
from tests.support.builders import a_study, a_tenant, the_study
from tests.support.stack import InfraStack

PLACE = "/v1/patients/erase"


@pytest.fixture(scope="module")
def asked(infra: InfraStack, migrated: Database, storage: Storage):
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


@pytest.fixture
def admin(asked: ApiServer, database: Database) -> httpx.Client:
    return asked.client(ADMIN_KEY)


def key_of(asked: ApiServer, admin: httpx.Client, tenant: str, *scopes: str) -> httpx.Client:
    made = admin.post(
        "/v1/keys", json={"name": "k", "scopes": list(scopes or ("read", "write")), "tenant": tenant}
    )
    return asked.client(made.json()["key"])


def of(database: Database, tenant: TenantId, patient: str | None, issuer: str | None = None) -> StudyId:
    return a_study(database, tenant_id=tenant, order=Order(patient_id=patient, patient_id_issuer=issuer))


def is_erased(database: Database, study_id: StudyId) -> bool:
    return the_study(database, study_id).erased_at is not None


def test_all_of_theirs_go_and_nobody_else_s(asked: ApiServer, admin: httpx.Client, database: Database):
    north, south = a_tenant(database, "north"), a_tenant(database, "south")
    client = key_of(asked, admin, "north")
    theirs = [of(database, north, written, "CITY") for written in ("P-1", " p-1 ", "\uff30-1")]
    others = [
        of(database, north, "P-1", "TOWN"),
        of(database, north, "P-1"),
        of(database, north, "P-11", "CITY"),
    ]
    others += [of(database, south, "P-1", "CITY"), of(database, north, None)]

    plea = {"patient_id": "P-1", "issuer": "city"}
    assert client.post(PLACE, json={**plea, "dry_run": True}).json() == {"studies": 3, "others": 2}
    assert not any(is_erased(database, one) for one in theirs)
    assert client.post(PLACE, json=plea).json() == {"studies": 3, "others": 2}
    assert all(is_erased(database, one) for one in theirs)
    assert not any(is_erased(database, one) for one in others)
    assert client.post(PLACE, json=plea).json() == {"studies": 0, "others": 2}

    of(database, north, "P-1", "CITY")
    assert client.post(PLACE, json=plea).json() == {"studies": 1, "others": 2}
    assert client.post(PLACE, json={"patient_id": "P-1"}).json() == {"studies": 1, "others": 1}


def test_whoever_may_not_write_may_not_erase_and_nobody_another_tenant_s(
    asked: ApiServer, admin: httpx.Client, database: Database
):
    south = a_tenant(database, "south")
    study_id = of(database, south, "P-1")
    reader, north = key_of(asked, admin, "north", "read"), key_of(asked, admin, "north")
    assert reader.post(PLACE, json={"patient_id": "P-1"}).status_code == 403
    assert north.post(PLACE, json={"patient_id": "P-1", "tenant_id": str(south)}).status_code == 404
    assert north.post(PLACE, json={"patient_id": "P-1"}).json()["studies"] == 0
    assert north.post(PLACE, json={"patient_id": ""}).status_code == 422
    assert not is_erased(database, study_id)
    assert admin.post(PLACE, json={"patient_id": "P-1", "tenant_id": str(south)}).json()["studies"] == 1
    assert is_erased(database, study_id)
