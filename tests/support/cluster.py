"""A cluster of one node for a rendered chart: podman runs the pods, this does what `kube play` leaves undone.

with Cluster(engine, objects) as cluster:
    cluster.wait_until_available(seconds=120)
    print(cluster.run(pod).log)

All pods start at once, as after `helm install`. What happens to one before podman sees it is in kubelet.py,
its probes in probes.py, a Service's address in service_proxy.py. Not played: NetworkPolicies, which need a
network that enforces them, PodDisruptionBudgets, quotas of CPU, and whatever needs an operator.
"""

import ipaddress
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from tests.support.containers import Engine, EngineError
from tests.support.helm import Object, matches, of_kind
from tests.support.kubelet import (
    Pod,
    make_volumes,
    maps_of,
    over_their_limit,
    playable,
    pods_of,
    remove_volumes,
    secrets_of,
)
from tests.support.probes import ProbeError, Probes

NETWORK: Final = "cxr-test-cluster"

_PROXY: Final = Path(__file__).with_name("service_proxy.py")
_LOOK_SECONDS: Final = 1
_RETRY_SECONDS: Final = 5.0
"""A cluster waits for 10, then for longer each time."""


class PodError(Exception):
    """A pod did what a cluster would not let pass; the text says what, with its log."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container came to its end."""

    code: int
    log: str


