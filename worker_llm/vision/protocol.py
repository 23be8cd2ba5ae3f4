"""What worker-llm and a side-car say to each other: docs/reference/writer-protocol.md, in code, for both.

A side-car's environment has the packages of its model and nothing of ours but this file and `slots.py`: they
take Python's own library alone, and Python 3.10.

Map: `Image`, `Finding` -> `Asked` (`as_json`, `asked_of`) · `Region`, `Passage` -> `Said` (`as_json`) ·
`ModelVersion` -> `Health` (`as_json`, `health_of`) · `object_of`,
`MalformedError`.
"""

import base64
from dataclasses import asdict, dataclass
from typing import Any, Final

VERSION: Final = 1
MOST_BYTES: Final = 64 * 2**20
"""Of a request; of an answer there are fewer."""
MOST_ANSWERED_BYTES: Final = 2**20
MOST_IMAGES: Final = 16
VIEWS: Final = ("PA", "AP", "LATERAL", "UNKNOWN")
STATUSES: Final = ("present", "uncertain", "absent")
CERTAINTIES: Final = ("stated", "probable", "possible", "not detected")
_PNG: Final = b"\x89PNG\r\n\x1a\n"


class MalformedError(ValueError):
    """A body that is not the protocol's; the message names the field, and says nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class Image:
    """A radiograph.

    Attributes:
        index: what an answer's boxes call it.
        earlier: whether it is of the study before.
    """

    index: int
    view: str
    png: bytes
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What the classifier says of one label."""

    label: str
    status: str
    certainty: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for one report; what is missing is None."""

    images: tuple[Image, ...]
    indication: str | None = None
    technique: str | None = None
    comparison: str | None = None
    prior_report: str | None = None
    findings: tuple[Finding, ...] = ()
    language: str = "en"
    objections: tuple[str, ...] = ()
    attempt: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return what JSON takes."""
        images = [{**asdict(image), "png": base64.b64encode(image.png).decode()} for image in self.images]
        return {"protocol": VERSION, **asdict(self), "images": images}

    def of_this_study(self) -> tuple[Image, ...]:
        """Return the radiographs that are not of the study before."""
        return tuple(image for image in self.images if not image.earlier)

    def positive(self) -> tuple[str, ...]:
        """Return the labels that the classifier found, in its order."""
        return tuple(finding.label for finding in self.findings if finding.status == "present")


@dataclass(frozen=True, slots=True)
class Region:
    """Where on a radiograph something is: fractions of the picture that was sent, origin at the top left."""

    image: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence or more, and where its model saw what it says."""

    text: str
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Who answers: the model's name in the catalogue, and which weights."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; the impression is None of a model that writes none."""

    findings: tuple[Passage, ...]
    impression: tuple[str, ...] | None = None

    def as_json(self, model: ModelVersion) -> dict[str, Any]:
        """Return what JSON takes."""
        return {"model": asdict(model), **asdict(self)}


@dataclass(frozen=True, slots=True)
class Health:
    """Who is there, and whether it can be asked yet."""

    model: ModelVersion
    ready: bool

    def as_json(self) -> dict[str, Any]:
        """Return what JSON takes."""
        return {"protocol": VERSION, **asdict(self)}


def health_of(body: object) -> Health:
    """Read a server's health.

    Raises:
        MalformedError: it speaks another protocol.
    """
    read = object_of(body, "the answer")
    if read.get("protocol") != VERSION:
        message = f"protocol: {VERSION} is spoken here"
        raise MalformedError(message)
    return Health(model_of(read.get("model")), read.get("ready") is True)


def model_of(body: object) -> ModelVersion:
    """Read who answers.

    Raises:
        MalformedError: nobody says so.
    """
    read = object_of(body, "model")
    return ModelVersion(_text(read.get("id"), "model.id"), _text(read.get("version"), "model.version"))


def asked_of(body: object) -> Asked:
    """Read a request, as a server must: nothing in it is guessed.

    Raises:
        MalformedError: a field is not what the protocol says.
    """
    read = object_of(body, "the request")
    if read.get("protocol") != VERSION:
        message = f"protocol: {VERSION} is spoken here"
        raise MalformedError(message)
    images = tuple(_image(item) for item in _list(read.get("images"), "images", most=MOST_IMAGES))
    if len({image.index for image in images}) != len(images):
        message = "images: two have one index"
        raise MalformedError(message)
    if not any(not image.earlier for image in images):
        message = "images: none is of this study"
        raise MalformedError(message)
    return Asked(
        images,
        indication=_optional(read.get("indication"), "indication"),
        technique=_optional(read.get("technique"), "technique"),
        comparison=_optional(read.get("comparison"), "comparison"),
        prior_report=_optional(read.get("prior_report"), "prior_report"),
        findings=tuple(_finding(item) for item in _list(read.get("findings", []), "findings")),
        language=_text(read.get("language", "en"), "language"),
        objections=tuple(
            _text(item, "objections") for item in _list(read.get("objections", []), "objections")
        ),
        attempt=_whole(read.get("attempt", 1), "attempt", least=1),
    )


def _image(body: object) -> Image:
    read = object_of(body, "images")
    text = _text(read.get("png"), "images.png")
    try:
        png = base64.b64decode(text, validate=True)
    except ValueError as error:
        message = "images.png: no base64"
        raise MalformedError(message) from error
    if not png.startswith(_PNG):
        message = "images.png: no PNG"
        raise MalformedError(message)
    index = _whole(read.get("index"), "images.index", least=0)
    return Image(index, _of(VIEWS, read.get("view"), "images.view"), png, read.get("earlier") is True)


def _finding(body: object) -> Finding:
    read = object_of(body, "findings")
    return Finding(
        _text(read.get("label"), "findings.label"),
        _of(STATUSES, read.get("status"), "findings.status"),
        _of(CERTAINTIES, read.get("certainty"), "findings.certainty"),
    )


def object_of(value: object, name: str) -> dict[str, Any]:
    """Return what is an object.

    Raises:
        MalformedError: it is something else.
    """
    if isinstance(value, dict):
        return value
    message = f"{name}: no object"
    raise MalformedError(message)


def _list(value: object, name: str, most: int = 1000) -> list[Any]:
    if isinstance(value, list) and len(value) <= most:
        return value
    message = f"{name}: no list of at most {most}"
    raise MalformedError(message)


def _text(value: object, name: str) -> str:
    if isinstance(value, str) and value:
        return value
    message = f"{name}: no text"
    raise MalformedError(message)


def _optional(value: object, name: str) -> str | None:
    return None if value is None or value == "" else _text(value, name)


def _whole(value: object, name: str, least: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    message = f"{name}: no whole number from {least} on"
    raise MalformedError(message)


def _of(known: tuple[str, ...], value: object, name: str) -> str:
    if value in known:
        return str(value)
    message = f"{name}: none of {', '.join(known)}"
    raise MalformedError(message)
