"""Studies that look alike: found among the tenant's own, with pgvector and, said so, not without it."""

from collections.abc import Iterator, Sequence

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from migrations.__main__ import upgrade
from shared.domain.embeddings import Embedding
from shared.domain.findings import ModelVersion, ViewPosition
from shared.domain.studies import DEFAULT_TENANT, StudyId, TenantId
from shared.errors import UnusableImageError
from shared.records import embeddings, erasure, findings, vector_indexes
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.tables import EncoderRow, StudyRow
from shared.settings import DatabaseSettings
from tests.support.api import a_png, classify, report, sent
from tests.support.builders import SOMEBODY, a_claim, a_finding, a_study, a_tenant
from tests.support.databases import new_database
from tests.support.signing import sign, withdraw
from tests.support.stack import InfraStack

ENCODER = ModelVersion("pooled", "1", "c" * 64)
ANOTHER = ModelVersion("rad-dino", "1", "f" * 64)


def towards(angle: float, encoder: ModelVersion = ENCODER) -> Embedding:
    """Return a vector of length 1 whose cosine to that of 0 is `angle`'s own."""
    return Embedding(encoder, (1.0 - angle, (1.0 - (1.0 - angle) ** 2) ** 0.5, 0.0, 0.0))


def read_study(database: Database, *embedded: Embedding, tenant_id: TenantId = DEFAULT_TENANT) -> StudyId:
    """Take a study of so many images as far as its findings."""
    study_id = a_study(database, tenant_id=tenant_id)
    read_again(database, study_id, *embedded)
    return study_id


def read_again(database: Database, study_id: StudyId, *embedded: Embedding) -> None:
    claim = a_claim(database, study_id)
    images = [
        ImageFindings(index, ViewPosition.PA, [a_finding(image=index)], embedding=one)
        for index, one in enumerate(embedded)
    ]
    with database.session() as session:
        findings.store(session, claim, images, ModelVersion("bundled", "1.0", "d" * 64))


def near(database: Database, study_id: StudyId, limit: int = 10) -> Sequence[embeddings.Neighbour]:
    with database.session() as session:
        encoder = embeddings.encoder(session, study_id)
        assert encoder is not None
        return embeddings.nearest(session, study_id, encoder, limit=limit)


def patient(database: Database) -> Database:
    """Return the way to the same database that the sweeper takes."""
    url = database.engine.url.render_as_string(hide_password=False)
    return Database(DatabaseSettings(url=url), pool_size=1, longest_statement=None)


def indexes(database: Database) -> list[str]:
    with database.session() as session:
        return list(
            session.scalars(
                text("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'ix_embeddings_vector_%'")
            )
        )


@pytest.fixture
def indexed(database: Database) -> Iterator[Database]:
    """Return a database with an index of the vectors, dropped again after the test."""
    with database.session() as session:
        session.add(EncoderRow(digest=ENCODER.digest, id="pooled", version="1", dimensions=4))
    sweepers = patient(database)
    assert vector_indexes.make_missing(sweepers) == 1
    assert vector_indexes.make_missing(sweepers) == 0
    sweepers.close()
    yield database
    with database.session() as session:
        session.execute(text(f"DROP INDEX {vector_indexes.index_name(ENCODER.digest)}"))


def test_the_nearest_come_first_each_by_its_nearest_image(database: Database):
    asked = read_study(database, towards(0.0), towards(1.9))
    far = read_study(database, towards(0.3))
    of_two = read_study(database, towards(0.6), towards(0.05))
    found = near(database, asked)
    assert [one.study_id for one in found] == [of_two, far]
    assert [(one.image, one.their_image) for one in found] == [(0, 1), (0, 0)]
    assert [one.distance for one in found] == pytest.approx([0.05, 0.3], abs=2e-3)
    assert [one.study_id for one in near(database, asked, limit=1)] == [of_two]