class Cluster:
    """The pods, Services, Secrets and ConfigMaps of one release, running."""

    def __init__(self, engine: Engine, objects: Sequence[Object]) -> None:
        """Name the engine and what Helm has rendered."""
        self._engine = engine
        self._folder = engine.folder / "cluster"
        self._secrets = secrets_of(objects)
        self._maps = maps_of(objects)
        self._services = of_kind(objects, "Service")
        self._pods = pods_of(objects)
        self._made: list[tuple[Pod, dict[str, Path]]] = []
        self._deleted: set[str] = set()
        self._lives: dict[str, Future[None]] = {}
        self._probes: dict[str, list[Probes]] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(len(self._pods) + len(self._services) + 1)

    def __enter__(self) -> Self:
        """Start the Services, and then all pods."""
        remove_volumes(self._folder, self._engine)  # of a run that was killed
        (self._folder / "endpoints").mkdir(parents=True)
        self._engine.run("network", "create", NETWORK)
        self._addresses = self._free_addresses()
        self._threads.submit(self._look)
        for proxy in [self._threads.submit(self._serve, service) for service in self._services]:
            proxy.result()
        self._lives = {pod.name: self._threads.submit(self._live, pod) for pod in self._pods}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove everything."""
        self._stop.set()
        self._threads.shutdown()
        now = ("--force", "--time", "0")
        self._engine.run("pod", "rm", *now, *(pod.name for pod, _ in self._made))
        # With it goes what is still on it: the Services, and a pod that podman has made in part.
        self._engine.run("network", "rm", *now, NETWORK)
        remove_volumes(self._folder, self._engine)

    def wait_until_available(self, seconds: float) -> None:
        """Wait until Jobs have ended well and all other pods are ready.

        Raises:
            PodError: a pod failed, or was not ready in time.
        """
        end = time.monotonic() + seconds
        while missing := [pod for pod in self._pods if not self._is_available(pod)]:
            if time.monotonic() > end:
                raise self._error(missing[0], f"not ready after {seconds:.0f} s; {self._answers(missing[0])}")
            time.sleep(_LOOK_SECONDS)

    def run(self, pod: Pod, seconds: float) -> Ended:
        """Run a pod of one container to its end, while all others live on."""
        self._create(pod)
        (container,) = pod.spec["containers"]
        self._engine.run("start", pod.container(container["name"]))
        return self._ended(pod, container, seconds)

    def overfull(self) -> list[str]:
        """Return the volumes for which a kubelet would evict their pods."""
        return [line for pod, volumes in self._made for line in over_their_limit(pod, volumes, self._engine)]

    def delete_pods(self, kind: str) -> dict[str, int]:
        """Delete a kind of controller's pods as a kubelet does; return the exit codes of their containers.

        Stands for the end of a pod: its preStop hook, then the image's stop signal, and SIGKILL (137) after
        what is left of its grace period.
        """
        pods = [pod for pod in self._pods if pod.kind == kind]
        self._deleted.update(pod.name for pod in pods)
        return dict(ends for each in self._threads.map(self._delete, pods) for ends in each.items())

    def _delete(self, pod: Pod) -> dict[str, int]:
        codes = {}
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        for container in pod.spec["containers"]:
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            time.sleep(pause)
            name = pod.container(container["name"])
            self._engine.run("stop", "--time", str(grace - pause), name, seconds=grace + 60)
            codes[name] = self._ended(pod, container, 10).code
        return codes

    # A pod's life

    def _live(self, pod: Pod) -> None:
        """Stands for a kubelet's care of a pod: init containers one by one, then the others, and probes."""
        address = self._create(pod)
        for container in pod.spec.get("initContainers", ()):
            self._engine.run("start", pod.container(container["name"]))
            self._ended_well(pod, container)
        for container in pod.spec["containers"]:
            self._engine.run("start", pod.container(container["name"]))
        if pod.kind == "Job":
            self._finish(pod)
            return
        probes = [
            Probes(self._engine, container, pod.container(container["name"]), address)
            for container in pod.spec["containers"]
        ]
        self._probes[pod.name] = probes
        while not self._stop.wait(_LOOK_SECONDS) and pod.name not in self._deleted:
            for container in pod.spec["containers"]:
                state = self._states.get(pod.container(container["name"]), {})
                if state.get("State") == "exited":
                    raise self._error(pod, f"{container['name']} ended with {state['ExitCode']}")
            try:
                for each in probes:
                    each.step()
            except ProbeError as error:
                raise self._error(pod, str(error)) from error
            self._route(pod, address, ready=all(each.ready for each in probes))

    def _finish(self, pod: Pod) -> None:
        """Stands for a Job's controller: what has failed starts again after a pause, within backoffLimit."""
        (container,) = pod.spec["containers"]
        name = pod.container(container["name"])
        for _ in range(pod.retries + 1):
            if self._engine.run("wait", name, seconds=300).strip() == "0":
                return
            self._stop.wait(_RETRY_SECONDS)
            self._engine.run("start", name)
        raise self._error(pod, f"{container['name']} has failed {pod.retries + 1} times")

    def _create(self, pod: Pod) -> str:
        """Give a pod its volumes and its address, and have podman make it; return the address."""
        address = self._addresses.pop()
        volumes = make_volumes(pod, self._maps, self._folder, self._engine)
        document = self._folder / f"{pod.name}.yaml"
        document.write_text(
            yaml.safe_dump(playable(pod, self._secrets, volumes, limits=self._engine.can_limit_memory))
        )
        self._made.append((pod, volumes))
        # Not started: podman would hold a lock on the pod until its init containers have ended.
        self._engine.run("kube", "play", "--start=false", "--network", f"{NETWORK}:ip={address}", document)
        return address

    def _ended(self, pod: Pod, container: Object, seconds: float) -> Ended:
        name = pod.container(container["name"])
        end = time.monotonic() + seconds
        while (state := self._states.get(name, {})).get("State") != "exited":
            if self._stop.wait(_LOOK_SECONDS) or time.monotonic() > end:
                raise self._error(pod, f"{container['name']} has not ended after {seconds:.0f} s")
        return Ended(state["ExitCode"], self._log(name))

    def _ended_well(self, pod: Pod, container: Object) -> None:
        ended = self._ended(pod, container, 240)
        if ended.code != 0:
            raise self._error(pod, f"{container['name']} ended with {ended.code}")

    def _is_available(self, pod: Pod) -> bool:
        life = self._lives[pod.name]
        if life.done():
            life.result()  # raises what it has failed with
        if pod.kind == "Job":
            return life.done()
        return pod.name in self._probes and all(probes.ready for probes in self._probes[pod.name])

    def _look(self) -> None:
        """Ask podman for the states of all containers, for everybody who waits."""
        while not self._stop.wait(_LOOK_SECONDS):
            self._states = {each["Names"][0]: each for each in self._engine.json("ps", "--all")}

    # Services

    def _free_addresses(self) -> list[str]:
        """Stands for the network plugin, which gives each pod an address. The last is given first."""
        (network,) = json.loads(self._engine.run("network", "inspect", NETWORK))
        hosts = ipaddress.ip_network(network["subnets"][0]["subnet"]).hosts()
        return [str(host) for host in hosts][1:]  # the first is the gateway's

    def _serve(self, service: Object) -> None:
        """Stands for the cluster's DNS and kube-proxy: a name, and a way to the pods that are ready."""
        name = service["metadata"]["name"]
        (self._folder / "endpoints" / name).mkdir()
        self._engine.run(
            *(
                "run",
                "--detach",
                "--name",
                name,
                "--network",
                f"{NETWORK}:ip={self._addresses.pop()},alias={name}",
            ),
            *(
                "--volume",
                f"{_PROXY}:/proxy.py:ro",
                "--volume",
                f"{self._folder}/endpoints/{name}:/endpoints:ro",
            ),
            *(self._engine.python_image(), "python", "/proxy.py", "/endpoints"),
            *(f"{port['name']}={port['port']}" for port in service["spec"]["ports"]),
        )

    def _route(self, pod: Pod, address: str, *, ready: bool) -> None:
        """Stands for the endpoints' controller: a Service's selector finds pods, its target their port."""
        ports = {
            port["name"]: port["containerPort"]
            for container in pod.spec["containers"]
            for port in container.get("ports", ())
        }
        for service in self._services:
            if not matches({"matchLabels": service["spec"]["selector"]}, pod.labels):
                continue
            for port in service["spec"]["ports"]:
                target = port["targetPort"]
                listed = self._folder / "endpoints" / service["metadata"]["name"] / port["name"]
                listed.write_text(f"{address}:{ports.get(target, target)}\n" if ready else "")

    # What went wrong, and the end

    def _answers(self, pod: Pod) -> str:
        return ", ".join(probes.answer for probes in self._probes.get(pod.name, ())) or "it has not started"

    def _error(self, pod: Pod, what: str) -> PodError:
        names = [pod.container(each["name"]) for each in pod.spec["containers"]]
        logs = "\n".join(self._log(name) for name in names)
        return PodError(f"{pod.name}: {what}\n{logs}")

    def _log(self, name: str) -> str:
        try:
            return self._engine.logs(name)[-4000:]
        except EngineError as error:
            return str(error)
