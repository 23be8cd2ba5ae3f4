"""Which view a DICOM file says its image is: frontal (PA or AP) or lateral, read wherever files say it.

    words of a place -> its projections (`projections_in`) -> all places, in their order -> `FileView`

Words come in the languages of the vendors, codes from SNOMED (PS3.16 CID 4010). A place that names a frontal
and a lateral view describes both images of a study, and says nothing of one.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.findings import ViewPosition


class Projection(StrEnum):
    """How the beam went, as a place says it; finer than a view."""

    PA = "PA"
    AP = "AP"
    FRONTAL = "frontal"
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    DECUBITUS = "decubitus"
    """Lying on the side, with a horizontal beam: frontal or lateral, and unlike a film of one who stands."""


class ViewDoubt(StrEnum):
    """Why what the file says of the view makes a report on it less sure."""

    CONTRADICTION = "contradiction"
    OBLIQUE = "oblique"
    DECUBITUS = "decubitus"
    STUDY_SAYS_LATERAL = "study-says-lateral"


class Place(StrEnum):
    """Where a file says it, by the name of the attribute; the first one that says it is believed."""

    POSITION = "View Position"
    CODE = "View Code Sequence"
    ORIENTATION = "Patient Orientation"
    SERIES = "Series Description"
    PROCESSING = "Acquisition Device Processing Description"
    PROTOCOL = "Protocol Name"
    EPONYM = "Projection Eponymous Name"
    STEP = "Performed Procedure Step Description"
    STUDY = "Study Description"


OF_THE_STUDY: Final = frozenset({Place.STEP, Place.STUDY})
"""These describe all images of a study, and alone they refuse none."""


@dataclass(frozen=True, slots=True)
class FileView:
    """What a file says of its view.

    Attributes:
        position: UNKNOWN where it does not say, or only that the view is frontal.
        place: the place that says it.
    """

    position: ViewPosition = ViewPosition.UNKNOWN
    place: Place | None = None
    doubts: tuple[ViewDoubt, ...] = ()


_FRONTAL: Final = frozenset({Projection.PA, Projection.AP, Projection.FRONTAL})

_WORDS: Final[Mapping[Projection, re.Pattern[str]]] = {
    projection: re.compile(rf"\b(?:{'|'.join(words)})\b")
    for projection, words in {
        Projection.PA: ("PA", "POSTERO ?ANTERI(?:OR|ORE|EUR)", "POSTERIOR ?ANTERIOR", "DORSO ?VENTRAL"),
        Projection.AP: ("AP", "ANTERO ?POSTERI(?:OR|ORE|EUR)", "ANTERIOR ?POSTERIOR", "VENTRO ?DORSAL"),
        Projection.FRONTAL: ("FRONTAL", "FRONTALE", "FRONT", "FACE", "FRENTE"),
        Projection.LATERAL: (
            "LATS?",
            "LATERAL(?:E|ES|IS)?",
            "LATERO ?LATERALE?",
            "LL",
            "(?:L|R|LT|RT)LAT(?:ERAL)?",
            "SEITL?",
            "SEITLICH(?:E|ER|ES)?",
            "ANLIEGEND",
            "PROFILO?",
            "PERFIL",
        ),
        Projection.OBLIQUE: ("OBL", "OBLI(?:QUE|CUA|CUO|QUA|QUO)S?", "SCHRA(?:E)?G", "[LR][APL]O"),
        Projection.DECUBITUS: ("DECUB", "DECUBITUS", "DECUBITO", "SEITENLAGE", "LLD", "RLD"),
    }.items()
}
_LYING_FLAT: Final = re.compile(r"\b(?:SUPIN|DORSAL|PRON|VENTRAL)")
"""Words beside a decubitus that is none on the side: decúbito supino, décubitus dorsal."""
_SHORT_POSITIONS: Final = frozenset({"L", "RL"})
"""Lateral as the whole of a View Position; in a text these letters are a side."""
_SPELLED: Final = re.compile(r"\b([AP])[./-] ?([AP])\b")
_JOINED: Final = re.compile(r"\b(CHEST|THORAX|TORAX|TORACE)(PA|AP|LAT|LL)")

_CODES: Final[Mapping[Projection, frozenset[str]]] = {
    Projection.PA: frozenset({"272479007", "R-40888", "R-10214"}),
    Projection.AP: frozenset({"399348003", "R-10206"}),
    Projection.FRONTAL: frozenset({"399033003", "R-10202"}),
    Projection.LATERAL: frozenset(
        {"399173006", "R-10236", "399198007", "R-10232", "399067008", "R-102CD"}  # left, right, either
        | {"399260004", "R-10224", "399352003", "R-10228"}  # medial-lateral and back
    ),
    Projection.OBLIQUE: frozenset(
        {"399182000", "R-102C1", "399135007", "R-10220", "399356000", "R-40985", "399006002", "R-10212"}
        | {"399038007", "R-10210", "399059000", "R-10216", "399312000", "R-10208", "399160007", "R-10204"}
        | {"399236003", "R-10234", "399184004", "R-10238", "260427002", "R-40783", "260421001", "260424009"}
        | {"260426006", "R-40782"}
    ),
}
"""By SNOMED CT (SCT) and the older SNOMED RT (SRT) identifiers, which no other scheme shares."""


def projections_in(text: str, place: Place) -> frozenset[Projection]:
    """Return what a text says of the view; nothing where it names a frontal and a lateral one."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    if place is Place.POSITION and plain.strip() in _SHORT_POSITIONS:
        return frozenset({Projection.LATERAL})
    plain = _SPELLED.sub(r"\1\2", plain)
    plain = _JOINED.sub(r"\1 \2", " ".join(re.findall(r"[A-Z]+", plain)))
    projections = {projection for projection, words in _WORDS.items() if words.search(plain)}
    if _LYING_FLAT.search(plain):
        projections.discard(Projection.DECUBITUS)
    if projections & {Projection.DECUBITUS, Projection.OBLIQUE}:
        projections.discard(Projection.LATERAL)  # a lateral decubitus, a lateral oblique
    if Projection.LATERAL in projections and projections & _FRONTAL:
        return frozenset()
    return frozenset(projections)


