"""Places: how many one caller may hold, and what is left for the others."""

from contextlib import ExitStack

import pytest

from api.places import Places
from api.problems import ProblemError


def fill(places: Places, who: str, held: ExitStack) -> tuple[int, int]:
    """Take places until one is refused; return how many were taken, and the status of the refusal."""
    taken = 0
    while True:
        try:
            held.enter_context(places.place_of(who))
        except ProblemError as problem:
            return taken, problem.status_code
        taken += 1


def test_one_caller_alone_has_half():
    with ExitStack() as held:
        assert fill(Places(64, what="uploads"), "a", held) == (32, 429)


def test_however_many_come_the_next_one_finds_a_place_until_all_are_taken():
    places = Places(64, what="uploads")
    with ExitStack() as held:
        refusals = [fill(places, str(number), held) for number in range(6)]
        assert [taken for taken, _ in refusals] == [32, 16, 8, 4, 2, 1]
        assert fill(places, "the next", held) == (1, 503)
        assert fill(places, "one more", held) == (0, 503)


def test_a_place_is_free_again_after_a_failure():
    places = Places(2, what="uploads")
    with pytest.raises(KeyError), places.place_of("a"):
        raise KeyError
    with places.place_of("a"):
        assert places.held == 1
