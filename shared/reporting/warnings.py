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
from shared.errors import (
    BrokenImageError,
    EmptyFileError,
    NotAnImageError,
    TooLargeError,
    UnsupportedImageError,
    UnusableImageError,
)

WORD: Final[Mapping[Language, str]] = {Language.ENGLISH: "Warning", Language.SPANISH: "Advertencia"}
"""What a line of the impression that warns begins with."""

_LONGEST_NAME: Final = 80
"""Characters of a file's name that a sentence repeats."""


class ImageWarning(StrEnum):
    """Something about an image that makes its findings less sure."""

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


_WORDING: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.ENGLISH: {
        ImageWarning.SEEMS_TURNED_CLOCKWISE: (
            "The image seems to be turned by 90° clockwise: findings on it are not reliable."
        ),
        ImageWarning.SEEMS_UPSIDE_DOWN: (
            "The image seems to be turned by 180°: findings on it are not reliable."
        ),
        ImageWarning.SEEMS_TURNED_ANTICLOCKWISE: (
            "The image seems to be turned by 90° anticlockwise: findings on it are not reliable."
        ),
        ImageWarning.SEEMS_INVERTED: (
            "The image seems to be inverted, black for white: findings on it are not reliable."
        ),
        ImageWarning.WAS_TURNED_CLOCKWISE: "The image was turned by 90° clockwise before it was read.",
        ImageWarning.WAS_TURNED_UPSIDE_DOWN: "The image was turned by 180° before it was read.",
        ImageWarning.WAS_TURNED_ANTICLOCKWISE: (
            "The image was turned by 90° anticlockwise before it was read."
        ),
        ImageWarning.WAS_INVERTED: "The image was inverted, black for white, before it was read.",
        ImageWarning.SEEMS_MIRRORED: (
            "The heart seems to lie on the right: the image may be mirrored, or the patient has "
            "dextrocardia. Sides are not stated."
        ),
        ImageWarning.UNDER_18: "The patient is under 18: the classifier was not trained on children.",
        ImageWarning.OTHER_BODY_PART: "The file names another body part than the chest.",
        ImageWarning.VIEW_CONTRADICTED: (
            "The file contradicts itself about the view (PA, AP or lateral): findings hold for a frontal "
            "view only."
        ),
        ImageWarning.OBLIQUE: (
            "The file says that the view is oblique: findings hold for a frontal view only."
        ),
        ImageWarning.DECUBITUS: "The file says that the patient lies on the side: findings may not hold.",
        ImageWarning.STUDY_SAYS_LATERAL: (
            "The file says that the study is of a lateral view: findings hold for a frontal view only."
        ),
        ImageWarning.WINDOW_NOT_USED: (
            "The window in the file would hide the picture: the image is shown, and was read, over its own "
            "range."
        ),
        ImageWarning.PADDING_IS_WHITE: (
            "The file marks white pixels as lying outside of the image: they are black here, and may have "
            "been part of it."
        ),
    },
    Language.SPANISH: {
        ImageWarning.SEEMS_TURNED_CLOCKWISE: (
            "La imagen parece estar girada 90° en sentido horario: los hallazgos no son fiables."
        ),
        ImageWarning.SEEMS_UPSIDE_DOWN: ("La imagen parece estar girada 180°: los hallazgos no son fiables."),
        ImageWarning.SEEMS_TURNED_ANTICLOCKWISE: (
            "La imagen parece estar girada 90° en sentido antihorario: los hallazgos no son fiables."
        ),
        ImageWarning.SEEMS_INVERTED: (
            "La imagen parece estar invertida, negro por blanco: los hallazgos no son fiables."
        ),
        ImageWarning.WAS_TURNED_CLOCKWISE: "La imagen se giró 90° en sentido horario antes de leerla.",
        ImageWarning.WAS_TURNED_UPSIDE_DOWN: "La imagen se giró 180° antes de leerla.",
        ImageWarning.WAS_TURNED_ANTICLOCKWISE: (
            "La imagen se giró 90° en sentido antihorario antes de leerla."
        ),
        ImageWarning.WAS_INVERTED: "La imagen se invirtió, negro por blanco, antes de leerla.",
        ImageWarning.SEEMS_MIRRORED: (
            "El corazón parece estar a la derecha: la imagen puede estar reflejada como en un espejo, o el "
            "paciente tiene dextrocardia. No se indican lados."
        ),
        ImageWarning.UNDER_18: "El paciente es menor de 18 años: el clasificador no se entrenó con niños.",
        ImageWarning.OTHER_BODY_PART: "El archivo nombra otra parte del cuerpo distinta del tórax.",
        ImageWarning.VIEW_CONTRADICTED: (
            "El archivo se contradice sobre la proyección (PA, AP o lateral): los hallazgos solo valen para "
            "una proyección frontal."
        ),
        ImageWarning.OBLIQUE: (
            "El archivo dice que la proyección es oblicua: los hallazgos solo valen para una frontal."
        ),
        ImageWarning.DECUBITUS: (
            "El archivo dice que el paciente está en decúbito lateral: los hallazgos pueden no valer."
        ),
        ImageWarning.STUDY_SAYS_LATERAL: (
            "El archivo dice que el estudio es de una proyección lateral: los hallazgos solo valen para una "
            "frontal."
        ),
        ImageWarning.WINDOW_NOT_USED: (
            "La ventana del archivo ocultaría la imagen: se muestra y se ha leído en su propio rango."
        ),
        ImageWarning.PADDING_IS_WHITE: (
            "El archivo marca píxeles blancos como exteriores a la imagen: aquí son negros, y podrían haber "
            "formado parte de ella."
        ),
    },
}
_NOT_USED: Final[Mapping[Language, str]] = {
    Language.ENGLISH: "{count} of {total} images could not be used: {reasons}.",
    Language.SPANISH: "No se han podido usar {count} de {total} imágenes: {reasons}.",
}
_REASONS_IN_SPANISH: Final[Mapping[str, str]] = {
    NotAnImageError.code: "no es un archivo de imagen",
    EmptyFileError.code: "el archivo está vacío",
    BrokenImageError.code: "el archivo está incompleto o dañado",
    UnsupportedImageError.code: "es un tipo de imagen que no se lee",
    TooLargeError.code: "es demasiado grande",
    UnusableImageError.code: "no es una radiografía de tórax frontal que se pueda clasificar",
}
"""Of an image that was not used; in English its own reason is said."""


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
    return [_WORDING[language].get(code, code) for code in codes]


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
    def reason(image: _Image) -> str:
        if language is Language.ENGLISH:
            return image.error_detail or ""
        return _REASONS_IN_SPANISH.get(image.error_type or "", image.error_type or "")

    reasons = "; ".join(f"{_plain(image.file)} ({reason(image)})" for image in unused)
    return _NOT_USED[language].format(count=len(unused), total=total, reasons=reasons)


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
