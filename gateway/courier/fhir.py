"""A report to a FHIR server: our document's resources, as one transaction at the server's base.

Each resource is put under its own id, the same in every version, so that a later version replaces an earlier
one and sending twice changes nothing. A patient whom the server knows by the identifier is left as it is.

Source: FHIR R4, http.html#transaction (PUT, and ifNoneExist for a conditional create).
"""

import json
from typing import Any, Final
from urllib.parse import quote

from gateway.courier import web
from gateway.courier.outcomes import AwayError
from gateway.courier.stow import authorization
from shared.records.destinations import Target

_MEDIA_TYPE: Final = "application/fhir+json"


def send(target: Target, document: bytes, *, seconds: float) -> str:
    """Post the document's resources; return what is answered.

    Raises:
        AwayError: the server is away or busy, or does not let us in.
        RefusedError: it takes none of it: a transaction is all or nothing.
    """
    content = json.dumps(transaction_of(json.loads(document)), ensure_ascii=False).encode()
    headers = {"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE, **authorization(target)}
    base = target.url or ""
    answer = web.send("POST", base, headers=headers, content=content, seconds=seconds, private=True)
    web.judge(answer)
    # The answer repeats what was sent; only that it was taken is kept.
    return f"HTTP {answer.status}"


def probe(target: Target, *, seconds: float) -> str:
    """Ask for the server's capabilities.

    Raises:
        AwayError: the server does not tell them.
    """
    url = f"{(target.url or '').rstrip('/')}/metadata"
    headers = {"Accept": _MEDIA_TYPE, **authorization(target)}
    answer = web.send("GET", url, headers=headers, content=None, seconds=seconds, private=True)
    if answer.status != 200:
        message = f"its capabilities (/metadata) are answered with {answer.status}"
        raise AwayError(message)
    return "its capabilities are answered"


def transaction_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return a Bundle of type transaction with the resources of a Bundle of type document."""
    entries = [{**entry, "request": _request(entry["resource"])} for entry in document["entry"]]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _request(resource: dict[str, Any]) -> dict[str, str]:
    kind = resource["resourceType"]
    for identifier in resource.get("identifier", []) if kind == "Patient" else []:
        token = f"{identifier.get('system', '')}|{identifier['value']}"
        return {"method": "POST", "url": kind, "ifNoneExist": f"identifier={quote(token, safe='')}"}
    return {"method": "PUT", "url": f"{kind}/{resource['id']}"}
