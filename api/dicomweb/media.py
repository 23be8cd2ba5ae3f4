"""Which media type a DICOMweb client accepts (PS3.18 8.7): ranges with parameters, multipart ones too."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from api.problem_kinds import Code
from api.problems import ProblemError
from shared.dicom import dicom_json

JSON_TYPES: Final = (dicom_json.MEDIA_TYPE, "application/json")
MULTIPART: Final = "multipart/related"
DICOM: Final = "application/dicom"
BYTES: Final = "application/octet-stream"
ANY: Final = "*/*"

_PIECE: Final = re.compile(r'(?:[^,;"]|"(?:[^"\\]|\\.)*")+|[,;]')


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One of the types that are accepted.

    Attributes:
        parameters: by their names in small letters; `q` is not among them.
    """

    media_type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0

    @property
    def within(self) -> str:
        """The type of a multipart body's parts; the type itself of any other."""
        return self.parameters.get("type", ANY) if self.media_type == MULTIPART else self.media_type

    @property
    def transfer_syntax(self) -> str | None:
        """The one that is asked for, `*` for any; None where none is named."""
        return self.parameters.get("transfer-syntax")


def ranges(accept: str | None) -> list[MediaRange]:
    """Return what is accepted, the best first; everything where nothing is said."""
    if accept is None or not accept.strip():
        return [MediaRange(ANY)]
    found: list[list[str]] = [[""]]
    for piece in _PIECE.findall(accept):
        if piece == ",":
            found.append([""])
        elif piece == ";":
            found[-1].append("")
        else:
            found[-1][-1] += piece
    read = [_range(pieces) for pieces in found if pieces[0].strip()]
    return sorted((one for one in read if one.quality > 0), key=lambda one: -one.quality)


def check_json(accept: str | None) -> None:
    """Refuse a client that takes no DICOM JSON.

    Raises:
        ProblemError: 406.
    """
    accepted = {one.media_type for one in ranges(accept)}
    if accepted.isdisjoint({*JSON_TYPES, "application/*", ANY}):
        raise not_acceptable(JSON_TYPES)


def not_acceptable(formats: Sequence[str]) -> ProblemError:
    """Answer a client that takes none of these."""
    message = "it does not come in any form that Accept names"
    return ProblemError(Code.NOT_ACCEPTABLE, message, formats=list(formats))


def _range(pieces: Sequence[str]) -> MediaRange:
    media_type, *rest = (piece.strip() for piece in pieces)
    parameters = {}
    for parameter in rest:
        name, _, value = parameter.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"').lower()
    weight = parameters.pop("q", "1")
    quality = min(float(weight), 1.0) if re.fullmatch(r"\d(\.\d{0,3})?", weight) else 0.0
    return MediaRange(media_type.lower(), parameters, quality)
