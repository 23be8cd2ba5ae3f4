"""What a DICOM object calls itself: by this PACS and modalities know an image, whatever file it comes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Identity:
    """The UIDs of a DICOM object as its header has them; a UID that is none by PS3.5 9.1 is None.

    Attributes:
        transfer_syntax_uid: how the original is encoded.
        header: what else those who search are told of it, in the DICOM JSON Model.
    """

    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    series_instance_uid: str | None = None
    transfer_syntax_uid: str | None = None
    header: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


NO_IDENTITY: Final = Identity()
"""Of a PNG or JPEG."""
