"""As much of the Kubernetes API as Helm's `lookup` asks for: a few Secrets that exist already.

with FakeCluster({"cxr-postgres": {"password": "kept"}}) as cluster:
    run_helm("template", ..., "--dry-run=server", "--is-upgrade", "--kube-apiserver", cluster.url)
"""

import base64
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from typing_extensions import override

_KINDS: Final = {
    "v1": ("Secret", "ConfigMap", "Service", "ServiceAccount", "Pod"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "batch/v1": ("Job",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "policy/v1": ("PodDisruptionBudget",),
}
"""What the chart makes without values of one's own: Helm asks first whether the cluster knows these."""


def _discovery() -> dict[str, Any]:
    groups = [
        {
            "name": version.partition("/")[0],
            "versions": [{"groupVersion": version, "version": "v1"}],
            "preferredVersion": {"groupVersion": version, "version": "v1"},
        }
        for version in _KINDS
        if "/" in version
    ]
    answers: dict[str, Any] = {
        "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    }
    for version, kinds in _KINDS.items():
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = [
            {
                "name": _plural(kind),
                "singularName": kind.lower(),
                "namespaced": True,
                "kind": kind,
                "verbs": ["get"],
            }
            for kind in kinds
        ]
        answers[path] = {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
    return answers


def _plural(kind: str) -> str:
    return "networkpolicies" if kind == "NetworkPolicy" else f"{kind.lower()}s"


_DISCOVERY: Final = _discovery()


class FakeCluster:
    """An HTTP server that knows these Secrets and says 404 to everything else."""

    def __init__(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                cluster.asked.append(path)
                body = cluster.answer(path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                missing = {
                    "kind": "Status",
                    "apiVersion": "v1",
                    "status": "Failure",
                    "reason": "NotFound",
                    "code": 404,
                }
                self.wfile.write(json.dumps(body or missing).encode())

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.asked: list[str] = []
        self._secrets = secrets
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, path: str) -> Any:
        """Return the object at a path, or None."""
        if path in _DISCOVERY:
            return _DISCOVERY[path]
        name = path.rpartition("/secrets/")[2]
        if "/secrets/" in path and name in self._secrets:
            data = {
                key: base64.b64encode(value.encode()).decode() for key, value in self._secrets[name].items()
            }
            return {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "data": data}
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
