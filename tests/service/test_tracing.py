"""One trace a study, as a real OTLP collector receives it from the real processes."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from typing_extensions import override

from cxr.local.state import free_port
from shared.records.database import Database
from shared.storage import Storage
from tests.support.services import Service, services, wait_for
from tests.support.stack import InfraStack


class Collector(ThreadingHTTPServer):
    """Takes in spans over HTTP, as OTLP has it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Collecting)
        self.spans: dict[str, list[Span]] = {}
        self.raw = b""


class _Collecting(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.raw += body
        assert self.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            name = {item.key: item.value.string_value for item in resource.resource.attributes}[
                "service.name"
            ]
            for scope in resource.scope_spans:
                self.server.spans.setdefault(name, []).extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_studys_trace_leads_from_its_upload_to_its_report(
    infra: InfraStack,
    database: Database,
    storage: Storage,
    collector: Collector,
    samples: Path,
    tmp_path: Path,
):
    port = free_port()
    environment = infra.environment() | {
        "CXR_TELEMETRY_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "CXR_API_PORT": str(port),
        "CXR_API_AUTH": "off",
        "CXR_REPORT_WRITER": "template",
        "CXR_MODEL_DECODERS": "1",
    }
    with (
        services(environment, tmp_path, "worker_cnn", "worker_llm") as running,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        running.append(Service("api", environment, tmp_path))
        wait_for(lambda: _answers(client), 60, "the API")
        with (samples / "chest-1.png").open("rb") as file:
            sent = client.post(
                "/v1/studies", files={"files": ("DOE_JANE.png", file)}, headers={"Prefer": "wait=60"}
            )
        study = sent.json()
        assert study["status"] == "completed"
        assert [service.terminate() for service in running] == [0, 0, 0]
    trace = study["id"].replace("-", "")
    spans = [span for spans in collector.spans.values() for span in spans]
    assert {span.trace_id.hex() for span in spans} == {trace}
    assert {name: {span.name for span in spans} for name, spans in collector.spans.items()} == {
        "cxr-api": {"study.accept"},
        "cxr-worker-cnn": {"study.cnn", "fetch", "look", "decode", "judge", "store pictures"},
        "cxr-worker-llm": {"study.llm", "write"},
    }
    by_id = {span.span_id.hex(): span for span in spans}
    (root,) = [span for span in spans if not span.parent_span_id]
    assert root.name == "study.accept"
    assert all(span.parent_span_id.hex() in by_id for span in spans if span is not root)
    assert by_id[next(span for span in spans if span.name == "study.llm").parent_span_id.hex()] is root
    assert b"DOE_JANE" not in collector.raw
    assert all(f'"trace_id": "{trace}"' in service.text() for service in running[:2])


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False
