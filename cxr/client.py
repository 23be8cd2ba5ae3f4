"""The Python client. `Client` blocks, `AsyncClient` (async_client.py) awaits; both are thin.

from cxr import Client

with Client() as cxr:
    study = cxr.submit(["chest.dcm"], wait=60)
    print(cxr.report_as(study.id, "text"))
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Final, Self

import httpx

from cxr import calls, conversations, models
from cxr.administration import DicomPeers, Keys, Patients, Tenants
from cxr.calls import ResultFormat, TextFormat
from cxr.delivering import Deliveries, Destinations
from cxr.errors import ProblemError
from cxr.hospital import Hospital
from cxr.inputs import OrderFields, Upload
from cxr.report_formats import ReportFormat
from cxr.reviewing import Reviews
from cxr.sending import Sender, events_of
from cxr.transport import PATIENCE

DEFAULT_TIMEOUT: Final = 600.0
"""Seconds that `wait` waits."""


class Client:
    """A connection to a server.

    Args:
        url: its address; by default CXR_URL, else http://localhost:8000.
        key: the API key; by default CXR_KEY, else none.
        patience: seconds for which a server that does not answer is called again.
    """

    def __init__(self, url: str | None = None, *, key: str | None = None, patience: float = PATIENCE) -> None:
        self._server = Sender(url, key=key, patience=patience)
        self.url = self._server.url
        self.batches, self.reviews = Batches(self._server), Reviews(self._server)
        self.keys, self.tenants = Keys(self._server), Tenants(self._server)
        self.destinations, self.deliveries = Destinations(self._server), Deliveries(self._server)
        self.dicom_peers, self.patients = DicomPeers(self._server), Patients(self._server)
        self.hospital = Hospital(self._server)

    def submit(
        self,
        files: Upload | Sequence[Upload],
        *,
        priority: str | None = None,
        indication: str | None = None,
        language: str | None = None,
        patient_id: str | None = None,
        order: OrderFields | None = None,
        batch_id: str | None = None,
        path: str | None = None,
        mixed: bool = False,
        idempotency_key: str | None = None,
        wait: float | None = None,
    ) -> models.Study:
        """Send the images of one study; with `wait`, wait so many seconds for its end.

        Args:
            order: what else is known of it, by the names of `OrderFields`; wins over the files.
            path: of an item of a batch, where in its archive it lies; the results name it.
            mixed: that files of several patients or studies, or a `patient_id` that is not theirs, are meant.

        Raises:
            InputError: there is nothing to send, or it is none of these.
            ProblemError: the server refused it; `groups` of several patients' files belong together.
            NotDoneError: it was taken, but did not end in time (a TimeoutError too).
        """
        study = self._server.send(
            calls.submit(
                files,
                priority=priority,
                indication=indication,
                language=language,
                patient_id=patient_id,
                order=order,
                batch_id=batch_id,
                path=path,
                mixed=mixed,
                idempotency_key=idempotency_key,
            )
        )
        return study if wait is None or study.is_final else self.wait(study.id, timeout=wait)

    def open_study(
        self,
        files: Upload | Sequence[Upload] | None = None,
        *,
        expected_images: int | None = None,
        close_after: float | None = None,
        priority: str | None = None,
        indication: str | None = None,
        language: str | None = None,
        patient_id: str | None = None,
        order: OrderFields | None = None,
        batch_id: str | None = None,
        path: str | None = None,
        idempotency_key: str | None = None,
    ) -> models.Study:
        """Open a study to which images are added one by one, with its first ones or none; else as `submit`.

        Args:
            expected_images: with so many it is closed at once.
            close_after: seconds without a new image after which it is closed; by default the server's own.
        """
        return self._server.send(
            calls.submit(
                files,
                opened=True,
                expected_images=expected_images,
                close_after=close_after,
                priority=priority,
                indication=indication,
                language=language,
                patient_id=patient_id,
                order=order,
                batch_id=batch_id,
                path=path,
                idempotency_key=idempotency_key,
            )
        )

    def add_images(self, study_id: str, files: Upload | Sequence[Upload]) -> models.Study:
        """Add images to an open study; what it has already is not added again.

        Raises:
            ProblemError: the server refused them, or the study is closed.
        """
        return self._server.send(calls.add_images(study_id, files))

    def close_study(self, study_id: str) -> models.Study:
        """Say that all images of an open study are there; one that is closed stays as it is.

        Raises:
            ProblemError: it has no image.
        """
        return self._server.send(calls.close_study(study_id))

    def study(self, study_id: str, *, wait: float | None = None) -> models.Study:
        """Ask where a study stands; with `wait`, answer at its end or after so many seconds."""
        return self._server.send(calls.study(study_id, wait=wait))

    def wait(self, study_id: str, *, timeout: float = DEFAULT_TIMEOUT) -> models.Study:
        """Wait until a study is completed, rejected, failed or cancelled.

        Raises:
            NotDoneError: it was not, in time (a TimeoutError too).
        """
        return self._server.take(conversations.until_final(study_id, timeout=timeout, clock=time.monotonic))

    def findings(self, study_id: str, *, wait: float = 0) -> models.Findings:
        """Return the findings.

        Raises:
            NotReadyError: there are none yet.
            ProblemError: the study ended without any.
        """
        return self._server.take(
            conversations.until_ready(calls.findings(study_id), timeout=wait, clock=time.monotonic)
        )

    def similar(self, study_id: str, *, limit: int = 10) -> models.SimilarStudies:
        """Return the studies of the tenant that look like one, the nearest first; raises as `findings`."""
        call = calls.similar(study_id, limit=limit)
        return self._server.take(conversations.until_ready(call, timeout=0, clock=time.monotonic))

    def report(self, study_id: str, *, wait: float = 0) -> models.Report:
        """Return the report; with `wait`, wait so many seconds for it.

        Raises:
            NotReadyError: there is none yet.
            ProblemError: the study ended without one.
        """
        return self._server.take(
            conversations.until_ready(calls.report(study_id), timeout=wait, clock=time.monotonic)
        )

    def report_as(self, study_id: str, form: TextFormat, *, wait: float = 0) -> str:
        """Return the report written out, as text or as HTML; raises as `report` does."""
        return self._server.take(
            conversations.until_ready(calls.report_as(study_id, form), timeout=wait, clock=time.monotonic)
        )

    def report_file(self, study_id: str, form: ReportFormat, *, wait: float = 0) -> bytes:
        """Return the report in any format, as the bytes of a file; raises as `report` does.

        Raises:
            ProblemError: 409 too where the study lacks what the format needs.
        """
        return self._server.take(
            conversations.until_ready(calls.report_file(study_id, form), timeout=wait, clock=time.monotonic)
        )

    def retry(self, study_id: str) -> models.Study:
        """Start a failed study again."""
        return self._server.send(calls.retry(study_id))

    def cancel(self, study_id: str) -> models.Study:
        """Cancel a study that is not at its end, and keep it.

        Raises:
            ProblemError: it is at its end.
        """
        return self._server.send(calls.cancel(study_id))

    def preview(self, study_id: str, index: int = 0) -> bytes:
        """Return an image as the classifier saw it: a PNG, smaller than the original."""
        return self._server.send(calls.preview(study_id, index))

    def heatmap(self, study_id: str, label: str, *, index: int | None = None) -> bytes:
        """Return a PNG of what moved the model to a label, to lay over the preview.

        Args:
            index: of which image; by default of the one in which the label is seen best.

        Raises:
            NotReadyError: there are no findings yet.
            InputError: the model knows no such label.
            ProblemError: there is no heatmap of it.
        """
        return self._server.take(conversations.shown_heatmap(study_id, label, index=index))

    def original(self, study_id: str, index: int = 0) -> bytes:
        """Return an image's file as it was sent, byte for byte."""
        return self._server.send(calls.original(study_id, index))

    def delete(self, study_id: str) -> None:
        """Cancel a study and erase it for good."""
        try:
            self._server.send(calls.delete(study_id))
        except ProblemError as error:
            if not calls.is_gone(error):
                raise

    def studies(
        self,
        *,
        status: str | None = None,
        priority: str | None = None,
        batch_id: str | None = None,
        critical: bool | None = None,
        report_status: str | None = None,
        page_size: int = 50,
    ) -> Iterator[models.Study]:
        """Go through the studies, newest first, page by page; `critical`: with or without such a finding."""
        cursor: str | None = None
        while True:
            page = self._server.send(
                calls.studies_page(
                    cursor,
                    limit=page_size,
                    status=status,
                    priority=priority,
                    batch_id=batch_id,
                    critical=critical,
                    report_status=report_status,
                )
            )
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def events(self, study_id: str) -> Iterator[models.Event]:
        """Follow a study from its start to its end; a broken connection is taken up again."""
        last: models.Event | None = None
        while True:
            # The server closes the stream after a final event, unless the study was tried again since.
            with (
                self._server.stream(calls.events(study_id, after=last.id if last else None)) as answer,
                suppress(httpx.TransportError),
            ):
                for event in events_of(answer):
                    last = event
                    yield event
                if last is not None and last.is_final:
                    return
            time.sleep(0.5)

    def info(self) -> models.Info:
        """Ask what the server is."""
        return self._server.send(calls.info())

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Batches:
    """Archive work: many studies under one id."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def create(self, name: str | None = None) -> models.Batch:
        """Open a batch; studies are submitted with its id."""
        return self._server.send(calls.create_batch(name))

    def get(self, batch_id: str) -> models.Batch:
        """Ask how far it is."""
        return self._server.send(calls.batch(batch_id))

    def list(self, *, page_size: int = 50) -> Iterator[models.Batch]:
        """Go through the batches, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self._server.send(calls.batches_page(cursor, limit=page_size))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def cancel(self, batch_id: str) -> models.Batch:
        """Cancel what is unfinished; results that exist stay."""
        return self._server.send(calls.cancel_batch(batch_id))

    def results(self, batch_id: str) -> Iterator[models.BatchResult]:
        """Go through the items, finished or not, in the order in which they came."""
        with self._server.stream(calls.batch_results(batch_id, "ndjson")) as answer:
            for line in answer.iter_lines():
                if line:
                    yield calls.batch_result(line)

    def save_results(self, batch_id: str, file: BinaryIO, *, form: ResultFormat = "csv") -> None:
        """Write the results to a file as they come."""
        with self._server.stream(calls.batch_results(batch_id, form)) as answer:
            file.writelines(answer.iter_bytes())

    def save_reports(self, batch_id: str, file: BinaryIO, *, form: ReportFormat) -> None:
        """Write the reports to a file as they come: one zip, with an index of all items."""
        with self._server.stream(calls.batch_reports(batch_id, form)) as answer:
            file.writelines(answer.iter_bytes())