def test_only_vectors_of_one_encoder_are_compared_and_the_newest_counts(database: Database):
    old = read_study(database, towards(0.0))
    new = read_study(database, towards(0.0, ANOTHER))
    both = read_study(database, towards(0.1))
    assert [one.study_id for one in near(database, both)] == [old]
    with database.session() as session:
        tenant = session.get_one(StudyRow, both).tenant_id
        embeddings.write(session, both, TenantId(tenant), {0: towards(0.2, ANOTHER)})
    assert [one.study_id for one in near(database, both)] == [new]
    assert near(database, old)[0].study_id == both


def test_a_study_read_again_has_the_vectors_of_that_reading(database: Database):
    asked, other = read_study(database, towards(0.0)), read_study(database, towards(0.1), towards(0.2))
    with database.session() as session:
        embeddings.write(session, other, DEFAULT_TENANT, {1: towards(0.5)})
    (found,) = near(database, asked)
    assert (found.study_id, found.their_image) == (other, 1)


def test_another_tenant_s_and_erased_studies_are_never_found(database: Database):
    asked = read_study(database, towards(0.0))
    read_study(database, towards(0.0), tenant_id=a_tenant(database))
    gone = read_study(database, towards(0.0))
    assert [one.study_id for one in near(database, asked)] == [gone]
    with database.session() as session:
        erasure.erase(session, gone, actor=SOMEBODY)
    assert near(database, asked) == []
    with database.session() as session:
        assert embeddings.encoder(session, gone) is None


def test_a_study_that_is_refused_when_it_is_read_again_has_no_vector(database: Database):
    study_id = a_study(database)
    with database.session() as session:
        embeddings.write(session, study_id, DEFAULT_TENANT, {0: towards(0.0)})
    claim = a_claim(database, study_id)
    reason = UnusableImageError("a lateral view")
    with database.session() as session:
        findings.refuse(session, claim, [ImageFindings(0, ViewPosition.LATERAL, rejection=reason)], reason)
        assert embeddings.encoder(session, study_id) is None


def test_the_index_is_used_and_finds_what_is_left_when_most_are_another_tenant_s(indexed: Database):
    asked, own = read_study(indexed, towards(0.0)), read_study(indexed, towards(0.5))
    other = a_tenant(indexed)
    with indexed.session() as session:
        session.execute(
            text(
                "INSERT INTO studies (id, tenant_id, status, priority, language)"
                " SELECT gen_random_uuid(), :tenant, 'completed', 'routine', 'en'"
                " FROM generate_series(1, 400)"
            ),
            {"tenant": other},
        )
        session.execute(
            text(
                "INSERT INTO embeddings (study_id, image_index, encoder_digest, tenant_id, vector)"
                " SELECT id, 0, :digest, tenant_id, ARRAY[1, random() * 0.1, 0, 0]::real[] FROM studies"
                " WHERE tenant_id = :tenant"
            ),
            {"tenant": other, "digest": ENCODER.digest},
        )
    sweepers = patient(indexed)
    while vector_indexes.take_in(sweepers):
        pass
    sweepers.close()
    late = read_study(indexed, towards(0.7))
    # However few there are: as if there were too many to read them all.
    with indexed.session() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        session.execute(text("SET LOCAL enable_sort = off"))
        encoder = embeddings.encoder(session, asked)
        assert encoder is not None
        before = _scans(session)
        found = embeddings.nearest(session, asked, encoder, limit=3)
    # The last one is in no index yet, and found all the same.
    assert [one.study_id for one in found] == [own, late]
    with indexed.session() as session:
        session.execute(text("SELECT pg_stat_clear_snapshot()"))
        assert _scans(session) > before


def _scans(session) -> int:
    session.execute(text("SELECT pg_stat_force_next_flush()"))
    name = vector_indexes.index_name(ENCODER.digest)
    statement = text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :name")
    return session.scalar(statement, {"name": name})


def test_an_index_that_was_left_half_made_is_made_anew(indexed: Database):
    name = vector_indexes.index_name(ENCODER.digest)
    with indexed.session() as session:
        session.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST(:name AS regclass)"),
            {"name": name},
        )
    sweepers = patient(indexed)
    assert vector_indexes.make_missing(sweepers) == 1
    sweepers.close()


