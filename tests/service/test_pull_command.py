"""`cxr pull` against a real API: rules are made, listed without keys, paused, resumed, run and removed."""

import json

import pytest

from cxr import AsyncClient, exit_codes
from shared.domain.studies import DEFAULT_TENANT
from shared.records import peers, pulling, tenants
from shared.records.database import Database
from tests.service.test_tenants_command import Run, api, cxr
from tests.support.api import ADMIN_KEY, ApiServer

__all__ = ["api", "cxr"]

WEB = "http://pacs.example.org/dicom-web"


def test_a_rule_is_made_shown_changed_and_removed(cxr: Run, database: Database):
    code, said, _ = cxr(
        "pull", "add", "archive", "--web", WEB, "--archive-key", "s3cret", "--tenant", "north"
    )
    assert code == exit_codes.DONE
    rule_id = said.strip()
    listed = cxr("pull", "list")[1] + cxr("pull", "list", "--json")[1]
    assert "web every 5 min" in listed
    assert "s3cret" not in listed
    with database.session() as session:
        (rule,) = pulling.everything(session)
        assert pulling.key_of(session, rule.id) == "s3cret"
        assert rule.tenant_id == next(one.id for one in tenants.everybody(session) if one.name == "north")
    assert (rule.url, rule.modalities, rule.priors) == (WEB, ("CR", "DX"), 0)
    assert json.loads(cxr("pull", "pause", rule_id, "--json")[1])["paused_at"] is not None
    assert json.loads(cxr("pull", "resume", rule_id, "--json")[1])["paused_at"] is None
    assert json.loads(cxr("pull", "now", rule_id, "--json")[1])["failures"] == 0
    assert cxr("pull", "remove", rule_id)[0] == exit_codes.DONE
    assert "no such pull rule" in cxr("pull", "pause", rule_id)[2]


def test_a_peer_is_named_by_its_ae_title(cxr: Run, database: Database):
    with database.session() as session:
        peers.add(session, "MODALITY")
    assert "host and port" in cxr("pull", "add", "pacs", "--peer", "MODALITY")[2]
    with database.session() as session:
        peer = peers.add(session, "PACS", host="127.0.0.1", port=104)
    assert cxr("pull", "add", "pacs", "--peer", "PACS", "--move", "--priors", "2", "--modality", "DX")[0] == 0
    with database.session() as session:
        (rule,) = pulling.everything(session)
        assert peers.remove(session, peer.id)
    assert (rule.method, rule.peer_id, rule.tenant_id) == ("move", peer.id, DEFAULT_TENANT)
    assert (rule.modalities, rule.priors) == (("DX",), 2)
    assert json.loads(cxr("pull", "list", "--json")[1]) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "web"},
        {"method": "get", "url": WEB},
        {"method": "get", "peer": "PACS", "key": "x"},
        {"method": "web", "url": "http://me:secret@pacs.example.org"},
        {"method": "web", "url": "file:///etc/passwd"},
        {"method": "web", "url": WEB, "modalities": []},
        {"method": "web", "url": WEB, "every_minutes": 0},
    ],
)
async def test_what_names_no_archive_is_refused(
    api: ApiServer, database: Database, fields: dict[str, object]
):
    answer = api.client(ADMIN_KEY).post("/v1/pull-rules", json={"name": "x", **fields})
    assert answer.status_code == 422
    async with AsyncClient(api.url, key=ADMIN_KEY) as client:
        assert await client.hospital.pull_rules.list() == []
