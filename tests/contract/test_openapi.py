"""The OpenAPI document: complete, without a way out of the house, and true of every answer."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from api.main import create_app
from shared.domain.studies import StudyStatus
from shared.records.database import Database
from shared.settings import ApiSettings, AuthMode, DatabaseSettings, QueueSettings, StorageSettings
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer
from tests.support.stack import InfraStack


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    # Each operation is asked with unknown keys too: on a fast machine more a minute than one address may try.
    with ApiServer(infra, auth=AuthMode.REQUIRED, max_failed_keys=0) as server:
        yield server


@pytest.fixture(scope="module")
def document(api: ApiServer) -> dict[str, Any]:
    return httpx.get(f"{api.url}/openapi.json", timeout=60).json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_of_the_contract_is_there(document: dict[str, Any]):
    study, batch = "/v1/studies/{study_id}", "/v1/batches/{batch_id}"
    assert {(method, path) for path, method, _ in operations(document)} == {
        ("post", "/v1/studies"),
        ("get", "/v1/studies"),
        ("get", study),
        ("delete", study),
        ("post", f"{study}/retry"),
        ("post", f"{study}/cancel"),
        ("post", f"{study}/images"),
        ("post", f"{study}/close"),
        ("get", f"{study}/events"),
        ("get", f"{study}/findings"),
        ("get", f"{study}/similar"),
        ("get", f"{study}/report"),
        ("put", f"{study}/report"),
        ("post", f"{study}/report/sign"),
        ("post", f"{study}/report/addendum"),
        ("post", f"{study}/report/error"),
        ("put", f"{study}/report/draft"),
        ("get", f"{study}/report/draft"),
        ("delete", f"{study}/report/draft"),
        ("get", f"{study}/report/versions"),
        ("get", f"{study}/report/versions/{{version}}"),
        ("get", f"{study}/report/diff"),
        ("get", "/v1/reviews/next"),
        ("get", "/v1/reviews/waiting"),
        ("get", "/v1/reviews/summary"),
        ("get", "/v1/reviews/writers"),
        ("get", "/v1/reviews/export"),
        ("get", f"{study}/images/{{index}}/preview.png"),
        ("get", f"{study}/images/{{index}}/original"),
        ("get", f"{study}/images/{{index}}/heatmaps/{{label}}.png"),
        ("post", "/v1/batches"),
        ("get", "/v1/batches"),
        ("get", batch),
        ("get", f"{batch}/results"),
        ("get", f"{batch}/reports"),
        ("post", f"{batch}/cancel"),
        ("post", "/v1/keys"),
        ("get", "/v1/keys"),
        ("delete", "/v1/keys/{key_id}"),
        ("post", "/v1/pull-rules"),
        ("get", "/v1/pull-rules"),
        ("post", "/v1/pull-rules/{rule_id}/pause"),
        ("post", "/v1/pull-rules/{rule_id}/resume"),
        ("post", "/v1/pull-rules/{rule_id}/run"),
        ("delete", "/v1/pull-rules/{rule_id}"),
        ("post", "/v1/hl7-senders"),
        ("get", "/v1/hl7-senders"),
        ("delete", "/v1/hl7-senders/{sender_id}"),
        ("get", "/v1/tenants"),
        ("patch", "/v1/tenants/{tenant_id}"),
        ("get", "/v1/tenants/{tenant_id}/retention"),
        ("put", "/v1/tenants/{tenant_id}/retention"),
        ("post", "/v1/patients/erase"),
        ("post", "/v1/dicom-peers"),
        ("get", "/v1/dicom-peers"),
        ("delete", "/v1/dicom-peers/{peer_id}"),
        ("get", f"{study}/deliveries"),
        ("get", "/v1/deliveries"),
        ("post", "/v1/deliveries/{delivery_id}/retry"),
        ("post", "/v1/destinations"),
        ("get", "/v1/destinations"),
        ("get", "/v1/destinations/{destination_id}"),
        ("delete", "/v1/destinations/{destination_id}"),
        *(
            ("post", f"/v1/destinations/{{destination_id}}/{verb}")
            for verb in ("test", "pause", "resume", "retry")
        ),
        ("get", "/v1/info"),
        ("get", "/healthz"),
        ("get", "/readyz"),
    }


def test_every_route_says_what_it_is_and_how_it_fails(document: dict[str, Any]):
    for path, method, operation in operations(document):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        for status, answer in operation["responses"].items():
            assert answer["description"], (method, path, status)
            if status.startswith(("4", "5")) and path != "/readyz":
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
        if path.startswith("/v1/") and path != "/v1/info":
            assert operation["security"] == [{"API key": []}]
            assert {"401", "403", "503"} <= set(operation["responses"])


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names
    assert names <= set(document["components"]["schemas"])


def test_the_upload_names_every_field(document: dict[str, Any]):
    body = document["paths"]["/v1/studies"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(body["properties"]) == {
        *("files", "priority", "language", "batch_id", "path", "mixed"),
        *("open", "expected_images", "close_after"),
        *("accession_number", "patient_id", "patient_id_issuer", "patient_name", "patient_birth_date"),
        *("patient_sex", "patient_age_years", "referring_physician", "study_instance_uid", "study_date"),
        *("study_time", "body_part", "laterality", "institution", "indication"),
    }
    assert body["anyOf"] == [{"required": ["files"]}, {"required": ["open"]}]


def test_statuses_are_those_of_the_state_machine(document: dict[str, Any]):
    assert document["components"]["schemas"]["StudyStatus"]["enum"] == [
        status.value for status in StudyStatus
    ]


def test_the_reference_page_loads_nothing_from_outside(api: ApiServer):
    page = httpx.get(f"{api.url}/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 4
    for address in addresses:
        assert address.startswith("/docs/")
        assert httpx.get(api.url + address).status_code == 200
    assert "http" not in page.headers["content-security-policy"]
    assert "<script>" not in page.text


def test_every_kind_of_problem_can_be_opened(api: ApiServer):
    refused = api.client(ADMIN_KEY).get("/v1/studies/1").json()
    explained = httpx.get(api.url + refused["type"])
    assert explained.status_code == 200
    assert explained.text.startswith("422 ")
    assert httpx.get(f"{api.url}/problems/nonsense").status_code == 422


def written_down() -> schemathesis.BaseSchema:
    """Return the document of an API that has nothing behind it: pytest wants the routes before servers."""
    app = create_app(
        ApiSettings(auth=AuthMode.OFF),
        database=DatabaseSettings(),
        storage=StorageSettings(),
        queue=QueueSettings(),
    )
    # Beside the usual ones, 413: a text that is too long may make a body that is.
    refusals = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
    checks = {"negative_data_rejection": {"expected-statuses": refusals}}
    config = schemathesis.Config.from_dict({"checks": checks})
    return schemathesis.openapi.from_dict(app.openapi(), config=config)


schema = written_down()


@schema.parametrize()
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_is_answered_as_the_document_says(case: schemathesis.Case[Any], api: ApiServer):
    # A long poll is a test of patience, not of the contract.
    if case.query and "wait" in case.query:
        case.query["wait"] = 0.1
    if case.headers:
        case.headers.pop("Prefer", None)
    # A schema cannot say what a cursor, or a radiograph, is: that valid-looking ones are refused is right.
    excluded: list[CheckFunction] = [positive_data_acceptance]
    if case.operation.label == "POST /v1/studies":
        # A form field that was left empty counts as not filled in, whatever its format.
        excluded.append(negative_data_rejection)
    case.call_and_validate(
        base_url=api.url, headers={"Authorization": f"Bearer {ADMIN_KEY}"}, excluded_checks=excluded
    )
