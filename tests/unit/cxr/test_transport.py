"""What counts as an error, and what is worth another try."""

from datetime import UTC, datetime

import httpx
import pytest
from tenacity import RetryCallState, Retrying

from cxr import calls, exit_codes
from cxr.errors import ArchiveError, NotDoneError, NotReachableError, ProblemError, StackError
from cxr.models import Study
from cxr.transport import auth_headers, base_url, check, retry_policy, worth_another_try

SAFE = calls.submit(["a.dcm"])
UNSAFE = calls.create_batch(None)


def _refusal(status: int, **members: object) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        check(httpx.Response(status, json={"title": "No", "detail": "not so", **members}))
    return caught.value


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_where_that_is_safe(status):
    assert worth_another_try(SAFE, _refusal(status))
    assert not worth_another_try(UNSAFE, _refusal(status))


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 422, 500])
def test_a_refusal_is_final(status):
    assert not worth_another_try(SAFE, _refusal(status))


def test_a_key_in_use_is_our_own_first_attempt():
    assert worth_another_try(SAFE, _refusal(409, type="/problems/idempotency-key-in-use"))


def test_what_never_reached_a_server_is_always_sent_again():
    assert worth_another_try(UNSAFE, httpx.ConnectError("refused"))


def test_a_broken_connection_is_taken_up_again_only_where_that_is_safe():
    assert worth_another_try(SAFE, httpx.ReadError("reset"))
    assert not worth_another_try(UNSAFE, httpx.ReadError("reset"))


def test_a_problem_keeps_what_the_server_said():
    problem = _refusal(400, type="/problems/not-an-image", file="notes.txt")

    assert problem.type == "/problems/not-an-image"
    assert problem.problem["file"] == "notes.txt"
    assert str(problem) == "No: not so"


def test_an_error_page_of_some_proxy_is_a_problem_too():
    with pytest.raises(ProblemError) as caught:
        check(httpx.Response(502, text="<html>Bad gateway</html>"))

    assert caught.value.status == 502


def test_retry_after_is_read_in_seconds():
    with pytest.raises(ProblemError) as caught:
        check(httpx.Response(503, json={}, headers={"Retry-After": "7"}))

    assert caught.value.retry_after == 7


def test_the_address_is_the_argument_then_the_variable_then_the_local_stack(monkeypatch):
    assert base_url(None) == "http://localhost:8000"
    monkeypatch.setenv("CXR_URL", "https://cxr.example/")
    assert base_url(None) == "https://cxr.example"
    assert base_url("http://other") == "http://other"


def test_a_key_is_sent_only_where_there_is_one(monkeypatch):
    assert auth_headers(None) == {}
    monkeypatch.setenv("CXR_KEY", "cxr_abc")
    assert auth_headers(None) == {"Authorization": "Bearer cxr_abc"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 1),
        (413, 1),
        (415, 1),
        (409, 1),
        (410, 1),
        (401, 2),
        (403, 2),
        (404, 2),
        (422, 2),
        (500, 3),
        (503, 3),
    ],
)
def test_every_refusal_has_its_exit_code(status, code):
    assert exit_codes.of(_refusal(status)) == code


def test_a_study_that_did_not_end_in_time_and_an_archive_that_is_none_have_their_exit_codes():
    study = Study(id="s1", status="queued", created_at=datetime.now(UTC), updated_at=datetime.now(UTC))

    assert exit_codes.of(NotDoneError(study, seconds=1)) == 1
    assert exit_codes.of(ArchiveError("no files")) == 2


@pytest.mark.parametrize("error", [NotReachableError("nobody"), StackError("no")], ids=["server", "stack"])
def test_no_server_has_its_exit_code(error):
    assert exit_codes.of(error) == 3


def _after(seconds: float, error: BaseException) -> RetryCallState:
    state = RetryCallState(Retrying(), None, (), {})
    state.set_exception((type(error), error, None))
    state.outcome_timestamp = state.start_time + seconds
    return state


@pytest.mark.parametrize(
    ("seconds", "error", "over"),
    [
        (4, httpx.ConnectError("refused"), False),
        (6, httpx.ConnectError("refused"), True),
        (31, _refusal(409, type="/problems/idempotency-key-in-use"), False),
        (61, _refusal(409, type="/problems/idempotency-key-in-use"), True),
    ],
    ids=["starting again", "not there", "in use", "in use for too long"],
)
def test_a_busy_server_is_waited_for_longer_than_one_that_is_not_there(seconds, error, over):
    policy = retry_policy(SAFE, patience=5)

    assert policy["stop"](_after(seconds, error)) is over


def test_the_pause_is_the_servers_where_it_names_one():
    with pytest.raises(ProblemError) as caught:
        check(httpx.Response(503, json={}, headers={"Retry-After": "7"}))

    assert retry_policy(SAFE, patience=5)["wait"](_after(1, caught.value)) == 7
