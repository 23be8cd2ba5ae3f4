"""What a report's request is made of, row by row."""

from shared.domain.reports import Language
from tests.support.builders import an_image_record
from worker_llm.tasks import seed_from


def a_seed(*digests: str, model: str = "m", language: Language = Language.ENGLISH) -> str:
    return seed_from(model, [an_image_record(sha256=digest) for digest in digests], language)


def test_the_same_pictures_get_the_same_seed_whatever_the_study_is_called():
    assert a_seed("a", "b") == a_seed("b", "a")
    assert (
        len({a_seed("a"), a_seed("b"), a_seed("a", model="n"), a_seed("a", language=Language.SPANISH)}) == 4
    )
