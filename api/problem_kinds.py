"""Every kind of problem that the API answers with: its stable name, its status, and what helps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """The stable end of a problem's `type`."""

    BAD_INPUT = "bad-input"
    NOT_AN_IMAGE = "not-an-image"
    EMPTY_FILE = "empty-file"
    BROKEN_IMAGE = "broken-image"
    UNSUPPORTED_IMAGE = "unsupported-image"
    UNUSABLE_IMAGE = "unusable-image"
    BAD_CURSOR = "bad-cursor"
    BAD_HEADER = "bad-header"
    BAD_REQUEST = "bad-request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    OTHER_PERSON = "other-person"
    FOREIGN_PAGE = "foreign-page"
    FOREIGN_USER = "foreign-user"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    NOT_ACCEPTABLE = "not-acceptable"
    NO_FINDINGS = "no-findings"
    NO_REPORT = "no-report"
    NOT_COMPARABLE = "not-comparable"
    FORMAT_NOT_POSSIBLE = "format-not-possible"
    REPORT_STATUS = "report-status"
    NOT_FAILED = "not-failed"
    NOT_DEAD = "not-dead"
    ALREADY_ENDED = "already-ended"
    BATCH_CLOSED = "batch-closed"
    STUDY_CLOSED = "study-closed"
    NO_IMAGES = "no-images"
    IDEMPOTENCY_KEY_IN_USE = "idempotency-key-in-use"
    REQUEST_TIMEOUT = "request-timeout"
    ERASED = "erased"
    NAME_TAKEN = "name-taken"
    CHANGED_MEANWHILE = "changed-meanwhile"
    VERSION_REQUIRED = "version-required"
    TOO_LARGE = "too-large"
    URI_TOO_LONG = "uri-too-long"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    INVALID_REQUEST = "invalid-request"
    SEVERAL_PATIENTS = "several-patients"
    OTHER_PATIENT = "other-patient"
    IDEMPOTENCY_KEY_REUSED = "idempotency-key-reused"
    TOO_MANY_REQUESTS = "too-many-requests"
    HEADERS_TOO_LARGE = "headers-too-large"
    DAMAGED_ORIGINAL = "damaged-original"
    DAMAGED = "damaged"
    INTERNAL_ERROR = "internal-error"
    UNAVAILABLE = "unavailable"
    WORKITEM_STATE = "workitem-state"
    NOT_IMPLEMENTED = "not-implemented"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status code, its name, and what its reader can do about it."""

    status: int
    title: str
    advice: str


KINDS: Final[dict[Code, Kind]] = {
    Code.BAD_INPUT: Kind(400, "The input cannot be used", "Read `detail`; it says what to change."),
    Code.NOT_AN_IMAGE: Kind(
        400, "Not a radiograph file", "Send the original DICOM, PNG or JPEG, or a zip of them."
    ),
    Code.EMPTY_FILE: Kind(400, "An empty file", "Export the file again; it holds no bytes."),
    Code.BROKEN_IMAGE: Kind(400, "A broken file", "The file is cut off or corrupt: export or copy it again."),
    Code.UNSUPPORTED_IMAGE: Kind(400, "A kind of image that is not read", "`detail` names what is read."),
    Code.UNUSABLE_IMAGE: Kind(400, "An image that says nothing", "Send a chest radiograph."),
    Code.BAD_CURSOR: Kind(400, "Not a cursor of this list", "Use `next_cursor` as it was given, or none."),
    Code.BAD_HEADER: Kind(400, "A header that cannot be read", "`detail` names the header and its form."),
    Code.BAD_REQUEST: Kind(400, "A request that cannot be read", "`detail` says which part of it."),
    Code.UNAUTHORIZED: Kind(
        401, "An API key is needed", "Send `Authorization: Bearer cxr_…` with a live key."
    ),
    Code.FORBIDDEN: Kind(403, "The key may not do this", "Use a key that has the scope named in `scope`."),
    Code.OTHER_PERSON: Kind(
        403, "The key is another person's", "Leave out `author`, or use that person's own key."
    ),
    Code.FOREIGN_PAGE: Kind(403, "A request from another site's page", "Call from the server's own page."),
    Code.FOREIGN_USER: Kind(
        403,
        "A request of another user of the machine",
        "Call as the user who started the server, or have it ask for keys (`CXR_API_AUTH=required`).",
    ),
    Code.NOT_FOUND: Kind(404, "No such thing", "Check the id; only the key that made a study sees it."),
    Code.METHOD_NOT_ALLOWED: Kind(405, "Not a method of this address", "The `Allow` header lists them."),
    Code.NOT_ACCEPTABLE: Kind(406, "Not in that format", "Ask for one of `formats`."),
    Code.REQUEST_TIMEOUT: Kind(
        408, "The request came too slowly", "Send it again, over a better line or fewer at once."
    ),
    Code.NO_FINDINGS: Kind(409, "The study has no findings", "`detail` says how the study ended."),
    Code.NO_REPORT: Kind(409, "The study has no report", "`detail` says how the study ended."),
    Code.NOT_COMPARABLE: Kind(
        409,
        "The study cannot be compared with others",
        "`detail` says what is missing: vectors of its images, or pgvector in the database.",
    ),
    Code.FORMAT_NOT_POSSIBLE: Kind(
        409, "Not in this format", "`detail` says what of the study is missing; ask for one of `formats`."
    ),
    Code.REPORT_STATUS: Kind(
        409, "The report's status does not allow it", "`acts` names what may be done to it now."
    ),
    Code.NOT_FAILED: Kind(409, "The study has not failed", "Only a failed study can be retried."),
    Code.NOT_DEAD: Kind(
        409,
        "The delivery was not given up",
        "Only a dead one can be sent again; one that waits is tried anyway.",
    ),
    Code.ALREADY_ENDED: Kind(
        409, "The study is at its end", "There is nothing to cancel; DELETE erases a study that has ended."
    ),
    Code.BATCH_CLOSED: Kind(409, "The batch takes no more items", "Open another batch."),
    Code.STUDY_CLOSED: Kind(
        409,
        "The study takes no more images",
        "Send them as another study; `detail` says how far this one is.",
    ),
    Code.WORKITEM_STATE: Kind(
        409, "The workitem's state does not allow it", "Read the workitem; `detail` says what it is now."
    ),
    Code.NO_IMAGES: Kind(
        409, "The study has no image yet", "Add one before you close it, or cancel the study."
    ),
    Code.IDEMPOTENCY_KEY_IN_USE: Kind(
        409, "A request with this Idempotency-Key is being served", "Ask again after `Retry-After` seconds."
    ),
    Code.NAME_TAKEN: Kind(409, "Another one has that name", "Choose another name."),
    Code.ERASED: Kind(410, "The study was erased", "It is gone for good; only its timeline is kept."),
    Code.CHANGED_MEANWHILE: Kind(
        412,
        "Somebody else changed it first",
        "Read the newest version, apply your change to it, and send that with its `ETag` as `If-Match`.",
    ),
    Code.VERSION_REQUIRED: Kind(
        428, "The version that is changed is not named", "Send the `ETag` of what was read as `If-Match`."
    ),
    Code.TOO_LARGE: Kind(413, "Larger than this server takes", "`detail` names the limit."),
    Code.URI_TOO_LONG: Kind(414, "The address is too long", "`detail` names the limit."),
    Code.UNSUPPORTED_MEDIA_TYPE: Kind(
        415, "Not a body of this kind", "`detail` names the kind that is read."
    ),
    Code.INVALID_REQUEST: Kind(
        422, "A field is missing or wrong", "`errors` names each field and what it wants."
    ),
    Code.SEVERAL_PATIENTS: Kind(
        422,
        "Files of several patients or studies",
        "Send each of `groups` as a study of its own, or add the field `mixed=true` if it is meant.",
    ),
    Code.OTHER_PATIENT: Kind(
        422,
        "Another patient than the files'",
        "Correct `patient_id`, or leave it out, or add the field `mixed=true` if it is meant.",
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Kind(
        422, "The Idempotency-Key belongs to another request", "Use a fresh key for other content."
    ),
    Code.TOO_MANY_REQUESTS: Kind(
        429, "More than one caller may have at once", "Ask again after `Retry-After` seconds."
    ),
    Code.HEADERS_TOO_LARGE: Kind(431, "The headers are too large", "`detail` names the limit."),
    Code.DAMAGED_ORIGINAL: Kind(
        500,
        "The stored original is damaged",
        "Send the same file again: that puts it right. Then retry the study if it has failed.",
    ),
    Code.DAMAGED: Kind(
        500, "A stored picture is damaged", "Send the study's files again: the new study has it anew."
    ),
    Code.INTERNAL_ERROR: Kind(
        500, "A fault of the server", "Report `request_id` to the operator; sending again may help."
    ),
    Code.NOT_IMPLEMENTED: Kind(501, "Not a thing that this server does", "`detail` says what does it."),
    Code.UNAVAILABLE: Kind(503, "The server cannot work right now", "Ask again after `Retry-After` seconds."),
}
"""Every kind of problem that this API answers with."""
