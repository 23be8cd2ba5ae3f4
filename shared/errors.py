"""The tree of errors. The branch decides the fate of a study; the class docstring is the advice.

CxrError
├── BadInputError             the client can mend it: a 4xx, or the status REJECTED
│   ├── NotAnImageError         neither DICOM, PNG nor JPEG
│   │   └── ForeignFileError      nor any other picture or archive: set aside beside images
│   ├── EmptyFileError          no bytes
│   ├── BrokenImageError        cut off or corrupt
│   ├── UnsupportedImageError   a DICOM object, transfer syntax or pixel format that is not read
│   │   └── ForeignObjectError    whole, and by its header no radiograph, as an SR: set aside beside images
│   │       └── OwnObjectError      that this product made of a report, and a PACS sends back
│   ├── TooLargeError           more bytes, pixels, files or zip ratio than allowed
│   └── UnusableImageError      readable, but not a chest radiograph, or empty, or clipped
├── ConflictError             somebody else changed it first: read what there is now, and change that
│   └── NameTakenError          another one has that name
├── NotPossibleError          a report cannot be put in this format, since the study lacks what it needs
├── TryAgainError             passing: something the work needs is away; no attempt is used up
│   └── FailedThereError        a server that is not ours fails at it: at last, where it takes others, FAILED
├── ServerError               a server that is not ours refuses, or answers nonsense: counted like a bug
├── DamagedError              the store lost or changed an object: FAILED; retried once it is put right
└── LeaseLostError            another worker holds the study; this one stops and writes nothing

Anything else is a bug: it is counted, tried again alone, and FAILED after a few attempts.
No message may hold a DICOM value or any other patient data; a file is named by the client's name.
"""

from enum import StrEnum
from typing import ClassVar


class CxrError(Exception):
    """The base of all errors that this project raises on purpose."""

    code: ClassVar[str] = "error"


class BadInputError(CxrError):
    """The input cannot be used as it is; the message says what to change."""

    code = "bad-input"

    def __init__(self, detail: str, *, file: str | None = None) -> None:
        """Say what is wrong and with which file (the name that the client gave it)."""
        super().__init__(detail)
        self.detail = detail
        self.file = file


class NotAnImageError(BadInputError):
    """The file is neither DICOM, PNG nor JPEG. Send the original file, not a link, text or PDF."""

    code = "not-an-image"


class ForeignFileError(NotAnImageError):
    """A file of another purpose, such as a text or a program on the same disc."""


class EmptyFileError(BadInputError):
    """The file holds no bytes. Export it again."""

    code = "empty-file"


class BrokenImageError(BadInputError):
    """The file is cut off or corrupt. Export or copy it again."""

    code = "broken-image"


class UnsupportedImageError(BadInputError):
    """A kind of image that is not read. The message names what is."""

    code = "unsupported-image"


class ForeignObjectError(UnsupportedImageError):
    """A DICOM object of another kind than a radiograph, such as a report or a slice of a CT."""


class OwnObjectError(ForeignObjectError):
    """Something that this product made of a report: read as a radiograph it would make another, for ever."""


class TooLargeError(BadInputError):
    """More bytes, pixels, files or zip ratio than this server takes. The message names the limit."""

    code = "too-large"


class UnusableImageError(BadInputError):
    """The picture can be read but says nothing: not a chest radiograph, empty, or clipped."""

    code = "unusable-image"


class ConflictError(CxrError):
    """Somebody else changed it first. Read it again, apply your change to what it is now, and send that."""

    code = "changed-meanwhile"

    def __init__(self, detail: str, *, newest_version: int | None = None) -> None:
        """Say what is there now; of a report, which version."""
        super().__init__(detail)
        self.newest_version = newest_version


class NameTakenError(ConflictError):
    """Another one has that name already. Choose another name."""

    code = "name-taken"


class NotPossibleError(CxrError):
    """The study lacks what this format of its report cannot do without. Ask for another format."""

    code = "format-not-possible"


class TryAgainError(CxrError):
    """Something that the work needs is away for a while; the same work is done again later."""

    code = "try-again"


class FailedThereError(TryAgainError):
    """A server that is not ours failed at a request, or took too long; it may be the request's fault.

    Attributes:
        server: its address, by which `shared.remote` knows whether it answers others.
    """

    def __init__(self, detail: str, server: str = "") -> None:
        super().__init__(detail)
        self.server = server


class ServerError(CxrError):
    """A server that is not ours refuses, or answers nonsense. The message says which setting to look at.

    It holds nothing that the server said, and may be shown.
    """

    code = "server"


class LeaseLostError(CxrError):
    """Another worker holds the study by now; whatever this one made is thrown away."""

    code = "lease-lost"


class Damage(StrEnum):
    """What a store did to an object."""

    CHANGED = "changed"
    MISSING = "missing"
    UNREADABLE = "unreadable"


class DamagedError(CxrError):
    """The object store no longer has what was stored. Sending the same file again puts an original right."""

    code = "damaged"

    def __init__(self, damage: Damage, what: str) -> None:
        """Say what is damaged, and how."""
        how = "is missing" if damage is Damage.MISSING else "no longer has the bytes it was stored with"
        super().__init__(f"{what} {how}")
        self.damage = damage


class DamagedOriginalError(DamagedError):
    """An original is not what was sent. Send the same file again, then retry the study."""

    code = "damaged-original"

    def __init__(self, damage: Damage, digest: str) -> None:
        """Keep the SHA-256 of what is damaged, for operators; whoever knows the client's name adds it."""
        super().__init__(damage, "the stored original")
        self.digest = digest
        self.file: str | None = None
        self.detail = f"{self}: send the same file again, then retry this study"
