"""/docs: the API's reference, from our own server alone, and /problems/<code>: what an error means."""

from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api.problem_kinds import KINDS, Code

SWAGGER_FILES: Final = Path(fastapi_offline.__file__).parent / "static"
"""Swagger UI as a pip package ships it: a hospital's network reaches no CDN."""

# Swagger UI sets styles inline; its scripts come from our own server like all others.
_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CXR Reporter: API reference</title>
<link rel="icon" href="/docs/files/favicon.png">
<link rel="stylesheet" href="/docs/files/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#reference", deepLinking: true, validatorUrl: null,
});
"""

router = APIRouter(include_in_schema=False)
swagger_files = StaticFiles(directory=SWAGGER_FILES)


@router.get("/docs")
async def get_docs() -> Response:
    """Return the page around Swagger UI."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/start.js")
async def get_start() -> Response:
    """Return the line that starts it; a script inside the page would need a weaker policy."""
    return Response(_START, media_type="text/javascript")


@router.get("/problems/{code}")
async def get_problem(code: Code) -> Response:
    """Explain one kind of error: what a problem's `type` points to."""
    kind = KINDS[code]
    return Response(f"{kind.status} {kind.title}\n\n{kind.advice}\n", media_type="text/plain")
