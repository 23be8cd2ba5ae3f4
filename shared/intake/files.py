"""The files that are brought as one study: zips unpacked, headers looked at, digests taken; nothing decoded.

Each is good, or set aside because it is no image and nobody meant it for one, or the first that stops all.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from shared.dicom import checks, foreign
from shared.domain.instances import Identity
from shared.domain.orders import Order
from shared.errors import BadInputError, EmptyFileError, ForeignFileError, ForeignObjectError, TooLargeError
from shared.intake import zips
from shared.settings import ApiSettings

MOST_MEMBERS: Final = 1000
"""Of a zip, of any kind: a disc has its viewer's files beside the images."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken.

    Attributes:
        images: most images of one study.
        pixels: most pixels of one image.
        file_bytes: most bytes of one file, unpacked.
        total_bytes: most bytes that all zips together unpack to.
        zip_ratio: most unpacked bytes for one packed byte.
    """

    images: int
    pixels: int
    file_bytes: int
    total_bytes: int
    zip_ratio: int


def limits_of(settings: ApiSettings) -> Limits:
    """Return how much is taken, which is the same at every door."""
    return Limits(
        images=settings.max_files,
        pixels=settings.max_pixels,
        file_bytes=settings.max_file_bytes,
        total_bytes=settings.max_request_bytes,
        zip_ratio=settings.max_zip_ratio,
    )


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was brought; `content` is seekable."""

    name: str
    content: BinaryIO


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that is a radiograph as far as its header tells; `content` stands at its start.

    Attributes:
        position: of the file among those that were brought, or of the zip that it came in.
        order: whose it is, as its header says.
        identity: what it calls itself, of a DICOM file.
    """

    name: str
    position: int
    content: BinaryIO
    sha256: str
    size: int
    media_type: str
    width: int
    height: int
    order: Order
    identity: Identity | None = None


@dataclass(slots=True)
class Checked:
    """What became of the files: good or set aside, all of them, or the first refusal.

    Attributes:
        set_aside: why each of the files that are no images is none; it names the file.
    """

    files: list[CheckedFile] = field(default_factory=list)
    set_aside: list[BadInputError] = field(default_factory=list)
    refusal: BadInputError | None = None
    unpacked: list[BinaryIO] = field(default_factory=list)

    def put_aside(self, content: BinaryIO, reason: BadInputError) -> None:
        """Note a file that is no image; what was unpacked of it takes no more room."""
        self.set_aside.append(reason)
        if content in self.unpacked:
            self.unpacked.remove(content)
            content.close()

    def close(self) -> None:
        """Delete what was unpacked."""
        for content in self.unpacked:
            content.close()


def check(files: Sequence[SentFile], limits: Limits) -> Checked:
    """Look at every file, unpack zips, and stop at the first image that cannot be used. Blocks."""
    checked = Checked()
    try:
        for position, name, content in _unpacked(files, limits, checked.unpacked):
            try:
                checked.files.append(_check_file(name, content, limits, position=position))
            except (ForeignFileError, ForeignObjectError) as reason:
                checked.put_aside(content, reason)
            if len(checked.files) > limits.images:
                message = f"a study has at most {limits.images} images"
                raise TooLargeError(message, file=name)
    except BadInputError as refusal:
        checked.refusal = refusal
    if not checked.files and checked.refusal is None:
        checked.refusal = _nothing_left(checked.set_aside)
    return checked


def is_known(content: BinaryIO) -> bool:
    """Tell whether a file is of a kind that is read, by its first bytes."""
    head = _head_of(content)
    return zips.is_zip(head) or checks.sniff(head) is not None


def sha256_of(content: BinaryIO) -> str:
    """Return the SHA-256 of a file, and leave it at its start."""
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256")  # type: ignore[arg-type]  # a spooled file has readinto
    content.seek(0)
    return digest.hexdigest()


def _unpacked(
    files: Sequence[SentFile], limits: Limits, temporary: list[BinaryIO]
) -> Iterator[tuple[int, str, BinaryIO]]:
    """Yield each file's position (a zip's, for its members), its name and its content."""
    left = limits.total_bytes
    for position, file in enumerate(files):
        if not zips.is_zip(_head_of(file.content)):
            yield position, file.name, file.content
            continue
        of_zips = zips.Limits(
            files=MOST_MEMBERS,
            file_bytes=limits.file_bytes,
            total_bytes=limits.total_bytes,
            ratio=limits.zip_ratio,
        )
        for member_name, content in zips.members(file.content, name=file.name, limits=of_zips, left=left):
            left -= content.seek(0, os.SEEK_END)
            content.seek(0)
            temporary.append(content)
            yield position, member_name, content


def _nothing_left(set_aside: Sequence[BadInputError]) -> BadInputError:
    """Return why a study is refused of which every file was set aside."""
    if not set_aside:
        message = "no file was sent"
        return BadInputError(message)
    first, *others = set_aside
    if not others:
        return first
    message = f"none of the {len(set_aside)} files is a radiograph; the first of them: {first.detail}"
    return type(first)(message, file=first.file)


def _head_of(content: BinaryIO) -> bytes:
    head = content.read(checks.SNIFF_BYTES)
    content.seek(0)
    return head


def _check_file(name: str, content: BinaryIO, limits: Limits, *, position: int) -> CheckedFile:
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    if size == 0:
        message = "the file is empty"
        kind = EmptyFileError if foreign.is_named_like_an_image(name) else ForeignFileError
        raise kind(message, file=name)
    header = checks.check_header(content, name=name, max_pixels=limits.pixels)
    return CheckedFile(
        name=name,
        position=position,
        content=content,
        sha256=sha256_of(content),
        size=size,
        media_type=header.media_type,
        width=header.columns,
        height=header.rows,
        order=header.order,
        identity=header.identity,
    )
