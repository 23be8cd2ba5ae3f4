"""`cxr tenants` against a real API: a tenant's name is changed, and nothing else."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cxr import AsyncClient, Client, InputError, cli, exit_codes
from shared.domain.studies import DEFAULT_TENANT, new_id
from shared.records.database import Database
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, a_png, sent
from tests.support.stack import InfraStack

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


@pytest.fixture
def cxr(
    api: ApiServer,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return what runs a command with the administrator's key; it gives its status and what it said."""
    for name, value in (("HOME", str(tmp_path / "home")), ("URL", api.url), ("KEY", ADMIN_KEY)):
        monkeypatch.setenv(f"CXR_{name}", value)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run([*arguments])
        said = capsys.readouterr()
        return code, without_logs(said.out), without_logs(said.err)

    return run


def without_logs(said: str) -> str:
    """Leave out what the server says, which runs in this process."""
    return "".join(line for line in said.splitlines(keepends=True) if "request.served" not in line)


def a_client(api: ApiServer, cxr: Run, *arguments: str) -> httpx.Client:
    """Return a client with a key that the command makes."""
    code, key, _ = cxr("keys", "create", "archive", *arguments)
    assert code == exit_codes.DONE
    return api.client(key.strip())


def names(cxr: Run) -> list[str]:
    code, out, _ = cxr("tenants", "list", "--json")
    assert code == exit_codes.DONE
    return [tenant["name"] for tenant in json.loads(out)]


def test_a_tenant_is_renamed_and_keeps_what_it_has(api: ApiServer, cxr: Run):
    client = a_client(api, cxr, "--tenant", "north")
    study_id = sent(client, a_png(1))
    assert names(cxr) == ["default", "north"]

    code, _, said = cxr("tenants", "rename", "north", "St. Mary's [west]")
    assert (code, said) == (exit_codes.DONE, "renamed: St. Mary's [west]\n")
    assert names(cxr) == ["default", "St. Mary's [west]"]
    assert "St. Mary's [west]" in cxr("tenants", "list")[1]
    assert "St. Mary's [west]" in cxr("keys", "list")[1]
    assert client.get(f"/v1/studies/{study_id}").status_code == 200
    newer = a_client(api, cxr, "--tenant", "St. Mary's [west]")
    assert newer.get(f"/v1/studies/{study_id}").status_code == 200
    # The old name is free again: whoever takes it is somebody else.
    other = a_client(api, cxr, "--tenant", "north")
    assert other.get(f"/v1/studies/{study_id}").status_code == 404


def test_the_default_tenant_is_the_default_by_whatever_name(api: ApiServer, cxr: Run):
    study_id = sent(api.client(ADMIN_KEY), a_png(1))
    assert cxr("tenants", "rename", "default", "hospital")[0] == exit_codes.DONE
    client = a_client(api, cxr)
    assert client.get(f"/v1/studies/{study_id}").status_code == 200
    assert names(cxr) == ["hospital"]


@pytest.mark.parametrize(
    ("old", "new", "status", "said"),
    [
        ("nrth", "west", 2, "there is no tenant named 'nrth'; there are default, north, south"),
        ("north", "south", 1, "there is a tenant named 'south' already"),
        ("north", "default", 1, "Choose another name."),
        ("north", "", 2, "name"),
        ("north", "x" * 201, 2, "name"),
        ("north", "so\u202euth", 2, "U+202E"),
    ],
    ids=["unknown", "taken", "the default's", "empty", "too long", "turned"],
)
def test_a_name_that_cannot_be_is_refused_with_what_to_do(
    api: ApiServer, cxr: Run, old: str, new: str, status: int, said: str
):
    for tenant in ("north", "south"):
        a_client(api, cxr, "--tenant", tenant)
    code, _, told = cxr("tenants", "rename", old, new)
    assert code == status
    assert said in told
    assert names(cxr) == ["default", "north", "south"]


def test_a_tenant_may_be_given_the_name_that_it_has(cxr: Run):
    assert cxr("tenants", "rename", "default", "default", "--json")[0] == exit_codes.DONE


def test_an_id_that_is_no_tenant_s_is_not_found(api: ApiServer, database: Database):
    answer = api.client(ADMIN_KEY).patch(f"/v1/tenants/{new_id()}", json={"name": "west"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such tenant")


async def test_both_clients_list_and_rename(api: ApiServer, database: Database):
    with Client(api.url, key=ADMIN_KEY) as client:
        (default,) = client.tenants.list()
        assert client.tenants.rename("default", "north").id == default.id == str(DEFAULT_TENANT)
    async with AsyncClient(api.url, key=ADMIN_KEY) as awaited:
        with pytest.raises(InputError, match="there are north"):
            await awaited.tenants.rename("default", "south")
        assert (await awaited.tenants.rename("north", "south")).name == "south"
        assert [tenant.name for tenant in await awaited.tenants.list()] == ["south"]
