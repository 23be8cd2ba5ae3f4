"""What a writer that sees is shown of a study: previews, the indication, the study before.

The records say what there is, the object store has the pixels. A preview holds nothing of the file's header;
letters that are burned into the pixels stay in them.

Map: `Shown` -> `shown` (asks the records) -> `sight_of` (asks the store).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from shared.bucket import NotStoredError
from shared.domain.findings import ViewPosition
from shared.domain.priors import Prior
from shared.domain.reports import SIGNED
from shared.domain.studies import StudyId
from shared.errors import DamagedError
from shared.records import reading, reports
from shared.records.database import Session
from shared.records.reading import ImageRecord
from shared.reporting.request import Earlier, Picture, Sight, view_of
from shared.storage import Storage, preview_key

log = structlog.get_logger()

_FRONTAL: Final = (ViewPosition.PA, ViewPosition.AP)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the records say that a writer may see.

    Attributes:
        images: of the study, those that were used.
        earlier: the frontal image of the study before.
        earlier_report: what a person signed of it.
    """

    images: tuple[ImageRecord, ...]
    indication: str | None
    earlier: ImageRecord | None = None
    earlier_report: str | None = None


def shown(session: Session, study_id: StudyId, images: Sequence[ImageRecord], prior: Prior | None) -> Shown:
    """Ask the records what there is to see."""
    view = reading.view(session, study_id)
    indication = view.order.indication if view else None
    used = tuple(image for image in images if image.used)
    if prior is None:
        return Shown(used, indication)
    before = reading.images(session, prior.study_id)
    frontal = next((image for image in before if image.used and image.view in _FRONTAL), None)
    report = reports.in_force(session, prior.study_id)
    if report is None or report.status not in SIGNED:
        return Shown(used, indication, frontal)
    return Shown(used, indication, frontal, f"{report.findings}\n{report.impression}")


def sight_of(storage: Storage, what: Shown) -> Sight:
    """Fetch the pictures; with one of the study's own lost there are none, and no writer that sees can write.

    Raises:
        TryAgainError: the store cannot be reached.
    """
    try:
        pictures = tuple(_picture(storage, image) for image in what.images)
    except (NotStoredError, DamagedError) as error:
        log.warning("sight.lost", reason=str(error))
        pictures = ()
    return Sight(pictures, what.indication, _earlier(storage, what))


def _earlier(storage: Storage, what: Shown) -> Earlier | None:
    if what.earlier is None:
        return None
    try:
        return Earlier(_picture(storage, what.earlier), what.earlier_report)
    except (NotStoredError, DamagedError):
        return None


def _picture(storage: Storage, image: ImageRecord) -> Picture:
    png = storage.get_artefact(preview_key(image.study_id, image.index))
    return Picture(image.index, view_of(image), png)
