"""An archive that is asked by QIDO-RS, and gives by WADO-RS.

Source: DICOM PS3.18, 10.6 (search) and 10.4 (retrieve); PS3.18 F (DICOM JSON).
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final, cast

import httpx
from pydicom.uid import UID
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from typing_extensions import override

from gateway.pull.archives import Archive, ArchiveAwayError, NotFetchedError
from gateway.pull.taking import Taker
from shared.domain.pulling import FoundSeries, FoundStudy

_JSON: Final = {"Accept": "application/dicom+json"}
_DICOM: Final = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_PAGE: Final = 500
_MOST_FOUND: Final = 10_000
_IN_MEMORY: Final = 4 << 20
_UID, _DATE, _DESCRIPTION, _MODALITIES = "0020000D", "00080020", "00081030", "00080061"
_PATIENT_ID, _ISSUER, _STUDY_INSTANCES = "00100020", "00100021", "00201208"
_SERIES_UID, _MODALITY, _BODY_PART = "0020000E", "00080060", "00180015"
_SERIES_DESCRIPTION, _SERIES_INSTANCES = "0008103E", "00201209"


@dataclass(slots=True)
class WebArchive(Archive):
    """A DICOMweb server, by its root.

    Attributes:
        key: a bearer token; or "user:password".
    """

    url: str
    key: str | None
    taker: Taker
    _client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {}
        if self.key is not None and ":" in self.key:
            headers["Authorization"] = f"Basic {base64.b64encode(self.key.encode()).decode()}"
        elif self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT)

    @override
    def studies(self, modality: str, *, since: date) -> Sequence[FoundStudy]:
        return self._found({_DATE: f"{since:%Y%m%d}-", _MODALITIES: modality})

    @override
    def studies_of(self, patient_id: str, modality: str) -> Sequence[FoundStudy]:
        return self._found({_PATIENT_ID: patient_id, _MODALITIES: modality})

    @override
    def series(self, study_uid: str) -> Sequence[FoundSeries]:
        wanted = {"includefield": [_BODY_PART, _SERIES_DESCRIPTION, _SERIES_INSTANCES]}
        return [
            FoundSeries(
                uid=_text(one, _SERIES_UID),
                modality=_text(one, _MODALITY),
                body_part=_text(one, _BODY_PART),
                description=_text(one, _SERIES_DESCRIPTION),
                instances=_number(one, _SERIES_INSTANCES),
            )
            for one in self._search(f"studies/{study_uid}/series", wanted)
            if UID(_text(one, _SERIES_UID)).is_valid
        ]

    @override
    def fetch(self, study_uid: str, series: FoundSeries) -> None:
        taken = 0
        with self._asked(f"studies/{study_uid}/series/{series.uid}", _DICOM) as answer:
            if answer.status_code != httpx.codes.OK:
                message = f"the archive did not give a series: HTTP {answer.status_code}"
                raise NotFetchedError(message)
            for part in _parts(answer, most_bytes=self.taker.backend.limits.file_bytes):
                with part:
                    taken += 1
                    self.taker.take(part, number=taken)
        if taken < (series.instances or 1):
            message = f"the archive gave {taken} instances of {series.instances or 1}"
            raise NotFetchedError(message)

    @override
    def close(self) -> None:
        self._client.close()

    def _found(self, wanted: Mapping[str, Any]) -> Sequence[FoundStudy]:
        fields = [_DESCRIPTION, _MODALITIES, _PATIENT_ID, _ISSUER, _STUDY_INSTANCES]
        return [
            FoundStudy(
                uid=_text(one, _UID),
                taken_on=_day(_text(one, _DATE)),
                description=_text(one, _DESCRIPTION),
                modalities=tuple(map(str, _values(one, _MODALITIES))),
                patient_id=_text(one, _PATIENT_ID) or None,
                patient_id_issuer=_text(one, _ISSUER) or None,
                instances=_number(one, _STUDY_INSTANCES),
            )
            for one in self._search("studies", {**wanted, "includefield": fields})
            if UID(_text(one, _UID)).is_valid
        ]

    def _search(self, path: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < _MOST_FOUND:
            page = {"limit": _PAGE, "offset": len(found)}
            with self._asked(path, _JSON, params={**wanted, **page}) as answer:
                if answer.status_code == httpx.codes.NO_CONTENT:
                    return found
                if answer.status_code != httpx.codes.OK:
                    message = f"the archive did not answer a question: HTTP {answer.status_code}"
                    raise ArchiveAwayError(message)
                try:
                    answer.read()
                    items = answer.json()
                except ValueError as error:
                    message = "the archive's answer is no DICOM JSON"
                    raise ArchiveAwayError(message) from error
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                message = "the archive's answer is no DICOM JSON"
                raise ArchiveAwayError(message)
            new = [item for item in items if item not in found]
            found += new
            # One that does not know pages gives the same again.
            if len(items) < _PAGE or not new:
                break
        return found

    @contextmanager
    def _asked(
        self, path: str, headers: Mapping[str, str], *, params: Mapping[str, Any] | None = None
    ) -> Iterator[httpx.Response]:
        try:
            with self._client.stream("GET", path, headers=headers, params=params) as answer:
                yield answer
        except httpx.HTTPError as error:
            message = f"the archive cannot be reached or broke off: {type(error).__name__}"
            raise ArchiveAwayError(message) from error


def _parts(answer: httpx.Response, *, most_bytes: int) -> Iterator[BinaryIO]:
    """Yield each part of a multipart answer as a file that the caller closes."""
    kind, options = parse_options_header(answer.headers.get("Content-Type", ""))
    if kind != b"multipart/related" or b"boundary" not in options:
        message = "the archive's answer is no multipart/related"
        raise NotFetchedError(message)
    collected = _Collected(most_bytes)
    callbacks: Any = {
        "on_part_begin": collected.begin,
        "on_part_data": collected.add,
        "on_part_end": collected.end,
    }
    parser = MultipartParser(options[b"boundary"], callbacks)
    try:
        for piece in answer.iter_bytes():
            parser.write(piece)
            yield from collected.take()
    except FormParserError as error:
        message = "the archive's answer is a damaged multipart/related"
        raise NotFetchedError(message) from error
    finally:
        collected.close()


class _Collected:
    """The parts that have come whole, and the one that is coming."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._whole: list[BinaryIO] = []
        self._coming: BinaryIO | None = None

    def begin(self) -> None:
        # Closed by whom it is given to; typeshed knows it as IO[bytes], which is all it lacks.
        self._coming = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115

    def add(self, content: bytes, start: int, end: int) -> None:
        assert self._coming is not None  # noqa: S101  a part has begun
        self._coming.write(content[start:end])
        if self._coming.tell() > self._most_bytes:
            message = f"an instance has more than {self._most_bytes} bytes"
            raise NotFetchedError(message)

    def end(self) -> None:
        assert self._coming is not None  # noqa: S101  a part has begun
        self._coming.seek(0)
        self._whole.append(self._coming)
        self._coming = None

    def take(self) -> Iterator[BinaryIO]:
        while self._whole:
            yield self._whole.pop(0)

    def close(self) -> None:
        for part in (*self._whole, *([self._coming] if self._coming else [])):
            part.close()


def _values(item: Mapping[str, Any], tag: str) -> list[Any]:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _text(item: Mapping[str, Any], tag: str) -> str:
    values = _values(item, tag)
    return str(values[0]).strip() if values and values[0] is not None else ""


def _number(item: Mapping[str, Any], tag: str) -> int | None:
    text = _text(item, tag)
    return int(text) if text.isdecimal() else None


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
