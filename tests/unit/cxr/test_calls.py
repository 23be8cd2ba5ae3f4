"""What is sent, how answers are read, and how conversations go."""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from datetime import date
from itertools import count
from typing import Any

import httpx
import pytest

from cxr import calls, conversations, models
from cxr.conversations import Pause
from cxr.errors import NotDoneError, NotReadyError
from cxr.inputs import OrderFields
from cxr.models import Study

_ID = "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"
_STUDY = {
    "id": _ID,
    "status": "queued",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "a_field_of_tomorrow": 1,
}


def _study(status: str) -> Study:
    return Study.model_validate({**_STUDY, "status": status})


def _converse(steps: Generator[Any, Any, Any], replies: list[object]) -> tuple[object, list[float]]:
    """Answer a conversation's calls one after the other; return its result and its pauses."""
    pauses: list[float] = []
    reply = None
    waiting: Iterator[object] = iter(replies)
    while True:
        try:
            step = steps.send(reply)
        except StopIteration as end:
            return end.value, pauses
        if isinstance(step, Pause):
            pauses.append(step.seconds)
            reply = None
        else:
            reply = next(waiting)


def test_a_submission_always_has_an_idempotency_key():
    first, second = calls.submit(["a.dcm"]), calls.submit(["a.dcm"])

    assert first.repeatable
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]


def test_a_submission_sends_the_fields_that_were_given_and_no_other():
    call = calls.submit(["a.dcm"], priority="urgent", batch_id=_ID)

    assert call.fields == {"priority": "urgent", "batch_id": _ID}
    assert calls.submit(["a.dcm"], mixed=True).fields == {"mixed": "true"}


def test_what_is_known_of_the_order_is_sent_field_by_field_and_nothing_of_what_is_not():
    call = calls.submit(
        ["a.dcm"], patient_id="P-1", order={"patient_birth_date": date(1931, 7, 3), "accession_number": None}
    )
    assert call.fields == {"patient_id": "P-1", "patient_birth_date": "1931-07-03"}
    names = set(OrderFields.__annotations__) | {"patient_id", "indication"}
    assert names == set(models.Order.model_fields)


def test_a_file_is_opened_anew_for_each_attempt(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"pixels")
    call = calls.submit([path])

    for _ in range(2):
        with ExitStack() as opened:
            ((field, (name, content)),) = call.open_files(opened) or []
            assert (field, name, content.read()) == ("files", "a.dcm", b"pixels")
        assert content.closed


def test_a_name_that_is_not_utf_8_can_be_sent(tmp_path):
    path = tmp_path / os.fsdecode(b"M\xfcller.dcm")
    path.write_bytes(b"pixels")

    with ExitStack() as opened:
        ((_, (name, _)),) = calls.submit([path]).open_files(opened) or []

    assert name == "M\ufffdller.dcm"
    assert calls.create_batch(path.name).json == {"name": name}


@pytest.mark.parametrize(
    "call",
    [calls.retry(_ID), calls.create_batch(None), calls.cancel_batch(_ID), calls.create_key("k", ["read"])],
    ids=["retry", "create_batch", "cancel_batch", "create_key"],
)
def test_a_post_without_a_key_is_not_repeatable(call):
    assert not call.repeatable


@pytest.mark.parametrize(
    "call",
    [
        calls.study(_ID),
        calls.delete(_ID),
        calls.findings(_ID),
        calls.similar(_ID, limit=5),
        calls.revoke_key(_ID),
        calls.info(),
    ],
    ids=["study", "delete", "findings", "similar", "revoke_key", "info"],
)
def test_everything_but_a_post_is_repeatable(call):
    assert call.repeatable


@pytest.mark.parametrize("call", [calls.add_images(_ID, b"a"), calls.close_study(_ID)], ids=["add", "close"])
def test_what_is_said_to_an_open_study_may_be_said_twice(call):
    assert call.method == "POST"
    assert call.repeatable


def test_a_form_without_a_file_is_sent_in_parts_too():
    call = calls.submit(None, opened=True, close_after=2.5)
    with ExitStack() as opened:
        request = httpx.Request("POST", "http://server", **call.body(opened))
    assert request.headers["Content-Type"].startswith("multipart/form-data")
    assert b'name="close_after"\r\n\r\n2.5\r\n' in request.read()


def test_a_field_of_a_newer_server_is_kept():
    study = calls.study(_ID).parse(httpx.Response(200, json=_STUDY))

    assert study.model_dump()["a_field_of_tomorrow"] == 1


def test_waiting_asks_until_the_study_is_final():
    steps = conversations.until_final(_ID, timeout=60, clock=lambda: 0.0)

    study, pauses = _converse(steps, [_study("queued"), _study("reporting"), _study("completed")])

    assert isinstance(study, Study)
    assert study.status == "completed"
    assert len(pauses) == 2


def test_waiting_gives_up_in_time():
    clock = count(0, 10)
    steps = conversations.until_final(_ID, timeout=25, clock=lambda: float(next(clock)))

    with pytest.raises(TimeoutError, match=f"{_ID} is still queued") as late:
        _converse(steps, [_study("queued")] * 9)
    assert isinstance(late.value, NotDoneError)
    assert late.value.study == _study("queued")


def test_a_report_that_is_pending_is_asked_for_again_when_the_server_says():
    call = calls.report_as(_ID, "text")
    pending = call.parse(httpx.Response(202, headers={"Retry-After": "3"}))
    there = call.parse(httpx.Response(200, content=b"No pneumothorax."))

    text, pauses = _converse(conversations.until_ready(call, timeout=10, clock=lambda: 0.0), [pending, there])

    assert (text, pauses) == ("No pneumothorax.", [3.0])


def test_without_a_wait_a_pending_report_is_an_error():
    call = calls.report(_ID)
    pending = call.parse(httpx.Response(202, headers={"Retry-After": "1"}))

    with pytest.raises(NotReadyError):
        _converse(conversations.until_ready(call, timeout=0, clock=lambda: 0.0), [pending])
