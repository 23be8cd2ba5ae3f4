"""What the reader of a study is told about its images."""

from dataclasses import replace

import pytest

from shared.domain.reports import Language
from shared.errors import BadInputError, UnusableImageError
from shared.records.reading import ImageRecord
from shared.reporting.warnings import ImageWarning, in_words, of_study
from tests.support.builders import an_image_record


def an_image(file: str, *warnings: str, used: bool | None = True, reason: str = "lateral") -> ImageRecord:
    error = None if used else UnusableImageError
    return an_image_record(
        file=file,
        used=used,
        warnings=warnings,
        error_type=error and error.code,
        error_detail=error and reason,
    )


@pytest.mark.parametrize("language", list(Language))
def test_every_code_is_a_sentence_in_every_language(language: Language):
    sentences = in_words(ImageWarning, language)
    assert len(set(sentences)) == len(ImageWarning)
    for code, sentence in zip(ImageWarning, sentences, strict=True):
        assert sentence != code
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_a_code_that_this_release_does_not_know_is_shown_as_it_is():
    assert in_words(["the image seems to be inverted"], Language.ENGLISH) == [
        "the image seems to be inverted"
    ]


def test_the_only_image_of_a_study_is_not_named():
    (warning,) = of_study([an_image("a.dcm", ImageWarning.UNDER_18)], Language.ENGLISH)
    assert warning == "The patient is under 18: the classifier was not trained on children."


def test_of_several_images_each_warning_is_said_once_with_their_files():
    child, inverted = ImageWarning.UNDER_18, ImageWarning.SEEMS_INVERTED
    images = [an_image("a.dcm", child), an_image("b.dcm", child, inverted), an_image("c.dcm")]
    first, second = of_study(images, Language.SPANISH)
    assert first == f"a.dcm, b.dcm: {in_words([child], Language.SPANISH)[0]}"
    assert second == f"b.dcm: {in_words([inverted], Language.SPANISH)[0]}"


def test_an_image_that_was_not_used_while_others_were_is_said_first_with_its_reason():
    images = [an_image("a.dcm", ImageWarning.UNDER_18), an_image("b.dcm", used=False)]
    assert of_study(images, Language.ENGLISH)[0] == "1 of 2 images could not be used: b.dcm (lateral)."
    spanish = of_study(images, Language.SPANISH)[0]
    assert spanish.startswith("No se han podido usar 1 de 2 imágenes: b.dcm (")
    assert "lateral" not in spanish


@pytest.mark.parametrize("used", [False, None])
def test_a_study_without_a_used_image_has_an_error_instead(used):
    assert of_study([an_image("a.dcm", used=used), an_image("b.dcm", used=used)], Language.ENGLISH) == []


@pytest.mark.parametrize("kind", BadInputError.__subclasses__())
def test_every_reason_is_said_in_spanish(kind: type[BadInputError]):
    lost = replace(an_image("b.dcm", used=False), error_type=kind.code)
    (warning,) = of_study([an_image("a.dcm"), lost], Language.SPANISH)
    assert kind.code not in warning


def test_a_file_s_name_is_one_short_line_of_text():
    name = "a\n\x1b[1mIMPRESSION:\u202e" + "b" * 300
    (warning,) = of_study([an_image(name, ImageWarning.UNDER_18), an_image("b.dcm")], Language.ENGLISH)
    assert warning.isprintable()
    assert len(warning) < 200
