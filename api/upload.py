"""A multipart request, step by step, to checked files: streamed, counted, spooled, never in memory whole.

received (`receive`) -> fields read (`fields_of`) -> files looked at (`checked`, by `shared/intake/files.py`).
"""

import errno
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException
from typing_extensions import override

from api.auth import Caller
from api.backend import Backend
from api.multipart import FILES_FIELD, BoundedParser
from api.opening import OpeningFields
from api.orders import OrderFields
from api.problem_kinds import Code
from api.problems import ProblemError, unavailable
from shared.domain.reports import Language
from shared.domain.studies import Priority
from shared.errors import TooLargeError
from shared.intake import files
from shared.intake.files import Checked, SentFile
from shared.settings import ApiSettings

CHARSETS: Final = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252"}
)

_LONGEST_PATH: Final = 4096


def _shown(path: str) -> str:
    """Return a path without what could disturb a table; its end, where it is longer than a path can be."""
    return "".join(letter for letter in path if letter.isprintable())[-_LONGEST_PATH:]


ItemPath = Annotated[
    str,
    AfterValidator(_shown),
    Field(description="Of a batch's item: where in its archive it lies."),
]
"""None is refused: nobody could mend it."""


class NoFields(BaseModel):
    """A form of files alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def needs_files(self) -> bool:
        """Whether a form without a file makes no sense."""
        return True


class Fields(NoFields, OrderFields, OpeningFields):
    """What a client may say about a study, besides its files."""

    priority: Priority | None = None
    language: Annotated[
        Language | None,
        Field(description="Of the report; without it the one that Accept-Language likes best, else English."),
    ] = None
    batch_id: UUID | None = None
    path: ItemPath | None = None
    mixed: Annotated[
        bool,
        Field(
            description="Files of several patients or studies, or a `patient_id` that is not theirs, are "
            "meant; without it they are refused."
        ),
    ] = False

    @field_validator("mixed")
    @classmethod
    def _is_whole(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  as pydantic calls it
        if value and info.data.get("open"):
            message = "an open study is of one patient and one study"
            raise ValueError(message)
        return value

    @property
    @override
    def needs_files(self) -> bool:
        return not self.open


SomeFields = TypeVar("SomeFields", bound=NoFields)


@dataclass(slots=True)
class Received:
    """A request's files and fields, as they came.

    Attributes:
        sizes: how many bytes of each file arrived.
        refusal: the first limit that a file broke; the bytes of that file and later ones are gone.
    """

    files: list[UploadFile]
    form: FormData
    sizes: list[int]
    refusal: TooLargeError | None

    async def close(self) -> None:
        """Delete the temporary files."""
        await self.form.close()


@asynccontextmanager
async def incoming(request: Request, backend: Backend, caller: Caller) -> AsyncIterator[Received]:
    """Receive a form in one of its caller's places for uploads; its temporary files go with the block.

    Raises:
        ProblemError: as `receive`; or the caller has as many uploads under way as one may have.
    """
    with backend.uploads.place_of(caller.actor.id):
        received = await receive(request, backend.settings)
        try:
            yield received
        finally:
            await received.close()


async def receive(request: Request, settings: ApiSettings) -> Received:
    """Read a multipart request into temporary files.

    Raises:
        ProblemError: it is not multipart, cannot be parsed, or holds no file.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        message = "send multipart/form-data with the images in the field `files`"
        raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, message)
    _check_charset(request.headers)
    parser = BoundedParser(request.headers, request.stream(), settings=settings)
    try:
        with room():
            form = await parser.parse()
    except MultiPartException as error:
        raise ProblemError(Code.BAD_REQUEST, f"the multipart body cannot be read: {error.message}") from error
    sent = [
        value for name, value in form.multi_items() if name == FILES_FIELD and isinstance(value, UploadFile)
    ]
    return Received(sent, form, parser.sizes, parser.refusal)


def _check_charset(headers: Headers) -> None:
    """Refuse a form in an encoding that browsers do not send.

    The parser looks up whatever name it is given among Python's codecs, and some of those are no encodings of
    text, or raise what nobody expects.
    """
    _, options = parse_options_header(headers["content-type"])
    charset = options.get(b"charset", b"utf-8").decode("latin-1")
    if charset.lower() not in CHARSETS:
        message = f"the form's charset {charset[:40]!r} is not read: send utf-8"
        raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, message)


@contextmanager
def room() -> Iterator[None]:
    """Answer 503 when the disk of temporary files is full."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        message = "there is no room for the upload right now"
        raise unavailable(message) from error


def fields_of(received: Received, kind: type[SomeFields]) -> SomeFields:
    """Read the fields beside the files.

    Raises:
        RequestValidationError: a field is unknown, given twice, or not as it should be; or no file came.
    """
    faults: list[dict[str, Any]] = []
    values: dict[str, str] = {}
    for name, value in received.form.multi_items():
        if isinstance(value, UploadFile):
            if name != FILES_FIELD:
                faults.append(_fault(name, f"files belong in the field `{FILES_FIELD}`"))
        elif name in values:
            faults.append(_fault(name, "given more than once"))
        elif value or name == FILES_FIELD:
            values[name] = value  # an empty form field is one that was not filled in
    faults += [
        _fault(FILES_FIELD, "a text, and no file: with curl, write files=@NAME")
        for file in received.files
        if file.filename is None and not files.is_known(file.file)
    ]
    if not received.files:
        values.pop(FILES_FIELD, None)
    fields: SomeFields | None = None
    try:
        fields = kind.model_validate(values)
    except ValidationError as error:
        faults += [_fault(str(fault["loc"][0]), fault["msg"]) for fault in error.errors(include_url=False)]
    if not received.files and (fields.needs_files if fields else "open" not in values):
        faults.append(_fault(FILES_FIELD, "at least one file is required"))
    if faults or fields is None:
        raise RequestValidationError(faults)
    return fields


@contextmanager
def checked(received: Received, settings: ApiSettings) -> Iterator[Checked]:
    """Look at the files that were received; what was unpacked of them goes with the block. Blocks.

    Raises:
        ProblemError: there is no room to unpack them.
    """
    with room():
        looked_at = _check(received, settings)
    try:
        yield looked_at
    finally:
        looked_at.close()


def _check(received: Received, settings: ApiSettings) -> Checked:
    """Look at the files, unless one of them was too large to be kept."""
    if received.refusal is not None:
        return Checked(refusal=received.refusal)
    if not received.files:
        return Checked()  # an open study may begin with none
    sent = [SentFile(file.filename or "unnamed", file.file) for file in received.files]
    return files.check(sent, files.limits_of(settings))


def fingerprint(received: Received, fields: Fields) -> str:
    """Return the SHA-256 of what was sent: every file's name and bytes, and the fields. Blocks.

    The multipart bytes themselves differ between two sendings of the same request (the boundary).
    """
    # Only what was given: a key from before a field was known still fits its request.
    said = fields.model_dump_json(exclude_unset=True)
    digest = hashlib.sha256(said.encode())
    for file, size in zip(received.files, received.sizes, strict=True):
        name = (file.filename or "").encode()
        digest.update(len(name).to_bytes(8) + name + size.to_bytes(8))
        if received.refusal is None:
            digest.update(bytes.fromhex(files.sha256_of(file.file)))
    return digest.hexdigest()


def _fault(name: str, message: str) -> dict[str, Any]:
    return {"loc": ("body", name[:100]), "msg": message, "type": "value_error"}
