"""What the controllers and the kubelet make of rendered objects before a container runtime sees them.

Podman's `kube play` is that runtime. Every function here stands for one thing that it leaves out, or does
otherwise than a kubelet; whatever none of them speaks of goes to podman as it was rendered.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.containers import Engine
from tests.support.helm import Object, of_kind

Secrets = Mapping[str, Mapping[str, str]]
"""Name of a Secret or ConfigMap -> key -> text."""

MEMORY: Final = Path("/dev/shm")
"""A tmpfs that every Linux has."""

_UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


class RefusedError(Exception):
    """A kubelet would not start this pod; the text says why."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that a controller wants."""

    name: str
    labels: Mapping[str, str]
    spec: Object
    kind: str
    """Of its controller; Pod when it has none."""
    claims: Sequence[Object] = field(default=())
    """volumeClaimTemplates."""
    retries: int = 0
    """backoffLimit of a Job."""

    def container(self, name: str) -> str:
        """Return the name that podman gives a container."""
        return f"{self.name}-{name}"


def pods_of(objects: Sequence[Object]) -> list[Pod]:
    """Stand for the controllers: each Deployment, StatefulSet and Job becomes the pods that it asks for."""
    return [
        Pod(
            f"{each['metadata']['name']}-{number}",
            each["spec"]["template"]["metadata"]["labels"],
            each["spec"]["template"]["spec"],
            each["kind"],
            each["spec"].get("volumeClaimTemplates", ()),
            each["spec"].get("backoffLimit", 0),
        )
        for each in of_kind(objects, "Deployment", "StatefulSet", "Job")
        for number in range(each["spec"].get("replicas", 1))
    ]


def secrets_of(objects: Sequence[Object]) -> Secrets:
    """Return what the Secrets hold, decoded as a kubelet decodes it."""
    return {
        each["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text in each["data"].items()}
        for each in of_kind(objects, "Secret")
    }


def maps_of(objects: Sequence[Object]) -> Secrets:
    """Return what the ConfigMaps hold."""
    return {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "ConfigMap")}


def playable(pod: Pod, secrets: Secrets, volumes: Mapping[str, Path], *, limits: bool) -> Object:
    """Return the document for `podman kube play`: the pod as rendered, but for what is said below.

    Args:
        pod: as its controller wants it.
        secrets: what its variables are read from.
        volumes: as `make_volumes` made them.
        limits: whether memory is limited as rendered; where control groups have version 1, only root can.
    """
    spec = {key: value for key, value in pod.spec.items() if key not in ("containers", "initContainers")}
    spec["containers"] = [_container(each, secrets, limits=limits) for each in pod.spec["containers"]]
    if "initContainers" in pod.spec:
        first = pod.spec["initContainers"]
        spec["initContainers"] = [_container(each, secrets, limits=limits) for each in first]
    spec["volumes"] = [
        {"name": name, "hostPath": {"path": str(path), "type": "Directory"}} for name, path in volumes.items()
    ]
    spec["securityContext"] = _with_group(pod)
    # An end is to be seen, not hidden by a new start. Of a Deployment or StatefulSet it is a failure.
    spec["restartPolicy"] = "Never"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "labels": dict(pod.labels)},
        "spec": spec,
    }


def _with_group(pod: Pod) -> Object:
    """Stand for what fsGroup does to processes: it is a further group of theirs. Podman does not know it."""
    context: Object = dict(pod.spec["securityContext"])
    if context.get("runAsNonRoot") and context.get("runAsUser", 0) == 0:
        message = f"{pod.name}: runAsNonRoot, and the user is 0 or not said"
        raise RefusedError(message)
    if "fsGroup" in context:
        context["supplementalGroups"] = [*context.get("supplementalGroups", ()), context["fsGroup"]]
    return context


