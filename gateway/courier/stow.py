"""DICOM objects to a PACS by STOW-RS: one request, and what its answer says of each.

Source: PS3.18 10.5 (Store), PS3.2 for the answer's form; JSON is asked for (annex F).
"""

import base64
import io
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

import pydicom

from gateway.courier import web
from gateway.courier.outcomes import AwayError, RefusedError
from shared.records.destinations import Target

_FAILED: Final = "00081198"
_REFERENCED: Final = "00081199"
_INSTANCE: Final = "00081155"
_REASON: Final = "00081197"


def send(target: Target, objects: Mapping[str, bytes], *, seconds: float) -> str:
    """Store the objects; return what was answered to each of them.

    Args:
        objects: files by the name of their format.

    Raises:
        AwayError: the server is away or busy, or does not let us in.
        RefusedError: it does not store one of them; it may have stored the others.
    """
    boundary = uuid.uuid4().hex
    content = b"".join(
        b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n" % (boundary.encode(), part)
        for part in objects.values()
    )
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Accept": "application/dicom+json",
        **authorization(target),
    }
    content += f"--{boundary}--\r\n".encode()
    url = f"{(target.url or '').rstrip('/')}/studies"
    answer = web.send("POST", url, headers=headers, content=content, seconds=seconds, private=True)
    if answer.status not in {200, 202, 409}:
        return web.judge(answer)
    return _judged(answer, objects)


def probe(target: Target, *, seconds: float) -> str:
    """Ask for one study by QIDO-RS.

    Raises:
        AwayError: the server does not answer that.
    """
    url = f"{(target.url or '').rstrip('/')}/studies?limit=1"
    headers = {"Accept": "application/dicom+json", **authorization(target)}
    answer = web.send("GET", url, headers=headers, content=None, seconds=seconds, private=True)
    if answer.status not in {200, 204}:
        message = f"a search for studies is answered with {answer.status}"
        raise AwayError(message)
    return "a search for studies is answered"


def authorization(target: Target) -> dict[str, str]:
    """Return the header that lets us in, where there is a secret."""
    if target.secret is None:
        return {}
    if target.username is None:
        return {"Authorization": f"Bearer {target.secret}"}
    packed = base64.b64encode(f"{target.username}:{target.secret}".encode()).decode()
    return {"Authorization": f"Basic {packed}"}


def _judged(answer: web.Answer, objects: Mapping[str, bytes]) -> str:
    """Go by the instances that the answer names, not by its status: servers differ in that."""
    names = {_uid_of(content): name for name, content in objects.items()}
    try:
        said: dict[str, Any] = json.loads(answer.content or b"{}")
        failed = {_value(item, _INSTANCE): _value(item, _REASON) for item in _items(said, _FAILED)}
        stored = {_value(item, _INSTANCE) for item in _items(said, _REFERENCED)}
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        message = "the server's answer is no STOW-RS response in JSON"
        raise AwayError(message) from error
    told = [
        f"{name}: stored"
        if uid in stored and uid not in failed
        else f"{name}: refused {failed.get(uid) or ''}".rstrip()
        for uid, name in names.items()
    ]
    words = f"HTTP {answer.status}: {'; '.join(told)}"
    if stored >= set(names) and not failed:
        return words
    raise RefusedError(words, for_good=False)


def _items(said: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = said.get(tag, {}).get("Value", [])
    return items


def _value(item: dict[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _uid_of(content: bytes) -> str:
    return str(pydicom.dcmread(io.BytesIO(content), specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
