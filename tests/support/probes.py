"""A kubelet's probes of one container, as they are rendered: startup, then liveness and readiness."""

import subprocess
import sys
import time
from collections import Counter
from typing import Final

from tests.support.containers import Engine, EngineError
from tests.support.helm import Object

STARTUP: Final = "startupProbe"
LIVENESS: Final = "livenessProbe"
READINESS: Final = "readinessProbe"

_BY_PODMAN: Final = 5.0
"""Seconds that `podman exec` itself may take on a busy machine, beyond what the probe may."""


_GET: Final = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"User-Agent": "kube-probe"})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=float(sys.argv[2]))
"""
"""Ends with an error for a status of 400 and above, and says it."""

_CONNECT: Final = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])).close()
"""


class ProbeError(Exception):
    """A kubelet would kill the container; the text says what the probe said."""


class Probes:
    """The probes of one running container."""

    def __init__(self, engine: Engine, container: Object, name: str, address: str) -> None:
        """Name the container as rendered, as podman calls it, and its pod's address."""
        self._engine = engine
        self._container = container
        self._name = name
        self._address = address
        self._failures: Counter[str] = Counter()
        self._due: dict[str, float] = {}
        self._passed = {kind for kind in (STARTUP, LIVENESS, READINESS) if kind not in container}
        self.answer = "it was not asked yet"

    @property
    def ready(self) -> bool:
        """Whether all have answered well. A cluster does not wait for the liveness probe; this does."""
        return self._passed == {STARTUP, LIVENESS, READINESS}

    def step(self) -> None:
        """Ask the probes that are due.

        Raises:
            ProbeError: one has failed as often as it may.
        """
        for kind in (LIVENESS, READINESS) if STARTUP in self._passed else (STARTUP,):
            if kind in self._container and time.monotonic() >= self._due.get(kind, 0):
                self._due[kind] = time.monotonic() + self._container[kind].get("periodSeconds", 10)
                self._ask(kind)

    def _ask(self, kind: str) -> None:
        probe = self._container[kind]
        try:
            self._execute(probe) if "exec" in probe else self._call(probe)
        except (EngineError, subprocess.TimeoutExpired) as error:
            self.answer = f"{kind}: {error!r}"
            self._failures[kind] += 1
            if self._failures[kind] < probe.get("failureThreshold", 3):
                return
            self._passed.discard(kind)
            if kind != READINESS:
                raise ProbeError(self.answer) from error
        else:
            self.answer = f"{kind}: well"
            self._failures[kind] = 0
            self._passed.add(kind)

    def _execute(self, probe: Object) -> None:
        seconds = probe.get("timeoutSeconds", 1) + _BY_PODMAN
        self._engine.run("exec", self._name, *probe["exec"]["command"], seconds=seconds)

    def _call(self, probe: Object) -> None:
        """Ask, or only connect, from the machine, as a kubelet does from its node."""
        asked = probe.get("httpGet") or probe["tcpSocket"]
        ports = {port["name"]: port["containerPort"] for port in self._container.get("ports", ())}
        port = str(ports.get(asked["port"], asked["port"]))
        timeout = probe.get("timeoutSeconds", 1)
        call: tuple[str, ...]
        if "path" in asked:
            call = (_GET, f"http://{self._address}:{port}{asked['path']}")
        else:
            call = (_CONNECT, self._address, port)
        self._engine.on_node(sys.executable, "-c", *call, str(timeout), seconds=timeout + _BY_PODMAN)
