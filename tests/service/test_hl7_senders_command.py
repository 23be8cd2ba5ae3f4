"""`cxr hl7-senders` against a real API: who may send is added once, listed and removed."""

import json

import pytest

from cxr import AsyncClient, Client, ProblemError, exit_codes
from shared.records import hl7, tenants
from shared.records.database import Database
from tests.service.test_tenants_command import Run, api, cxr
from tests.support.api import ADMIN_KEY, ApiServer

__all__ = ["api", "cxr"]


def test_senders_are_added_listed_and_removed(cxr: Run, database: Database):
    code, made, _ = cxr("hl7-senders", "add", "NORTH", "--application", "EPIC", "--tenant", "north", "--json")
    assert code == exit_codes.DONE
    assert json.loads(made)["tenant"] == "north"
    code, _, said = cxr("hl7-senders", "add", "NORTH", "--application", "EPIC")
    assert (code, "already" in said) == (exit_codes.STUDY_FAILED, True)
    cxr("hl7-senders", "add", "SOUTH")
    assert cxr("hl7-senders", "list")[1].splitlines()[1].endswith("SOUTH  any application  for default")
    with database.session() as session:
        north = next(one.id for one in tenants.everybody(session) if one.name == "north")
        assert hl7.tenant_of(session, application="EPIC", facility="NORTH") == north
        assert hl7.tenant_of(session, application="epic", facility="NORTH") is None
    sender_id = json.loads(made)["id"]
    assert cxr("hl7-senders", "remove", sender_id)[0] == exit_codes.DONE
    assert "no such HL7 sender" in cxr("hl7-senders", "remove", sender_id)[2]
    assert len(json.loads(cxr("hl7-senders", "list", "--json")[1])) == 1


async def test_clients_say_the_same(api: ApiServer, database: Database):
    async with AsyncClient(api.url, key=ADMIN_KEY) as client:
        made = await client.hospital.hl7_senders.add("NORTH")
        assert await client.hospital.hl7_senders.list() == [made]
        await client.hospital.hl7_senders.remove(made.id)
    ordinary = api.client(ADMIN_KEY).post("/v1/keys", json={"name": "x"}).json()["key"]
    with Client(api.url, key=ordinary) as client, pytest.raises(ProblemError, match="admin"):
        client.hospital.hl7_senders.list()
