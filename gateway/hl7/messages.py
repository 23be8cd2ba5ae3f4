"""An HL7 message as it is read: segments whose fields may be missing, of any version and any vendor.

python-hl7 cuts it. Of the two libraries that there are it takes a message of a version that came after it and
one with three separators, as interfaces send them; hl7apy, which validates, refuses these and takes from
twenty to a thousand times as long.

Map: `read` -> `Message` -> `Segment.text`, `Segment.words`.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import hl7

from shared.errors import BadInputError
from shared.plain_text import without_unseen

_CHARACTER_SET: Final = 18
_CODECS: Final = {
    "": "",
    "ASCII": "",
    "ISO IR6": "",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    "ISO IR14": "iso2022_jp_ext",
    "ISO IR87": "iso2022_jp_ext",
    "ISO IR159": "iso2022_jp_ext",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
}
"""HL7 table 0211, and how its names are written besides; without a codec: UTF-8, else Windows' Latin-1."""
_LINES: Final = re.compile(r"\r\n|\n|\r")
_BREAK: Final = re.compile(r"\\\.(?:br|sp|in|ti|fi|nf|ce|sk)[^\\]*\\")
_HIGHLIGHT: Final = re.compile(r"\\[HN]\\")
_DELETED: Final = '""'


class UnreadableMessageError(BadInputError):
    """What stands in a frame is no HL7 message, or its letters cannot be read."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment; a field that is missing, empty or deleted ("") is None."""

    name: str
    content: Any

    def text(
        self, field: int, component: int = 1, *, repetition: int = 1, subcomponent: int = 1
    ) -> str | None:
        """Return a text of a field, its escapes read."""
        try:
            found = self.content.extract_field(1, field, repetition, component, subcomponent)
        except (IndexError, ValueError):
            return None
        return _cleaned(found)

    def repetitions(self, field: int) -> int:
        """Return how often a field stands there."""
        return len(self.content[field]) if field < len(self.content) else 0

    def words(self, field: int, component: int | None = None) -> str | None:
        """Return a field of prose, or one component of it, whole: many do not escape what separates."""
        said = []
        for repetition in self.content[field] if field < len(self.content) else ():
            whole: Any = repetition
            if component is not None:
                parts = repetition if isinstance(repetition, hl7.Repetition) else [repetition]
                whole = parts[component - 1] if component <= len(parts) else ""
            plain = _HIGHLIGHT.sub("", _BREAK.sub(" ", str(whole)))
            said.append(_cleaned(hl7.util.unescape(self.content, plain)))
        return " ".join(filter(None, said)) or None


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes:
        codec: by which its answer is written.
        separators: of fields and of components, as its header has them.
    """

    segments: Sequence[Segment]
    codec: str
    separators: str

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name; None without one."""
        return next((segment for segment in self.segments if segment.name == name), None)


def read(content: bytes) -> Message:
    """Read a message.

    Raises:
        UnreadableMessageError: it is none, or its letters are not of the set that it names.
    """
    content = content.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")
    if not content.startswith(b"MSH") or len(content) < 8:
        message = "the message does not begin with an MSH segment"
        raise UnreadableMessageError(message)
    text, codec = _decoded(content)
    lines = [line.strip(" \t") for line in _LINES.split(text)]
    whole = "\r".join(line[:3].upper() + line[3:] for line in lines if line)
    try:
        parsed = hl7.parse(whole)
    except (hl7.HL7Exception, IndexError, ValueError) as error:
        message = "the message cannot be cut into segments and fields"
        raise UnreadableMessageError(message) from error
    segments = [Segment(str(segment[0]), segment) for segment in parsed]
    return Message(segments, codec, whole[3:5])


def _decoded(content: bytes) -> tuple[str, str]:
    first = re.split(rb"[\r\n]", content, maxsplit=1)[0]
    fields = first.split(content[3:4])
    named = fields[_CHARACTER_SET - 1] if len(fields) >= _CHARACTER_SET else b""
    sets = [one.decode("ascii", "replace").strip().upper() for one in named.split(content[5:6])]
    # The first may be empty: ASCII, until an escape calls for one of the others.
    known = [_CODECS.get(one) for one in sets]
    if None in known:
        message = "MSH-18 names a character set that is not read here"
        raise UnreadableMessageError(message)
    codec = next(filter(None, known), "")
    try:
        return (content.decode(codec), codec) if codec else _guessed(content)
    except UnicodeDecodeError as error:
        message = "the message is not in the character set that its MSH-18 names"
        raise UnreadableMessageError(message) from error


def _guessed(content: bytes) -> tuple[str, str]:
    """Read a message that names no character set: it should be ASCII, and often is not."""
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), "cp1252"


def _cleaned(text: object) -> str | None:
    plain = without_unseen(" ".join(str(text).split()))
    return None if plain == _DELETED else plain or None
