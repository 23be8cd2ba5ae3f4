"""A person's name as DICOM writes it."""

import pytest

from shared.rendering.names import Name, groups_of, in_words
from tests.support.pictured import JAPANESE


def test_a_name_is_taken_apart():
    assert groups_of(JAPANESE) == [Name("Yamada", "Tarou"), Name("山田", "太郎"), Name("やまだ", "たろう")]
    assert groups_of("Roe^Ada^B.^Dr.^PhD^surplus") == [Name("Roe", "Ada", "B.", "Dr.", "PhD")]
    assert groups_of(" ^^=山田==") == [Name(), Name("山田"), Name()]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (JAPANESE, "Yamada, Tarou (山田 太郎)"),
        ("=山田^太郎", "山田, 太郎"),
        ("Roe^Ada^B.^Dr.^PhD", "Roe, Ada B., Dr. PhD"),
        ("ROE", "ROE"),
        ("Roe^=", "Roe"),
        ("", ""),
    ],
)
def test_a_name_is_written_for_a_reader(name: str, words: str):
    assert in_words(name) == words
