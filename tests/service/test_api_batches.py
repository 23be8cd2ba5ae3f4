"""Archive work over HTTP: opened, filled, counted, read out, cancelled."""

import csv
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.domain.studies import DEFAULT_TENANT, StudyId, StudyStatus, new_id
from shared.records.database import Database
from shared.storage import Storage
from tests.support.api import ApiServer, a_png, complete, give_up, send, sent
from tests.support.builders import the_order
from tests.support.stack import InfraStack


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, max_file_bytes=500_000, max_files=2) as server:
        yield server


@pytest.fixture
def batch(client: httpx.Client) -> dict[str, Any]:
    answer = client.post("/v1/batches", json={"name": "archive 2019"})
    assert answer.status_code == 201
    assert answer.headers["location"] == answer.json()["links"]["self"]
    return answer.json()


def counts(client: httpx.Client, batch: dict[str, Any]) -> dict[str, int]:
    body = client.get(batch["links"]["self"]).json()
    assert set(body["counts"]) == {status.value for status in StudyStatus}
    assert body["total"] == sum(body["counts"].values())
    return {status: number for status, number in body["counts"].items() if number}


def rows(client: httpx.Client, batch: dict[str, Any]) -> list[dict[str, str]]:
    answer = client.get(batch["links"]["results"], params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_a_fresh_batch_is_open_and_empty(client: httpx.Client, batch: dict[str, Any]):
    assert (batch["name"], batch["status"], batch["total"], batch["done"]) == (
        "archive 2019",
        "open",
        0,
        True,
    )
    assert counts(client, batch) == {}
    assert rows(client, batch) == []
    assert client.get(batch["links"]["results"], params={"format": "ndjson"}).content == b""


def test_items_are_archive_work_under_their_own_names(client: httpx.Client, batch: dict[str, Any]):
    study = send(client, a_png(1), key="case-1", batch_id=batch["id"]).json()
    assert (study["batch_id"], study["priority"]) == (batch["id"], "archive")
    assert send(client, a_png(1), key="case-1", batch_id=batch["id"]).json()["id"] == study["id"]
    # The same name means another thing in another batch, and outside of one.
    other = client.post("/v1/batches", json={}).json()
    assert send(client, a_png(2), key="case-1", batch_id=other["id"]).status_code == 202
    assert send(client, a_png(3), key="case-1").status_code == 202
    assert counts(client, batch) == {"queued": 1}


@pytest.mark.parametrize(
    ("contents", "code", "file"),
    [
        ((b"",), "empty-file", "image0.png"),
        ((b"text, not a picture",), "not-an-image", "image0.png"),
        ((a_png()[:20],), "broken-image", "image0.png"),
        ((bytes(500_001),), "too-large", "image0.png"),
        ((a_png(1), a_png(2), a_png(3)), "too-large", "image2.png"),
        ((a_png(1), b"bad"), "not-an-image", "image1.png"),
    ],
    ids=["empty", "text", "cut", "too large", "too many", "second bad"],
)
def test_a_bad_item_is_a_rejected_study_so_that_every_item_is_accounted_for(
    client: httpx.Client, batch: dict[str, Any], contents: tuple[bytes, ...], code: str, file: str
):
    answer = send(client, *contents, key="case-1", batch_id=batch["id"])
    study = answer.json()
    assert (answer.status_code, study["status"]) == (202, "rejected")
    assert (study["error"]["type"], study["error"]["file"]) == (code, file)
    assert [entry["status"] for entry in study["timeline"]] == ["queued", "rejected"]
    again = send(client, *contents, key="case-1", batch_id=batch["id"])
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (study["id"], "true")
    assert counts(client, batch) == {"rejected": 1}
    (row,) = rows(client, batch)
    assert (row["item"], row["status"], row["error_type"], row["error_file"]) == (
        "case-1",
        "rejected",
        code,
        file,
    )
    assert row["error_detail"] == study["error"]["detail"]


def test_results_have_a_line_for_every_item_in_order(
    client: httpx.Client, batch: dict[str, Any], database: Database
):
    done = sent(client, a_png(1), key="=1+1", batch_id=batch["id"])
    send(client, b"bad", key="case-2", batch_id=batch["id"])
    failed = sent(client, a_png(3), key="case-3", batch_id=batch["id"])
    sent(client, a_png(4), key="case-4", batch_id=batch["id"])
    complete(database, done)
    give_up(database, failed)
    assert counts(client, batch) == {"completed": 1, "rejected": 1, "failed": 1, "queued": 1}
    assert client.get(batch["links"]["self"]).json()["done"] is False
    table = rows(client, batch)
    assert [row["item"] for row in table] == ["'=1+1", "case-2", "case-3", "case-4"]
    assert [row["status"] for row in table] == ["completed", "rejected", "failed", "queued"]
    assert (table[0]["Effusion"], table[0]["Nodule"], table[0]["present"]) == ("0.8000", "0.4000", "Effusion")
    assert table[0]["places"] == "Effusion right lower"
    assert table[0]["files"] == "image0.png"
    assert "There is a pleural effusion." in table[0]["report"]
    assert table[2]["error_detail"] == "codec crashed"
    answer = client.get(batch["links"]["results"], headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["item"] for line in lines] == ["=1+1", "case-2", "case-3", "case-4"]
    assert lines[0]["report"]["impression"] == lines[0]["impression"] == "Pleural effusion."
    assert [found["place"] for found in lines[0]["findings"]] == [
        {"side": "right", "zone": "lower", "as_displayed": True},
        *(None, None),
    ]
    assert lines[1]["error"]["type"] == "not-an-image"


def test_results_name_an_item_by_its_path_and_its_files_by_their_digests(
    client: httpx.Client, batch: dict[str, Any], database: Database
):
    path = "ward 1/" + "x" * 300 + "/\u202eMüller\x00.png"
    study_id = sent(client, a_png(1), key="item", batch_id=batch["id"], path=path)
    send(client, b"bad", key="case-2", batch_id=batch["id"], path="ward 2/bad.png")
    first, second = rows(client, batch)
    assert first["path"] == "ward 1/" + "x" * 300 + "/Müller.png"
    assert first["sha256"] == hashlib.sha256(a_png(1)).hexdigest()
    assert (second["path"], second["sha256"]) == ("ward 2/bad.png", "")
    client.delete(f"/v1/studies/{study_id}")
    assert the_order(database, study_id).item_path is None


def test_results_of_an_unknown_format_name_those_that_exist(client: httpx.Client, batch: dict[str, Any]):
    answer = client.get(batch["links"]["results"], headers={"Accept": "application/vnd.apache.parquet"})
    assert (answer.status_code, answer.json()["formats"]) == (406, ["text/csv", "application/x-ndjson"])
    assert client.get(batch["links"]["results"], params={"format": "parquet"}).status_code == 422


def test_a_cancelled_batch_keeps_its_results_and_takes_no_more(
    client: httpx.Client, batch: dict[str, Any], database: Database
):
    done = sent(client, a_png(1), key="1", batch_id=batch["id"])
    complete(database, done)
    sent(client, a_png(2), key="2", batch_id=batch["id"])
    outside = sent(client, a_png(3))
    cancelled = client.post(batch["links"]["cancel"])
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["done"] is True
    assert counts(client, batch) == {"completed": 1, "cancelled": 1}
    refused = send(client, a_png(4), key="4", batch_id=batch["id"])
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/batch-closed")
    assert client.post(batch["links"]["cancel"]).status_code == 200
    assert client.get(f"/v1/studies/{outside}").json()["status"] == "queued"
    assert [row["status"] for row in rows(client, batch)] == ["completed", "cancelled"]


def test_no_item_slips_in_while_a_batch_is_cancelled(
    api: ApiServer, client: httpx.Client, database: Database
):
    for _ in range(5):
        batch = client.post("/v1/batches", json={}).json()
        start = threading.Barrier(5)
        clients = [api.client() for _ in range(5)]

        def race(number: int, batch=batch, start=start, clients=clients) -> int:
            start.wait()
            if number == 0:
                return clients[0].post(batch["links"]["cancel"]).status_code
            return send(clients[number], a_png(number), key=str(number), batch_id=batch["id"]).status_code

        with ThreadPoolExecutor(5) as pool:
            assert set(pool.map(race, range(5))) <= {200, 202, 409}
        assert set(counts(client, batch)) <= {"cancelled"}


def test_an_item_of_no_batch_is_not_found_and_its_key_stays_free(client: httpx.Client, batch: dict[str, Any]):
    missing = str(new_id())
    assert send(client, a_png(), key="1", batch_id=missing).status_code == 404
    assert send(client, b"bad", key="1", batch_id=missing).status_code == 404


def test_an_item_that_no_batch_takes_is_never_stored(
    client: httpx.Client, batch: dict[str, Any], storage: Storage, database: Database
):
    content = a_png(4711)
    client.post(f"/v1/batches/{batch['id']}/cancel")
    for batch_id, status in ((batch["id"], 409), (str(uuid4()), 404)):
        assert send(client, content, batch_id=batch_id).status_code == status
    assert not storage.has_original(hashlib.sha256(content).hexdigest())


def test_an_erased_item_takes_no_probability_from_the_others(
    client: httpx.Client, batch: dict[str, Any], database: Database
):
    first, second = (StudyId(UUID(send(client, a_png(n), batch_id=batch["id"]).json()["id"])) for n in (1, 2))
    complete(database, first)
    complete(database, second)
    client.delete(f"/v1/studies/{first}")
    header = client.get(batch["links"]["results"], headers={"Accept": "text/csv"}).text.splitlines()[0]
    assert "Effusion" in header


def test_long_results_are_streamed_in_pieces(client: httpx.Client, batch: dict[str, Any], database: Database):
    with database.session() as session:
        session.execute(
            text("""
                INSERT INTO studies (id, tenant_id, batch_id, item_key, status, priority, language)
                SELECT gen_random_uuid(), :tenant, :batch, 'case-' || n, 'queued', 'archive', 'en'
                FROM generate_series(1, 5000) AS n
            """),
            {"batch": batch["id"], "tenant": DEFAULT_TENANT},
        )
    with client.stream("GET", batch["links"]["results"], params={"format": "csv"}) as answer:
        assert "content-length" not in answer.headers
        pieces = list(answer.iter_raw())
    assert len(pieces) > 3
    table = list(csv.DictReader(io.StringIO(b"".join(pieces).decode("utf-8-sig"), newline="")))
    assert len({row["item"] for row in table}) == 5000
    assert [row["study_id"] for row in table] == sorted(row["study_id"] for row in table)


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "x" * 201}, {"owner": "me"}, [], "x"])
def test_a_batch_that_makes_no_sense_is_refused(client: httpx.Client, body: object):
    assert client.post("/v1/batches", json=body).status_code == 422


def test_batches_are_listed_newest_first_page_by_page(client: httpx.Client):
    opened = [client.post("/v1/batches", json={"name": f"archive {number}"}).json() for number in range(5)]
    send(client, a_png(1), key="a", batch_id=opened[3]["id"])
    pages, cursor = [], None
    while True:
        page = client.get("/v1/batches", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        pages.append(page["items"])
        # What is opened meanwhile does not shift the pages that follow.
        client.post("/v1/batches", json={"name": "later"})
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    listed = [one for page in pages for one in page]
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(opened)]
    assert [one["total"] for one in listed] == [0, 1, 0, 0, 0]
    assert listed[1] == client.get(opened[3]["links"]["self"]).json()
    assert client.get("/v1/batches", params={"cursor": "x"}).json()["type"] == "/problems/bad-cursor"
