"""Conversations of several calls (waiting, looking up), each a generator that either client drives.

Map: `Pause`, `Steps` -> `shown_heatmap`, `renamed_tenant`, `shown_retention`, `changed_retention`,
`erased_patient`, `until_final`, `until_ready`.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from cxr import calls, models
from cxr.call import Call
from cxr.errors import InputError, NotDoneError, NotReadyError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    """A step that only waits."""

    seconds: float


Steps = Generator[Call[Any] | Pause, Any, T]


def shown_heatmap(study_id: str, label: str, *, index: int | None) -> Steps[bytes]:
    """Ask for a label's heatmap; without an index, that of the image in which the label is seen best.

    Raises:
        NotReadyError: there are no findings yet.
        InputError: the model knows no such label.
    """
    found: models.Findings | NotReadyError = yield calls.findings(study_id)
    if isinstance(found, NotReadyError):
        raise found
    try:
        finding = found[label]
    except KeyError as error:
        message = f"there is no label {label!r}; there are {', '.join(found.labels)}"
        raise InputError(message) from error
    picture: bytes = yield calls.heatmap(
        study_id, finding.label, (finding.image or 0) if index is None else index
    )
    return picture


def renamed_tenant(old: str, new: str) -> Steps[models.Tenant]:
    """Give the tenant of a name another one.

    Raises:
        InputError: there is no tenant of that name.
    """
    tenant = yield from _tenant(old)
    renamed: models.Tenant = yield calls.rename_tenant(tenant.id, new)
    return renamed


def shown_retention(name: str) -> Steps[models.Retention]:
    """Ask how long the studies of the tenant of a name are kept; raises as `renamed_tenant`."""
    tenant = yield from _tenant(name)
    kept: models.Retention = yield calls.retention(tenant.id)
    return kept


def changed_retention(name: str, days: Mapping[str, int | None], *, dry_run: bool) -> Steps[models.Retention]:
    """Say how long the studies of the tenant of a name are kept; raises as `renamed_tenant`."""
    tenant = yield from _tenant(name)
    kept: models.Retention = yield calls.set_retention(tenant.id, days, dry_run=dry_run)
    return kept


def erased_patient(
    patient_id: str, *, issuer: str | None, tenant: str | None, dry_run: bool
) -> Steps[models.Erasure]:
    """Erase a patient's studies; raises as `renamed_tenant` where a tenant is named."""
    tenant_id = (yield from _tenant(tenant)).id if tenant is not None else None
    erased: models.Erasure = yield calls.erase_patient(
        patient_id, issuer=issuer, tenant_id=tenant_id, dry_run=dry_run
    )
    return erased


def _tenant(name: str) -> Steps[models.Tenant]:
    there: list[models.Tenant] = yield calls.tenants()
    for tenant in there:
        if tenant.name == name:
            return tenant
    message = f"there is no tenant named {name!r}; there are {', '.join(tenant.name for tenant in there)}"
    raise InputError(message)


def until_final(study_id: str, *, timeout: float, clock: Callable[[], float]) -> Steps[models.Study]:
    """Poll until the study is final.

    Raises:
        NotDoneError: it was not, in time.
    """
    deadline = clock() + timeout
    while True:
        left = deadline - clock()
        state: models.Study = yield calls.study(study_id, wait=max(left, 0))
        if state.is_final:
            return state
        if deadline <= clock():
            raise NotDoneError(state, seconds=timeout)
        yield Pause(0.1)


def until_ready(call: Call[T | NotReadyError], *, timeout: float, clock: Callable[[], float]) -> Steps[T]:
    """Ask again until the findings or the report are there.

    Raises:
        NotReadyError: they were not, in time.
    """
    deadline = clock() + timeout
    while True:
        result: T | NotReadyError = yield call
        if not isinstance(result, NotReadyError):
            return result
        if clock() + result.retry_after > deadline:
            raise result
        yield Pause(result.retry_after)
