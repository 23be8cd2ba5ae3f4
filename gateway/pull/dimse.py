"""An archive that is asked by C-FIND, and gives by C-GET or sends by C-MOVE.

By C-GET the instances come over the association that asks for them. By C-MOVE the archive calls us, as it
calls whoever it sends to: `gateway/dimse/` takes them, and the archive counts what it answered.
Source: DICOM PS3.4, C.4.1 to C.4.3 and C.6.2 (study root).
"""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
    XRayRadiofluoroscopicImageStorage,
)
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from typing_extensions import override

from gateway.dimse.tls import for_those_we_call
from gateway.pull.archives import Archive, ArchiveAwayError, NotFetchedError
from gateway.pull.taking import Taker
from shared.dicom.attributes import date_of
from shared.dicom.files import TRANSFER_SYNTAXES
from shared.domain.pulling import FoundSeries, FoundStudy, PullMethod
from shared.errors import TryAgainError
from shared.records.peers import Peer

_RADIOGRAPHS: Final = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    XRayRadiofluoroscopicImageStorage,
    SecondaryCaptureImageStorage,
)
_PENDING: Final = frozenset({0xFF00, 0xFF01})
_DONE: Final = 0x0000
_NO_ROOM: Final = 0xA700
_TO_CONNECT: Final = 10.0  # seconds
_SILENT: Final = 120.0
_MOST_FOUND: Final = 10_000
"""Answers to one question: more are no day's work."""