def _container(container: Object, secrets: Secrets, *, limits: bool) -> Object:
    """Take out what is not podman's: probes and hooks are the cluster's; ports it would open here."""
    done = {
        key: value
        for key, value in container.items()
        if not key.endswith("Probe") and key not in ("ports", "lifecycle")
    }
    if not limits:
        del done["resources"]
    variables = environment(container, secrets)
    done["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    for words in ("command", "args"):
        if words in container:
            done[words] = [expanded(word, variables) for word in container[words]]
    return done


def environment(container: Object, secrets: Secrets) -> dict[str, str]:
    """Read variables from Secrets, where podman 4.3 fails, and put variables in place of $(NAME).

    Raises:
        RefusedError: a Secret or its key is missing.
    """
    variables: dict[str, str] = {}
    for entry in container.get("env", ()):
        if "valueFrom" in entry:
            source = entry["valueFrom"]["secretKeyRef"]
            try:
                variables[entry["name"]] = secrets[source["name"]][source["key"]]
            except KeyError as error:
                message = f"{entry['name']}: there is no Secret {source['name']} with {source['key']}"
                raise RefusedError(message) from error
        else:
            variables[entry["name"]] = expanded(entry["value"], variables)
    return variables


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in place of $(NAME). A name that is not known stays as it is; $$ is a dollar sign."""

    def put(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([A-Za-z_][\w.-]*)\)", put, text)


def make_volumes(pod: Pod, maps: Secrets, folder: Path, engine: Engine) -> dict[str, Path]:
    """Make a pod's volumes as folders, as a kubelet does, with the owners and modes that it gives them.

    Podman would fill its own volumes from the image and give them to the container's user: both hide faults.
    Memory volumes lie in /dev/shm, without a limit of their own: `over_their_limit` looks at it.
    """
    made = {}
    group = pod.spec["securityContext"].get("fsGroup")
    for volume in [
        *pod.spec.get("volumes", ()),
        *({"name": each["metadata"]["name"], "claim": {}} for each in pod.claims),
    ]:
        (kind,) = volume.keys() - {"name"}
        memory = kind == "emptyDir" and volume[kind].get("medium") == "Memory"
        path = (_in_memory(folder) if memory else folder) / pod.name / volume["name"]
        path.mkdir(parents=True)
        if kind == "configMap":
            for name, text in maps[volume[kind]["name"]].items():
                (path / name).write_text(text)
                (path / name).chmod(0o644)
        elif kind not in ("emptyDir", "claim"):
            message = f"{pod.name}: a volume of kind {kind} is not known here"
            raise RefusedError(message)
        # A claim's disk is root's own, as a new file system is; fsGroup opens it to the group.
        path.chmod(0o755 if kind == "claim" else 0o777)
        if group is not None:
            engine.on_node("chown", f"0:{group}", path)
            engine.on_node("chmod", "2775" if kind == "claim" else "2777", path)
        made[volume["name"]] = path
    return made


def remove_volumes(folder: Path, engine: Engine) -> None:
    """Remove all volumes that lie below a folder."""
    engine.on_node("rm", "-rf", folder, _in_memory(folder))


def _in_memory(folder: Path) -> Path:
    return MEMORY / str(folder).strip("/").replace("/", "-")


def over_their_limit(pod: Pod, volumes: Mapping[str, Path], engine: Engine) -> list[str]:
    """Return the emptyDirs that hold more than their sizeLimit: a kubelet evicts such a pod."""
    limits = {
        volume["name"]: volume["emptyDir"]["sizeLimit"]
        for volume in pod.spec.get("volumes", ())
        if "sizeLimit" in volume.get("emptyDir", {})
    }
    return [
        f"{pod.name}: {name} holds more than {limit}"
        for name, limit in limits.items()
        if _held(volumes[name], engine) > _bytes(limit)
    ]


def _held(folder: Path, engine: Engine) -> int:
    """Return the bytes on disk; files may go away meanwhile, which du ends with an error for."""
    return int(engine.on_node("sh", "-c", 'du -s -B1 "$0" 2>/dev/null || true', folder).split()[0])


def _bytes(quantity: Any) -> int:
    text = str(quantity)
    return int(text[:-2]) * _UNITS[text[-2:]]
