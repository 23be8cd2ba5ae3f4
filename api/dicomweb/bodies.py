"""What is sent to /dicomweb in the DICOM JSON Model: one data set."""

import json
from typing import Any

from fastapi import Request

from api.dicomweb.media import JSON_TYPES
from api.problem_kinds import Code
from api.problems import ProblemError


async def json_of(request: Request) -> dict[str, Any]:
    """Read a data set, which stands alone or in a list of one.

    Raises:
        ProblemError: 415, it is of another media type; 400, it is none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        message = f"send {JSON_TYPES[0]}"
        raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, message)
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, list) and len(body) == 1:
        (body,) = body
    if not isinstance(body, dict) or not all(isinstance(element, dict) for element in body.values()):
        message = "the body is no data set in the DICOM JSON Model"
        raise ProblemError(Code.BAD_REQUEST, message)
    return body
