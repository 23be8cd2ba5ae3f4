"""Conversations of several calls (waiting, looking up), each a generator that either client drives.

Map: `Pause`, `Steps` -> `shown_heatmap`, `renamed_tenant`, `shown_retention`, `changed_retention`,
`erased_patient`, `destination_named`, `until_final`, `until_ready`.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from cxr import calls, delivery_calls, models
from cxr.call import Call
from cxr.errors import InputError, NotDoneError, NotReadyError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    """A step that only waits."""

    seconds: float


_LOOK_EVERY: Final = 0.5
"""Seconds between two looks at what a gateway is to do."""

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


def destination_named(named: str) -> Steps[models.Destination]:
    """Find a destination by its id or its name.

    Raises:
        InputError: there is none, or several tenants have one of that name.
    """
    there: list[models.Destination] = yield delivery_calls.destinations()
    found = [one for one in there if named in (one.id, one.name)]
    if len(found) == 1:
        return found[0]
    if found:
        theirs = ", ".join(f"{one.id} ({one.tenant})" for one in found)
        message = f"several destinations are named {named!r}; name one by its id: {theirs}"
    else:
        names = ", ".join(one.name for one in there) or "none at all"
        message = f"there is no destination named {named!r}; there are {names}"
    raise InputError(message)


def changed_destination(named: str, verb: delivery_calls.Verb) -> Steps[models.Destination]:
    """Have a destination tested, paused or resumed."""
    found = yield from destination_named(named)
    changed: models.Destination = yield delivery_calls.change(found.id, verb)
    return changed


def tested_destination(named: str, *, timeout: float) -> Steps[models.Destination]:
    """Have a destination tested, and wait for what that finds.

    Raises:
        InputError: no gateway tried it in time.
    """
    asked = yield from changed_destination(named, "test")
    for _ in range(max(int(timeout / _LOOK_EVERY), 1)):
        if asked.test is not None and asked.test.done_at is not None:
            return asked
        yield Pause(_LOOK_EVERY)
        asked = yield delivery_calls.destination(asked.id)
    message = f"no gateway has tried {named!r} within {timeout:g} s; is the part `gateway` running?"
    raise InputError(message)


def removed_destination(named: str) -> Steps[None]:
    """Remove a destination."""
    found = yield from destination_named(named)
    yield delivery_calls.remove(found.id)


def retried_destination(named: str) -> Steps[int]:
    """Send again what was given up at a destination."""
    found = yield from destination_named(named)
    retried: models.Retried = yield delivery_calls.retry_all(found.id)
    return retried.retried


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
