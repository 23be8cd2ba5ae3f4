"""What Kubernetes and the operators take: every kind that the chart or a guide writes has its definition.

faults(each)    # ["ScaledObject.spec.minReplicas: there is no such field"]
"""

import functools
import json
from pkgutil import resolve_name
from typing import Any, Final

import kubernetes_validate
from pydantic import ValidationError

from tests.support import definitions
from tests.support.helm import Object

KUBERNETES: Final = ("1.30.14", "1.37.0")
"""The oldest that Chart.yaml takes, and the newest whose schemas we have."""

OPERATORS: Final = {
    "ScaledObject": "cloudcoil.models.keda.v1alpha1:ScaledObject",
    "TriggerAuthentication": "cloudcoil.models.keda.v1alpha1:TriggerAuthentication",
    "PodMonitor": "cloudcoil.models.prometheus_operator.v1:PodMonitor",
    "PrometheusRule": "cloudcoil.models.prometheus_operator.v1:PrometheusRule",
    "TrainJob": "kubeflow_trainer_api.models:TrainerV1alpha1TrainJob",
}
"""Kind -> its model. Importing them takes 8 s, which every process of a run would spend on collecting."""


def faults(each: Object, version: str = KUBERNETES[-1]) -> list[str]:
    """Return what an object's definition objects to; a kind without one is a fault too."""
    if each["kind"] in definitions.PACKAGES:
        return definitions.faults([each])
    if each["kind"] in OPERATORS:
        return _faults_of_operators(each)
    return _faults_of_kubernetes(json.dumps(each), version)


@functools.cache
def _faults_of_kubernetes(text: str, version: str) -> list[str]:
    # Most objects are the same with all values: each is looked at once.
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except (
        kubernetes_validate.ValidationError,
        kubernetes_validate.InvalidSchemaError,
        kubernetes_validate.SchemaNotFoundError,
    ) as error:
        return [str(error)]
    return []


def _faults_of_operators(each: Object) -> list[str]:
    try:
        return [f"{name}: there is no such field" for name in _unknown(each, _as_read(each), each["kind"])]
    except ValidationError as error:
        return [str(error)]


def _as_read(each: Object) -> Object:
    model: Any = resolve_name(OPERATORS[each["kind"]])
    if each["kind"] == "TrainJob":
        # Its model has quantities as objects of their own, which only this way in understands.
        read: Object = model.from_dict(each).to_dict()
    else:
        read = model.model_validate(each).model_dump(by_alias=True, mode="json")
    return read


def _unknown(written: object, read: object, path: str) -> list[str]:
    """Return the fields that were written and that the definition, which drops them, did not read."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [
            wrong
            for name, value in written.items()
            for wrong in (
                _unknown(value, read[name], f"{path}.{name}") if name in read else [f"{path}.{name}"]
            )
        ]
    if isinstance(written, list) and isinstance(read, list):
        pairs = zip(written, read, strict=True)
        return [wrong for index, (a, b) in enumerate(pairs) for wrong in _unknown(a, b, f"{path}[{index}]")]
    return []
