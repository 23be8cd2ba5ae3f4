"""What the server answers, as typed values.

Fields that a newer server adds are kept (`model_extra`), so that nothing is lost when a value is
written out again; statuses are plain strings, so that a new one does not break an old client.
"""

from cxr.models.answer import Answer
from cxr.models.batch import Batch, BatchPage, BatchResult, ItemReport
from cxr.models.delivery import (
    Delivery,
    DeliveryAttempt,
    DeliveryPage,
    Destination,
    DestinationTest,
    Retried,
)
from cxr.models.finding import Finding, Findings, ImageFindings, Place
from cxr.models.hospital import Hl7Sender, PullRule
from cxr.models.keeping import DueStudies, Erasure, Retention
from cxr.models.report import (
    Addendum,
    Attestation,
    Author,
    Evidence,
    Report,
    Sections,
    Sentence,
    Verification,
    WriterId,
)
from cxr.models.review import (
    Account,
    ClassifierId,
    Difference,
    ErrorCount,
    ReviewSummary,
    Version,
    WriterPair,
)
from cxr.models.server import DicomPeer, FormatInfo, Info, Key, Tenant, Work
from cxr.models.similar import PresentFinding, SimilarStudies, SimilarStudy
from cxr.models.study import (
    FINAL_STATUSES,
    Actor,
    Event,
    Image,
    ModelId,
    Order,
    Patient,
    SetAside,
    Study,
    StudyError,
    StudyPage,
    TimelineEntry,
)

__all__ = [
    "FINAL_STATUSES",
    "Account",
    "Actor",
    "Addendum",
    "Answer",
    "Attestation",
    "Author",
    "Batch",
    "BatchPage",
    "BatchResult",
    "ClassifierId",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryPage",
    "Destination",
    "DestinationTest",
    "DicomPeer",
    "Difference",
    "DueStudies",
    "Erasure",
    "ErrorCount",
    "Event",
    "Evidence",
    "Finding",
    "Findings",
    "FormatInfo",
    "Hl7Sender",
    "Image",
    "ImageFindings",
    "Info",
    "ItemReport",
    "Key",
    "ModelId",
    "Order",
    "Patient",
    "Place",
    "PresentFinding",
    "PullRule",
    "Report",
    "Retention",
    "Retried",
    "ReviewSummary",
    "Sections",
    "Sentence",
    "SetAside",
    "SimilarStudies",
    "SimilarStudy",
    "Study",
    "StudyError",
    "StudyPage",
    "Tenant",
    "TimelineEntry",
    "Verification",
    "Version",
    "Work",
    "WriterId",
    "WriterPair",
]
