"""Errors as clients see them (RFC 9457), and what the OpenAPI document says of answers."""

from typing import Any

from pydantic import ConfigDict

from api.bodies.base import Body


class Problem(Body):
    """An error (RFC 9457). `type` is stable; open it to read what to do."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "/problems/not-an-image",
                "title": "Not a radiograph file",
                "status": 400,
                "detail": "the file is neither DICOM, PNG nor JPEG",
                "advice": "Send the original DICOM, PNG or JPEG, or a zip of them.",
                "instance": "/v1/studies",
                "request_id": "0199d3c47a107c44",
                "file": "notes.txt",
            }
        },
    )

    type: str
    title: str
    status: int
    detail: str
    advice: str
    instance: str
    request_id: str


PROBLEM_CONTENT: dict[str, Any] = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
}

LATER: dict[str, Any] = {
    "Retry-After": {"description": "Seconds until it is worth asking again.", "schema": {"type": "integer"}}
}
PLACE: dict[str, Any] = {"Location": {"description": "Where the new thing is.", "schema": {"type": "string"}}}
VERSION: dict[str, Any] = {
    "ETag": {"description": "The version; send it as `If-None-Match`.", "schema": {"type": "string"}}
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the error answers of a route, for the OpenAPI document."""
    meanings = {
        400: "The input cannot be used; `file` names the culprit where there is one.",
        401: "A live API key is needed.",
        403: "The key lacks the scope, or the request came from another site's page.",
        404: "No such thing, or it belongs to another tenant.",
        406: "Not in that format; `formats` lists what there is.",
        409: "The state of things does not allow it; `detail` says why.",
        410: "The study was erased.",
        412: "Somebody else changed it first: `If-Match` does not name the newest version.",
        413: "Larger than this server takes; `detail` names the limit.",
        415: "The body is not of the kind that is read here.",
        422: "A field is missing or wrong: `errors` names each; or files contradict each other: `groups`.",
        428: "`If-Match` is missing: it names the version that is changed.",
        429: "More than one caller may have at once; ask again after `Retry-After` seconds.",
        503: "The database or the object store is away; ask again after `Retry-After` seconds.",
    }
    return {
        status: {"description": meanings[status], "content": PROBLEM_CONTENT}
        for status in (*statuses, 401, 403, 429, 503)
    }
