"""Signed notices, as Standard Webhooks has them: what happened to which study, and where to read of it.

Nothing of the patient is in a notice. A notice keeps its id however often it is sent, so that a receiver can
tell that it has it already.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from standardwebhooks import Webhook

from gateway.courier import web
from gateway.courier.outcomes import AwayError, RefusedError
from shared.records.deliveries import Claim
from shared.records.destinations import Target


def send(target: Target, claim: Claim, *, seconds: float, private: bool) -> str:
    """Send a notice; return what is answered.

    Args:
        private: whether it may go to a private network or to this machine.

    Raises:
        AwayError: the receiver is away or busy, or at an address that may not be called.
        RefusedError: it does not take it; for good where it is gone (410).
    """
    answer = _post(target, f"msg_{claim.id}", notice_of(claim), seconds=seconds, private=private)
    if answer.status == HTTPStatus.GONE:
        raise RefusedError(answer.said, for_good=True)
    return web.judge(answer)


def probe(target: Target, *, seconds: float, private: bool) -> str:
    """Send a signed notice of the type `test`.

    Raises:
        AwayError: it is not taken.
    """
    notice = {"type": "test", "timestamp": datetime.now(UTC).isoformat(), "data": {}}
    answer = _post(target, f"msg_{uuid4()}", notice, seconds=seconds, private=private)
    if not 200 <= answer.status < 300:
        message = f"a notice of the type test is answered with {answer.status}"
        raise AwayError(message)
    return "a signed notice of the type test was taken"


def notice_of(claim: Claim) -> dict[str, Any]:
    """Return what a receiver is told."""
    study = f"/v1/studies/{claim.study_id}"
    return {
        "type": f"study.{claim.event}",
        "timestamp": claim.created_at.astimezone(UTC).isoformat(),
        "data": {
            "study_id": str(claim.study_id),
            "links": {"study": study, "findings": f"{study}/findings", "report": f"{study}/report"},
        },
    }


def _post(
    target: Target, message_id: str, notice: dict[str, Any], *, seconds: float, private: bool
) -> web.Answer:
    assert target.url is not None and target.secret is not None  # noqa: S101, PT018  made with both
    content, now = json.dumps(notice), datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(target.secret).sign(message_id, now, content),
    }
    return web.send(
        "POST", target.url, headers=headers, content=content.encode(), seconds=seconds, private=private
    )
