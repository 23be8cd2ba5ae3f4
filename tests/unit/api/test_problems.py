"""Every kind of error has a status, a name and an advice, and shows nothing of the server's inside."""

import json

import pytest

from api.problem_kinds import KINDS, Code
from api.problems import ContentError, ProblemError, response_of
from shared import errors
from shared.errors import BadInputError, TooLargeError


def subclasses(kind: type[BadInputError]) -> set[type[BadInputError]]:
    return {kind} | {each for child in kind.__subclasses__() for each in subclasses(child)}


def test_every_code_is_explained():
    assert set(KINDS) == set(Code)
    assert all(400 <= kind.status < 600 and kind.title and kind.advice for kind in KINDS.values())


def test_every_bad_input_of_the_project_has_a_code_of_its_own_here():
    for kind in subclasses(BadInputError):
        if kind.__module__ == errors.__name__:
            assert Code(kind.code) in KINDS


def test_a_refusal_names_the_file_and_keeps_its_words():
    problem = ContentError(TooLargeError("more than 3 bytes", file="a.dcm"))
    answer = response_of(problem, path="/v1/studies", request_id="r-1")
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    body = json.loads(bytes(answer.body))
    assert body["type"] == "/problems/too-large"
    assert (body["detail"], body["file"], body["instance"]) == ("more than 3 bytes", "a.dcm", "/v1/studies")
    assert (body["status"], body["request_id"]) == (413, "r-1")


@pytest.mark.parametrize("code", list(Code))
def test_headers_of_a_problem_are_sent(code: Code):
    problem = ProblemError(code, "detail", headers={"Retry-After": "3"}, limit=7)
    answer = response_of(problem, path="/", request_id="")
    assert answer.headers["retry-after"] == "3"
    assert json.loads(bytes(answer.body))["limit"] == 7