@dataclass(slots=True)
class DimseArchive(Archive):
    """A peer, called anew for each question: associations that wait are ended by many archives."""

    peer: Peer
    method: PullMethod
    taker: Taker
    _lost: list[Exception] = field(default_factory=list)

    @override
    def studies(self, modality: str, *, since: date) -> Sequence[FoundStudy]:
        return self._found(StudyDate=f"{since:%Y%m%d}-", ModalitiesInStudy=modality)

    @override
    def studies_of(self, patient_id: str, modality: str) -> Sequence[FoundStudy]:
        return self._found(PatientID=patient_id, ModalitiesInStudy=modality)

    @override
    def series(self, study_uid: str) -> Sequence[FoundSeries]:
        asked = {"Modality": "", "BodyPartExamined": "", "SeriesDescription": "", "SeriesInstanceUID": ""}
        wanted = _identifier(
            "SERIES", StudyInstanceUID=study_uid, NumberOfSeriesRelatedInstances=None, **asked
        )
        found = []
        for one in self._find(wanted):
            uid = _text(one, "SeriesInstanceUID")
            instances = _number(one, "NumberOfSeriesRelatedInstances")
            if instances is None:
                image = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": uid, "SOPInstanceUID": ""}
                instances = len(self._find(_identifier("IMAGE", **image)))
            body_part, description = _text(one, "BodyPartExamined"), _text(one, "SeriesDescription")
            found.append(FoundSeries(uid, _text(one, "Modality"), body_part, description, instances))
        return found

    @override
    def fetch(self, study_uid: str, series: FoundSeries) -> None:
        wanted = _identifier("SERIES", StudyInstanceUID=study_uid, SeriesInstanceUID=series.uid)
        self._lost.clear()
        with self._associated() as association:
            if self.method is PullMethod.GET:
                answers = association.send_c_get(wanted, StudyRootQueryRetrieveInformationModelGet)
            else:
                ours = self.taker.backend.settings.ae_title
                answers = association.send_c_move(wanted, ours, StudyRootQueryRetrieveInformationModelMove)
            status = _last(answers)
        for error in self._lost:
            raise error
        if status is None:
            message = "the archive ended the association before it had given all"
            raise ArchiveAwayError(message)
        failed = _number(status, "NumberOfFailedSuboperations") or 0
        if status.Status != _DONE or failed:
            message = f"the archive did not give a series whole: status {status.Status:04X}"
            raise NotFetchedError(message)

    @override
    def close(self) -> None:
        """Nothing is held between two questions."""

    def _found(self, **wanted: str) -> Sequence[FoundStudy]:
        asked: dict[str, str | None] = {
            "StudyInstanceUID": "",
            "StudyDate": "",
            "StudyDescription": "",
            "ModalitiesInStudy": "",
            "PatientID": "",
            "IssuerOfPatientID": "",
            "NumberOfStudyRelatedInstances": None,
        }
        answers = self._find(_identifier("STUDY", **(asked | wanted)))
        return [
            FoundStudy(
                uid=_text(one, "StudyInstanceUID"),
                taken_on=date_of(one, "StudyDate"),
                description=_text(one, "StudyDescription"),
                modalities=_texts(one, "ModalitiesInStudy"),
                patient_id=_text(one, "PatientID") or None,
                patient_id_issuer=_text(one, "IssuerOfPatientID") or None,
                instances=_number(one, "NumberOfStudyRelatedInstances"),
            )
            for one in answers
            if UID(_text(one, "StudyInstanceUID")).is_valid
        ]

    def _find(self, wanted: Dataset) -> list[Dataset]:
        found: list[Dataset] = []
        with self._associated() as association:
            for status, answer in association.send_c_find(wanted, StudyRootQueryRetrieveInformationModelFind):
                code = getattr(status, "Status", None)
                if code in _PENDING and answer is not None and len(found) < _MOST_FOUND:
                    found.append(answer)
                elif code not in {_DONE, *_PENDING}:
                    what = "no answer" if code is None else f"status {code:04X}"
                    message = f"the archive did not answer a question: {what}"
                    raise ArchiveAwayError(message)
        return found

    @contextmanager
    def _associated(self) -> Iterator[Association]:
        settings = self.taker.backend.settings
        ae = AE(settings.ae_title)
        ae.acse_timeout, ae.connection_timeout = _TO_CONNECT, _TO_CONNECT
        ae.dimse_timeout, ae.network_timeout = _SILENT, _SILENT
        models = [StudyRootQueryRetrieveInformationModelFind]
        roles = []
        if self.method is PullMethod.GET:
            models.append(StudyRootQueryRetrieveInformationModelGet)
            roles = [build_role(uid, scp_role=True) for uid in _RADIOGRAPHS]
        else:
            models.append(StudyRootQueryRetrieveInformationModelMove)
        contexts = [build_context(model) for model in models]
        # One for each syntax: of several in one context the archive picks one, whatever it has the image in.
        if self.method is PullMethod.GET:
            contexts += [build_context(uid, one) for uid in _RADIOGRAPHS for one in sorted(TRANSFER_SYNTAXES)]
        association = ae.associate(
            self.peer.host or "",
            self.peer.port or 0,
            contexts,
            self.peer.ae_title,
            ext_neg=roles,
            tls_args=(for_those_we_call(settings), self.peer.host or "") if self.peer.tls else None,
            evt_handlers=[(evt.EVT_C_STORE, self._store, [_Numbers()])],
        )
        if not association.is_established:
            message = "the archive cannot be reached, or rejects our association"
            raise ArchiveAwayError(message)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def _store(self, event: evt.Event, numbers: "_Numbers") -> int:
        try:
            self.taker.take(io.BytesIO(event.encoded_dataset()), number=numbers.next())
        except Exception as error:  # noqa: BLE001
            # It is raised where the series was asked for: here pynetdicom would swallow it.
            self._lost.append(error if isinstance(error, TryAgainError) else _failed(error))
            return _NO_ROOM
        return _DONE


class _Numbers:
    """Counts the instances of one association."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last += 1
            return self._last


def _failed(error: Exception) -> NotFetchedError:
    message = f"an instance could not be taken in: {type(error).__name__}"
    failed = NotFetchedError(message)
    failed.__cause__ = error
    return failed


def _last(answers: Iterator[tuple[Dataset, Dataset | None]]) -> Dataset | None:
    """Return the last status of a retrieval; None where the association ended before."""
    last: Dataset | None = None
    for status, _ in answers:
        last = status if "Status" in status else None
    return last if last is not None and last.Status not in _PENDING else None


def _identifier(level: str, **elements: str | None) -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = level
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip(" \0")


def _texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    value = dataset.get(keyword)
    values = value if isinstance(value, MultiValue) else [value]
    return tuple(str(one).strip() for one in values if one)


def _number(dataset: Dataset, keyword: str) -> int | None:
    try:
        return int(dataset.get(keyword))
    except (TypeError, ValueError):
        return None
