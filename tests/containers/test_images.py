"""Each image by itself, held as tightly as an installation may hold it: what it needs is in it, and readable.

No network, a read-only root, no capabilities, and a user whom the image does not know, as OpenShift chooses.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.containers.conftest import Site
from tests.support.containers import EngineError
from tests.support.services import wait_for

OURS = ("api", "worker-cnn", "worker-llm", "gateway")
ANY_USER = "54321:0"
"""OpenShift's are larger still, but a normal user's podman has 65,536 to give."""
TIGHT = (
    *("--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"),
    *("--security-opt", "no-new-privileges", "--user", ANY_USER),
)
API_LIMIT = 380_000_000  # of which Typst and the fonts for names in any script are 120
CPU_LIMIT = 1_500_000_000
"""Bytes of an image; torch's CUDA build alone has three times as many."""

_CALLS = """
import socket, ssl, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import boto3, httpx, requests

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>")

server = HTTPServer(("127.0.0.1", 8443), Answers)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/authority.crt", "/tls/authority.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = "https://127.0.0.1:8443/"
httpx.get(url).raise_for_status()  # an OpenAI-compatible server
requests.get(url).raise_for_status()  # an OpenTelemetry collector
keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
boto3.client("s3", "us-east-1", endpoint_url=url, **keys).list_buckets()
with socket.create_connection(("127.0.0.1", 8443)) as plain:  # Valkey
    ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1").close()
print("trusted")
"""

every_image = pytest.mark.parametrize("name", OURS)

_CONTENTS = """
import json, sys
from importlib.util import cache_from_source
from pathlib import Path
site = next(Path("/opt/venv/lib").glob("python3*/site-packages"))
files = [f for f in site.rglob("*") if f.is_file() and not f.is_symlink() and f.suffix != ".pyc"]
names = sorted({p.relative_to(site).parts[0] for p in files})
slow = [str(f) for f in Path("/app").rglob("*.py") if not Path(cache_from_source(f)).exists()]
print(json.dumps({"bytes": sum(f.stat().st_size for f in files), "names": names, "not compiled": slow}))
"""


def image(name: str) -> str:
    return f"docker.io/library/cxr-reporter-{name}:0.1.0"


@contextmanager
def held_tightly(site: Site, name: str, *variables: str) -> Iterator[str]:
    given = [word for variable in variables for word in ("--env", variable)]
    container = site.engine.run("run", "--detach", *TIGHT, *given, image(name)).strip()
    try:
        yield container
    finally:
        site.engine.run("rm", "--force", "--time", "0", container)


def answers(site: Site, container: str, port: int, path: str) -> bool:
    state = site.engine.run("inspect", "--format", "{{.State.Status}}", container).strip()
    assert state == "running", site.engine.logs(container)
    try:
        site.engine.run("exec", container, "python", "-m", "shared.operations.probe", str(port), path)
    except EngineError:
        return False
    return True


@every_image
def test_every_file_of_the_image_can_be_read_by_every_user(site: Site, name: str):
    unreadable = ("!", "-perm", "-o+r", "-o", "-type", "d", "!", "-perm", "-o+x")
    command = ("find", "/opt", "/app", "-xdev", "!", "-type", "l", "(", *unreadable, ")")
    assert site.engine.run("run", "--rm", "--network", "none", "--user", "0:0", image(name), *command) == ""


@every_image
def test_the_image_says_its_user_by_number_and_starts_no_shell(site: Site, name: str):
    (inspected,) = json.loads(site.engine.run("image", "inspect", image(name)))
    assert inspected["Config"]["User"] == "10001:10001"
    assert inspected["Config"]["Cmd"][:2] == ["python", "-m"]


@every_image
def test_a_server_of_the_sites_own_authority_is_trusted(site: Site, name: str):
    authority = site.engine.authority()
    mounts = (
        "--volume",
        f"{authority.certificate}:/tls/authority.crt:ro",
        "--volume",
        f"{authority.key}:/tls/authority.key:ro",
    )
    printed = site.engine.run("run", "--rm", *TIGHT, *mounts, image(name), "python", "-c", _CALLS)
    assert printed == "trusted\n"


def test_the_api_serves_without_its_database(site: Site):
    with held_tightly(site, "api") as container:
        wait_for(lambda: answers(site, container, 8000, "/healthz"), 60, "the API to serve")
        with pytest.raises(EngineError, match="/readyz answers 503"):
            site.engine.run("exec", container, "python", "-m", "shared.operations.probe", "8000", "/readyz")
        site.engine.run("stop", "--time", "30", container)
        assert site.engine.run("inspect", "--format", "{{.State.ExitCode}}", container).strip() == "0"


@pytest.mark.parametrize(
    ("name", "variables", "loaded"),
    [
        ("worker-cnn", (), "model.loaded"),
        ("worker-llm", (), "writer.loaded"),
        ("worker-llm", ("CXR_REPORT_WRITER=template",), "writer.loaded"),
    ],
)
def test_a_worker_loads_its_model_and_serves(site: Site, name: str, variables: tuple[str, ...], loaded: str):
    with held_tightly(site, name, *variables) as container:
        wait_for(lambda: answers(site, container, 9100, "/metrics"), 60, "metrics to be served")
        wait_for(lambda: loaded in site.engine.logs(container), 120, "the model to be loaded")
        # Its own servers are away, and it says so by staying: a worker that cannot reach them waits.
        assert answers(site, container, 9100, "/metrics")


def test_the_gateway_listens_without_its_database_and_ends_when_it_is_told_to(site: Site):
    with held_tightly(site, "gateway") as container:
        wait_for(lambda: answers(site, container, 9100, "/metrics"), 60, "metrics to be served")
        wait_for(lambda: "worker.ready" in site.engine.logs(container), 60, "its parts to listen")
        site.engine.run("stop", "--time", "30", container)
        assert site.engine.run("inspect", "--format", "{{.State.ExitCode}}", container).strip() == "0"


@pytest.fixture(scope="module")
def held(site: Site) -> dict[str, Any]:
    """Return what the images hold, by their names."""
    return {
        name: json.loads(site.engine.run("run", "--rm", *TIGHT, image(name), "python", "-c", _CONTENTS))
        for name in OURS
    }


@every_image
def test_no_process_compiles_code_at_its_start(held: dict[str, Any], name: str):
    assert held[name]["not compiled"] == []


def test_an_image_for_a_cpu_holds_nothing_for_a_gpu_and_no_service_another_ones_packages(
    site: Site, held: dict[str, Any]
):
    nowhere = {"torch", "nvidia", "triton", "transformers", "uv", "rich", "typer", "pytest"}
    not_in = {
        "api": nowhere | {"onnxruntime", "cv2", "xllamacpp"},
        "worker-cnn": nowhere | {"fastapi", "uvicorn", "alembic", "xllamacpp"},
        "worker-llm": nowhere | {"fastapi", "uvicorn", "alembic", "onnxruntime", "cv2"},
        "gateway": nowhere | {"fastapi", "uvicorn", "alembic", "onnxruntime", "cv2", "xllamacpp"},
    }
    for name in OURS:
        assert not not_in[name] & set(held[name]["names"]), name
    assert held["api"]["bytes"] < API_LIMIT
    for name in OURS:
        size = json.loads(site.engine.run("image", "inspect", image(name)))[0]["Size"]
        assert size < CPU_LIMIT, f"{name}: {size / 1e6:.0f} MB"
