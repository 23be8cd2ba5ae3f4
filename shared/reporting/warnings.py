"""What the reader of a study must know before its findings: codes of its images, worded in each language.

images.warnings holds the codes. A sentence is made of them where somebody reads it, in the language of the
study or of the report.

Map: `ImageWarning` -> `in_words` (of one image) -> `of_study` (of all, each once, with the files' names)
-> `with_warnings` (before a report's impression).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from shared.domain.reports import EditedReport, Grade, GradedSentence, Language, Report, Section
from shared.words import in_each

_LONGEST_NAME: Final = 80
"""Characters of a file's name that a sentence repeats."""


class ImageWarning(StrEnum):
    """Something about an image that makes its findings less sure."""

    UNMEASURED = "unmeasured"
    """The classifier: its card has no figures and no calibration of its probabilities."""
    SEEMS_TURNED_CLOCKWISE = "seems-turned-clockwise"
    SEEMS_UPSIDE_DOWN = "seems-upside-down"
    SEEMS_TURNED_ANTICLOCKWISE = "seems-turned-anticlockwise"
    SEEMS_INVERTED = "seems-inverted"
    WAS_TURNED_CLOCKWISE = "was-turned-clockwise"
    """Turned by 90° before it was classified, as these four say what was done to the picture."""
    WAS_TURNED_UPSIDE_DOWN = "was-turned-upside-down"
    WAS_TURNED_ANTICLOCKWISE = "was-turned-anticlockwise"
    WAS_INVERTED = "was-inverted"
    SEEMS_MIRRORED = "seems-mirrored"
    UNDER_18 = "under-18"
    """The classifier has learnt from adults."""
    OTHER_BODY_PART = "other-body-part"
    VIEW_CONTRADICTED = "view-contradicted"
    OBLIQUE = "oblique"
    DECUBITUS = "decubitus"
    STUDY_SAYS_LATERAL = "study-says-lateral"
    WINDOW_NOT_USED = "window-not-used"
    """It would have left nearly nothing of the picture but black and white."""
    PADDING_IS_WHITE = "padding-is-white"
    """Padding is shown black, but here it has the value of the film's white."""


_WORDS: Final = in_each("warnings", dict)
WORD: Final[Mapping[Language, str]] = {language: words["word"] for language, words in _WORDS.items()}
"""What a line of the impression that warns begins with."""

_AReport = TypeVar("_AReport", bound=Report | EditedReport)


class _Image(Protocol):
    """What is read of an image; a row of the database is one, and the decoders load no database for it."""

    @property
    def file(self) -> str: ...
    @property
    def used(self) -> bool | None: ...
    @property
    def warnings(self) -> Sequence[str]: ...
    @property
    def error_type(self) -> str | None: ...
    @property
    def error_detail(self) -> str | None: ...


def in_words(codes: Iterable[str], language: Language) -> list[str]:
    """Write an image's warnings as sentences."""
    # A code of a later release is shown as it is, and so is the sentence that an earlier one stored.
    return [_WORDS[language]["of_images"].get(code, code) for code in codes]


def of_study(images: Sequence[_Image], language: Language) -> list[str]:
    """Write the warnings of all of a study's images, each once; of several images, with the files' names.

    The first says which images could not be used while others were; a study without any is rejected.
    """
    unused = [image for image in images if image.used is False]
    sentences = [_not_used(unused, len(images), language)] if 0 < len(unused) < len(images) else []
    return sentences + _of_images(images, language)


def with_warnings(report: _AReport, warnings: Sequence[str]) -> _AReport:
    """Put what its reader must know before a graded report's impression, a line each.

    What departs from the findings comes first, then the `warnings`. No author and no verifier sees them:
    they are said whatever was written.
    """
    said_first = (*report.warnings, *warnings)
    lines = [line_of(warning, report.language) for warning in said_first]
    by_rule = (GradedSentence(Section.IMPRESSION, line, Grade.SUPPORTED) for line in lines)
    before = sum(sentence.section is not Section.IMPRESSION for sentence in report.sentences)
    return replace(
        report,
        sections=replace(report.sections, impression="\n".join((*lines, report.sections.impression))),
        warnings=said_first,
        sentences=(*report.sentences[:before], *by_rule, *report.sentences[before:]),
    )


def line_of(warning: str, language: Language) -> str:
    """Write a warning as a line of the impression."""
    return f"{WORD[language]}: {warning}"


def _not_used(unused: Sequence[_Image], total: int, language: Language) -> str:
    words = _WORDS[language]

    def reason(image: _Image) -> str:
        if not words["reasons"]:  # English, in which each error says its own
            return image.error_detail or ""
        return str(words["reasons"].get(image.error_type, image.error_type or ""))

    reasons = "; ".join(f"{_plain(image.file)} ({reason(image)})" for image in unused)
    return str(words["not_used"].format(count=len(unused), total=total, reasons=reasons))


def _of_images(images: Sequence[_Image], language: Language) -> list[str]:
    files: dict[str, list[str]] = {}
    for image in images:
        for sentence in in_words(image.warnings, language):
            files.setdefault(sentence, []).append(_plain(image.file))
    if len(images) == 1:
        return list(files)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in files.items()]


def _plain(name: str) -> str:
    """Make a file's name fit for one line of text."""
    plain = "".join(letter for letter in " ".join(name.split()) if letter.isprintable())
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[: _LONGEST_NAME - 1]}…"
