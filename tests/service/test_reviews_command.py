"""`cxr reviews`, and the clients' part behind it, against a real API: read a report, put one's name to it."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from cxr import AsyncClient, Client, ProblemError, cli, exit_codes
from cxr.inputs import Line
from shared.domain.studies import StudyId
from shared.records.database import Database
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, complete, sent
from tests.support.signing import ADA, BEN, lines_of, read
from tests.support.stack import InfraStack

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


@pytest.fixture
def admin(api: ApiServer) -> httpx.Client:
    return api.client(ADMIN_KEY)


@pytest.fixture
def study_id(admin: httpx.Client, database: Database) -> StudyId:
    """A study with the report that a writer wrote."""
    study_id = StudyId(UUID(str(sent(admin))))
    complete(database, study_id)
    return study_id


def key_of(admin: httpx.Client, name: str) -> str:
    made = admin.post("/v1/keys", json={"name": name, "scopes": ["read", "review"]})
    return str(made.raise_for_status().json()["key"])


@pytest.fixture
def cxr(
    api: ApiServer,
    admin: httpx.Client,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return what runs a command with a person's key; it gives its status and what it said."""
    key = key_of(admin, ADA)
    for name, value in (("HOME", str(tmp_path / "home")), ("URL", api.url), ("KEY", key)):
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


def test_the_next_report_is_read_signed_added_to_and_withdrawn(cxr: Run, study_id: StudyId):
    this = str(study_id)
    code, said, _ = cxr("reviews", "next")
    assert code == exit_codes.DONE
    assert this in said
    assert json.loads(cxr("reviews", "next", "--json")[1])["id"] == this
    assert cxr("reviews", "sign", this, "--version", "1")[1] == f"version 2 is final: signed by {ADA}\n"
    assert "no report waits" in cxr("reviews", "next")[2]
    assert json.loads(cxr("reviews", "next", "--json")[1]) == {}
    added = cxr("reviews", "addendum", this, "The ward was told.", "--version", "2")
    assert added[1] == f"version 3 is amended: addendum by {ADA}\n"
    amended = json.loads(
        cxr("reviews", "sign", this, "--version", "3", "--reason", "Seen again.", "--json")[1]
    )
    assert (amended["status"], amended["attestations"][-1]["reason"]) == ("amended", "Seen again.")
    code, said, _ = cxr("reviews", "withdraw", this, "--version", "4", "--reason", "Another patient's.")
    assert said == f"version 5 is entered-in-error: entered-in-error by {ADA}\n"
    lines = cxr("reviews", "versions", this)[1].splitlines()
    assert [line.split()[:2] for line in lines[-5:]] == [
        ["1", "written"],
        ["2", "signed"],
        ["3", "addendum"],
        ["4", "amended"],
        ["5", "entered-in-error"],
    ]
    assert this in cxr("list", "--report", "entered-in-error")[1]
    assert this not in cxr("list", "--report", "final")[1]


def test_another_version_than_was_read_is_not_signed(cxr: Run, study_id: StudyId):
    assert cxr("reviews", "sign", str(study_id), "--version", "1")[0] == exit_codes.DONE
    code, _, said = cxr("reviews", "sign", str(study_id), "--version", "1", "--reason", "Seen again.")
    assert code == exit_codes.WRONG_USAGE
    assert "Somebody else changed it first" in said


def test_nobody_signs_in_the_name_of_another(cxr: Run, study_id: StudyId):
    code, _, said = cxr("reviews", "sign", str(study_id), "--version", "1", "--author", BEN)
    assert code != exit_codes.DONE
    assert "another person's" in said


def test_how_reports_are_reviewed_is_a_table_and_what_was_signed_a_file(
    cxr: Run, study_id: StudyId, tmp_path: Path
):
    assert cxr("reviews", "table")[1:] == ("", "nobody has signed a report yet\n")
    cxr("reviews", "sign", str(study_id), "--version", "1")
    code, said, _ = cxr("reviews", "table")
    assert code == exit_codes.DONE
    assert said == "bundled 1.0\ttemplate 1\t1\t\t100.0%\t0.0\t0.00\n"
    (summary,) = json.loads(cxr("reviews", "table", "--json")[1])
    assert (summary["signed"], summary["median_seconds"]) == (1, None)
    saved = tmp_path / "reviews.ndjson"
    assert cxr("reviews", "export", "-o", str(saved))[0] == exit_codes.DONE
    (line,) = saved.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["study_id"] == str(study_id)


async def test_the_client_that_waits_for_nobody_reads_the_same(
    api: ApiServer, admin: httpx.Client, cxr: Run, study_id: StudyId
):
    cxr("reviews", "sign", str(study_id), "--version", "1")
    both = io.BytesIO(), io.BytesIO()
    with Client(api.url, key=key_of(admin, ADA)) as client:
        summaries = client.reviews.summary()
        client.reviews.save_export(both[0])
    async with AsyncClient(api.url, key=key_of(admin, ADA)) as client:
        assert await client.reviews.summary() == summaries
        await client.reviews.save_export(both[1])
    assert both[0].getvalue() == both[1].getvalue() != b""


async def test_both_clients_sign_what_they_changed_and_show_the_difference(
    api: ApiServer, admin: httpx.Client, cxr: Run, database: Database, study_id: StudyId
):
    this = str(study_id)
    lines = [Line(**line) for line in lines_of(read(admin, study_id))]  # type: ignore[typeddict-item]
    lines[1] |= {"text": "There is a small pleural effusion.", "decision": "changed"}
    with Client(api.url, key=key_of(admin, ADA)) as client:
        report = client.reviews.sign(this, 1, lines=lines)
        assert report.sections.findings == "There is a small pleural effusion."
        assert [one.name for one in report.attestations] == [ADA]
        first = client.reviews.version(this, 1)
        assert (first.superseded_by, first.status) == (2, "preliminary")
        assert next(one.id for one in client.studies(report_status="final")) == this
    async with AsyncClient(api.url, key=key_of(admin, BEN)) as client:
        with pytest.raises(ProblemError) as refused:
            await client.reviews.add(this, 1, "The ward was told.")
        assert refused.value.problem["newest_version"] == 2
        assert (await client.reviews.add(this, 2, "The ward was told.")).addenda[0].author == BEN
        amended = await client.reviews.sign(this, 3, reason="Seen again.")
        assert [one.name for one in amended.attestations] == [ADA, BEN, BEN]
        found = await client.reviews.differences(this, 1, 4)
        assert [one.op for one in found if one.section == "findings"] == ["changed"]
        assert [one.version for one in await client.reviews.versions(this)] == [1, 2, 3, 4]
        assert (await client.reviews.version(this, 3)).act == "addendum"
        assert await client.reviews.next(skip=[this]) is None
        assert (await client.reviews.withdraw(this, 4, "Another patient's.")).status == "entered-in-error"
        assert [one.id async for one in client.studies(report_status="entered-in-error")] == [this]
    code, said, _ = cxr("reviews", "diff", this, "1", "4")
    assert code == exit_codes.DONE
    assert said.splitlines()[2:5] == [
        "FINDINGS",
        "  - There is a pleural effusion.",
        "  + There is a small pleural effusion.",
    ]