def test_the_api_tells_findings_and_only_impressions_that_were_signed(
    client: httpx.Client, database: Database
):
    asked, signed, drafted, in_error = (sent(client, a_png(seed)) for seed in range(4))
    for study_id, angle in ((asked, 0.0), (signed, 0.2), (drafted, 0.4), (in_error, 0.1)):
        classify(database, study_id, embedding=towards(angle))
        report(database, study_id)
    sign(client, signed).raise_for_status()
    sign(client, in_error).raise_for_status()
    withdraw(client, in_error, "Another patient.").raise_for_status()
    body = client.get(f"/v1/studies/{asked}/similar").raise_for_status().json()
    assert body["encoder"] == {"id": "pooled", "version": "1", "digest": ENCODER.digest}
    first, second = body["items"]
    assert (first["study_id"], first["report_status"]) == (str(signed), "final")
    assert first["impression"] == "Pleural effusion."
    assert [(one["label"], one["name"]) for one in first["findings"]] == [("Effusion", "Pleural effusion")]
    assert client.get(first["links"]["self"]).json()["id"] == str(signed)
    assert (second["study_id"], second["report_status"]) == (str(drafted), "preliminary")
    assert second["impression"] is None
    (only,) = client.get(f"/v1/studies/{asked}/similar", params={"limit": 1}).json()["items"]
    assert only == first


def test_the_api_says_why_a_study_cannot_be_compared(client: httpx.Client, database: Database):
    study_id = sent(client)
    assert client.get(f"/v1/studies/{study_id}/similar").status_code == 202
    classify(database, study_id)
    report(database, study_id)
    refused = client.get(f"/v1/studies/{study_id}/similar")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-comparable")
    assert "CXR_MODEL_ENCODER" in refused.json()["detail"]


def test_the_api_asks_nobody_s_database_for_what_it_has_not(client: httpx.Client, database: Database):
    study_id = sent(client)
    classify(database, study_id, embedding=towards(0.0))
    with database.session() as session:
        session.execute(text("DROP EXTENSION vector CASCADE"))
    try:
        refused = client.get(f"/v1/studies/{study_id}/similar")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-comparable")
        assert "CREATE EXTENSION vector" in refused.json()["detail"]
    finally:
        with database.session() as session:
            session.execute(text("CREATE EXTENSION vector"))
    assert client.get(f"/v1/studies/{study_id}/similar").json()["items"] == []


@pytest.fixture
def plain(infra: InfraStack) -> Iterator[Database]:
    """Return a database whose owner may make no extension, as many a hospital's is."""
    server = new_database(infra, "plain")
    with server.session() as session:
        session.execute(text("DROP ROLE IF EXISTS plain"))
        session.execute(text("CREATE ROLE plain LOGIN PASSWORD 'plain'"))
        session.execute(text("GRANT ALL ON SCHEMA public TO plain"))
    url = server.engine.url.set(username="plain", password="plain")
    database = Database(DatabaseSettings(url=url.render_as_string(hide_password=False)))
    yield database
    database.close()
    with server.session() as session:
        session.execute(text("DROP OWNED BY plain"))
        session.execute(text("DROP ROLE plain"))
    server.close()


def test_without_pgvector_vectors_are_kept_and_searched_once_it_is_there(infra: InfraStack, plain: Database):
    with plain.session() as session:
        upgrade(session.connection())
    one, other = read_study(plain, towards(0.0)), read_study(plain, towards(0.1))
    sweepers = patient(plain)
    assert vector_indexes.make_missing(sweepers) == 0
    with plain.session() as session:
        assert "CREATE EXTENSION vector" in (embeddings.lacking(session) or "")
    administrators = Database(
        DatabaseSettings(
            url=make_url(infra.database_url).set(database="plain").render_as_string(hide_password=False)
        )
    )
    with administrators.session() as session:
        session.execute(text("CREATE EXTENSION vector"))
    administrators.close()
    assert [found.study_id for found in near(plain, one)] == [other]
    assert vector_indexes.make_missing(sweepers) == 1
    assert indexes(plain) == [vector_indexes.index_name(ENCODER.digest)]
    assert [found.study_id for found in near(plain, one)] == [other]
    sweepers.close()