def projections_of_code(value: str, meaning: str) -> frozenset[Projection]:
    """Return what a code says: by itself, else by its meaning in words."""
    known = frozenset(projection for projection, codes in _CODES.items() if value.strip().upper() in codes)
    return known or projections_in(meaning, Place.CODE)


def projections_of_orientation(orientation: tuple[str, str] | None) -> frozenset[Projection]:
    """Return what Patient Orientation says: rows that run forwards or backwards are those of a lateral view.

    A frontal one is not believed: devices write it as it was set, whatever is taken.
    """
    along = {side[:1] for side in orientation or ()}
    # Turned by a quarter, such a picture has the two the other way round; one from above has R or L.
    is_lateral = bool(along & {"A", "P"}) and bool(along & {"H", "F"})
    return frozenset({Projection.LATERAL}) if is_lateral else frozenset()


def view_of(said: Mapping[Place, frozenset[Projection]]) -> FileView:
    """Bring together what the places say: the first is believed; what speaks against it is a doubt."""
    of_image = [(place, said[place]) for place in Place if place not in OF_THE_STUDY and said.get(place)]
    of_study = [said[place] for place in Place if place in OF_THE_STUDY and said.get(place)]
    everything = frozenset[Projection]().union(*(projections for _, projections in of_image))
    doubts = [
        doubt
        for doubt, projection in (
            (ViewDoubt.OBLIQUE, Projection.OBLIQUE),
            (ViewDoubt.DECUBITUS, Projection.DECUBITUS),
        )
        if projection in everything
    ]
    directed = [
        (place, projections)
        for place, projections in of_image
        if projections & (_FRONTAL | {Projection.LATERAL})
    ]
    if not directed:
        if any(Projection.LATERAL in projections for projections in of_study):
            doubts.append(ViewDoubt.STUDY_SAYS_LATERAL)
        return FileView(doubts=tuple(doubts))
    first, projections = directed[0]
    if Projection.LATERAL in projections:
        return FileView(ViewPosition.LATERAL, first, tuple(doubts))
    exact = [
        (place, _exact(projections)) for place, projections in directed if _exact(projections) is not None
    ]
    if (
        any(Projection.LATERAL in projections for projections in (everything, *of_study))
        or len({end for _, end in exact}) > 1
    ):
        doubts.append(ViewDoubt.CONTRADICTION)
    place, position = exact[0] if exact else (None, None)
    return FileView(position or ViewPosition.UNKNOWN, place, tuple(doubts))


def _exact(projections: frozenset[Projection]) -> ViewPosition | None:
    """Return PA or AP where one of them is said, and not both."""
    said = projections & {Projection.PA, Projection.AP}
    return ViewPosition(next(iter(said)).value) if len(said) == 1 else None
