"""The UIDs of what is made of a study: the same study, version and format have the same one.

Those that are made here are UUIDs as UIDs (ISO/IEC 9834-8; PS3.5 B.2), which no registration is needed for.
"""

import re
from typing import Final, Protocol
from uuid import UUID, uuid5

from pydicom.uid import RE_VALID_UID

from shared.rendering.document import ReportDocument

_UUID_ROOT: Final = "2.25."
_LONGEST_UID: Final = 64
_PRODUCT: Final = UUID("98e4320d-60df-405c-8d54-f91dddf885ca")


class OfReport(Protocol):
    """What the UIDs of a report's objects are made of: the study's id, and which version it is."""

    @property
    def study_id(self) -> str:
        """Our own id of the study."""

    @property
    def version(self) -> int:
        """Of the report."""


def study_uid(document: ReportDocument) -> str:
    """Return the Study Instance UID: the study's own, else one made of its id."""
    # pydicom's own UID would quote a wrong one in a warning.
    own = document.order.study_instance_uid or ""
    is_valid = len(own) <= _LONGEST_UID and re.fullmatch(RE_VALID_UID, own)
    return own if is_valid else _as_uid(UUID(document.study_id))


def report_uuid(document: OfReport) -> UUID:
    """Return the report's identifier; its versions share it."""
    return named_uuid(document, "report")


def series_uid(document: OfReport, format_name: str) -> str:
    """Return the UID of the series that a format's objects of this study are in."""
    return _as_uid(named_uuid(document, "series", format_name))


def instance_uid(document: OfReport, format_name: str) -> str:
    """Return the UID of the object that a version becomes in a format."""
    return _as_uid(named_uuid(document, "instance", format_name, str(document.version)))


def tracking_uid(document: ReportDocument, label: str) -> str:
    """Return the UID of a finding of the classifier, the same in all versions of its report."""
    return _as_uid(named_uuid(document, "finding", document.model.digest, label))


def device_uid(document: ReportDocument) -> str:
    """Return the UID of what made the report: this release with this classifier."""
    return product_uid(f"{document.software_version}/{document.model.digest}")


def product_uid(name: str) -> str:
    """Return the UID of something that is the product's own, and no study's."""
    return _as_uid(uuid5(_PRODUCT, name))


def named_uuid(document: OfReport, *names: str) -> UUID:
    """Return the UUID of something that belongs to a study, by its names."""
    return uuid5(UUID(document.study_id), "/".join(names))


def _as_uid(uuid: UUID) -> str:
    return f"{_UUID_ROOT}{uuid.int}"
