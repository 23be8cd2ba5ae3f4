"""What persons do to a report, as a client sends it."""

from typing import Any, Final

import httpx

from shared.domain.studies import StudyId

ADA: Final = "Dr. Ada Roe"
BEN: Final = "Dr. Ben Foe"


def read(client: httpx.Client, study_id: StudyId) -> dict[str, Any]:
    """Return the report as it stands."""
    body: dict[str, Any] = client.get(f"/v1/studies/{study_id}/report").raise_for_status().json()
    return body


def tag(client: httpx.Client, study_id: StudyId) -> str:
    """Return the tag of the report as it stands."""
    return str(client.get(f"/v1/studies/{study_id}/report").raise_for_status().headers["etag"])


def versions_of(client: httpx.Client, study_id: StudyId) -> list[dict[str, Any]]:
    """Return the versions of the report."""
    items: list[dict[str, Any]] = client.get(f"/v1/studies/{study_id}/report/versions").json()["items"]
    return items


def lines_of(report: dict[str, Any], decision: str = "open") -> list[dict[str, Any]]:
    """Return a line for each sentence of a report."""
    return [
        {"section": sentence["section"], "text": sentence["text"], "of": index, "decision": decision}
        for index, sentence in enumerate(report["sentences"])
    ]


def sign(
    client: httpx.Client, study_id: StudyId, *, name: str | None = ADA, etag: str | None = None, **body: Any
) -> httpx.Response:
    """Sign, or amend with a reason, what there is."""
    return _do(client, study_id, "sign", name, etag, body)


def addendum(client: httpx.Client, study_id: StudyId, text: str, *, name: str = ADA) -> httpx.Response:
    """Add a text below the report."""
    return _do(client, study_id, "addendum", name, None, {"text": text})


def withdraw(client: httpx.Client, study_id: StudyId, reason: str, *, name: str = ADA) -> httpx.Response:
    """Say that the report should not have been."""
    return _do(client, study_id, "error", name, None, {"reason": reason})


def _do(
    client: httpx.Client,
    study_id: StudyId,
    act: str,
    name: str | None,
    etag: str | None,
    body: dict[str, Any],
) -> httpx.Response:
    return client.post(
        f"/v1/studies/{study_id}/report/{act}",
        json=body | ({"author": {"name": name}} if name else {}),
        headers={"If-Match": etag or tag(client, study_id)},
    )
