"""The requests of persons who read and sign reports, as values; see calls.py."""

from collections.abc import Sequence

import httpx

from cxr import models
from cxr.call import Call, id_in_address, read_as, read_items, read_nothing
from cxr.inputs import Line


def next_study(skip: Sequence[str], author: str | None) -> Call[models.Study | None]:
    """Ask which study's report waits longest to be signed."""
    params: dict[str, str | list[str]] = {"skip": [id_in_address(one) for one in skip]}
    if author:
        params["author"] = author
    return Call("GET", "/v1/reviews/next", _study_or_none, params=params)


def versions(study_id: str) -> Call[list[models.Version]]:
    """List a report's versions."""
    return Call("GET", f"{_report(study_id)}/versions", read_items(models.Version))


def version(study_id: str, number: int) -> Call[models.Report]:
    """Ask for one version of a report."""
    return Call("GET", f"{_report(study_id)}/versions/{number}", read_as(models.Report))


def differences(study_id: str, earlier: int, later: int) -> Call[list[models.Difference]]:
    """Ask what two versions differ in."""
    return Call(
        "GET",
        f"{_report(study_id)}/diff",
        read_items(models.Difference),
        params={"from": str(earlier), "to": str(later)},
    )


def sign(
    study_id: str, seen: int, *, author: str | None, lines: Sequence[Line] | None, reason: str | None
) -> Call[models.Report]:
    """Sign a report, or change a signed one."""
    return _act(study_id, "sign", seen, author, lines=None if lines is None else list(lines), reason=reason)


def add(study_id: str, seen: int, text: str, *, author: str | None) -> Call[models.Report]:
    """Add something below a signed report."""
    return _act(study_id, "addendum", seen, author, text=text)


def withdraw(study_id: str, seen: int, reason: str, *, author: str | None) -> Call[models.Report]:
    """Say that a report should never have been."""
    return _act(study_id, "error", seen, author, reason=reason)


def summary() -> Call[list[models.ReviewSummary]]:
    """Ask how reports are reviewed."""
    return Call("GET", "/v1/reviews/summary", read_items(models.ReviewSummary))


def writers() -> Call[list[models.WriterPair]]:
    """Ask how shadow writers compare."""
    return Call("GET", "/v1/reviews/writers", read_items(models.WriterPair))


def export() -> Call[None]:
    """Ask for all signed reports beside their drafts; the answer is read as it comes."""
    return Call("GET", "/v1/reviews/export", read_nothing, headers={"Accept": "application/x-ndjson"})


def _act(study_id: str, act: str, seen: int, author: str | None, **said: object) -> Call[models.Report]:
    """Return the call of a person's act on the version that they saw, and on no other."""
    named = {"author": {"name": author}} if author else {}
    return Call(
        "POST",
        f"{_report(study_id)}/{act}",
        read_as(models.Report),
        headers={"If-Match": f'"{seen}-json"'},
        json={**named, **{name: value for name, value in said.items() if value is not None}},
    )


def _report(study_id: str) -> str:
    return f"/v1/studies/{id_in_address(study_id)}/report"


def _study_or_none(answer: httpx.Response) -> models.Study | None:
    if answer.status_code == httpx.codes.NO_CONTENT:
        return None
    return models.Study.model_validate_json(answer.content)
