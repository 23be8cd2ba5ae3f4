"""The Python client for asyncio: what `Client` (client.py) does, awaited.

    async with AsyncClient() as cxr:
        study = await cxr.submit(["chest.dcm"], wait=60)
        print(await cxr.report_as(study.id, "text"))

What is sent and how answers are read is in calls.py, for both.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Self

import httpx

from cxr import calls, conversations, models
from cxr.administration import AsyncDicomPeers, AsyncKeys, AsyncPatients, AsyncTenants
from cxr.calls import ResultFormat, TextFormat
from cxr.client import DEFAULT_TIMEOUT
from cxr.delivering import AsyncDeliveries, AsyncDestinations
from cxr.errors import ProblemError
from cxr.hospital import AsyncHospital
from cxr.inputs import OrderFields, Upload
from cxr.report_formats import ReportFormat
from cxr.reviewing import AsyncReviews
from cxr.sending import AsyncSender, events_of_async
from cxr.transport import PATIENCE


class AsyncClient:
    """A connection to a server.

    Args:
        url: its address; by default CXR_URL, else http://localhost:8000.
        key: the API key; by default CXR_KEY, else none.
        patience: seconds for which a server that does not answer is called again.
    """

    def __init__(self, url: str | None = None, *, key: str | None = None, patience: float = PATIENCE) -> None:
        self._server = AsyncSender(url, key=key, patience=patience)
        self.url = self._server.url
        self.batches, self.reviews = AsyncBatches(self._server), AsyncReviews(self._server)
        self.keys, self.tenants = AsyncKeys(self._server), AsyncTenants(self._server)
        self.destinations = AsyncDestinations(self._server)
        self.deliveries, self.patients = AsyncDeliveries(self._server), AsyncPatients(self._server)
        self.dicom_peers, self.hospital = AsyncDicomPeers(self._server), AsyncHospital(self._server)

    async def submit(
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
        study = await self._server.send(
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
        return study if wait is None or study.is_final else await self.wait(study.id, timeout=wait)

    async def open_study(
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
        return await self._server.send(
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

    async def add_images(self, study_id: str, files: Upload | Sequence[Upload]) -> models.Study:
        """Add images to an open study; what it has already is not added again.

        Raises:
            ProblemError: the server refused them, or the study is closed.
        """
        return await self._server.send(calls.add_images(study_id, files))

    async def close_study(self, study_id: str) -> models.Study:
        """Say that all images of an open study are there; one that is closed stays as it is.

        Raises:
            ProblemError: it has no image.
        """
        return await self._server.send(calls.close_study(study_id))

    async def study(self, study_id: str, *, wait: float | None = None) -> models.Study:
        """Ask where a study stands; with `wait`, answer at its end or after so many seconds."""
        return await self._server.send(calls.study(study_id, wait=wait))

    async def wait(  # the same signature as the blocking client's, hence the noqa
        self,
        study_id: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
    ) -> models.Study:
        """Wait until a study is completed, rejected, failed or cancelled.

        Raises:
            NotDoneError: it was not, in time (a TimeoutError too).
        """
        return await self._server.take(
            conversations.until_final(study_id, timeout=timeout, clock=time.monotonic)
        )

    async def findings(self, study_id: str, *, wait: float = 0) -> models.Findings:
        """Return the findings.

        Raises:
            NotReadyError: there are none yet.
            ProblemError: the study ended without any.
        """
        return await self._server.take(
            conversations.until_ready(calls.findings(study_id), timeout=wait, clock=time.monotonic)
        )

    async def similar(self, study_id: str, *, limit: int = 10) -> models.SimilarStudies:
        """Return the studies of the tenant that look like one, the nearest first; raises as `findings`."""
        call = calls.similar(study_id, limit=limit)
        return await self._server.take(conversations.until_ready(call, timeout=0, clock=time.monotonic))

    async def report(self, study_id: str, *, wait: float = 0) -> models.Report:
        """Return the report; with `wait`, wait so many seconds for it.

        Raises:
            NotReadyError: there is none yet.
            ProblemError: the study ended without one.
        """
        return await self._server.take(
            conversations.until_ready(calls.report(study_id), timeout=wait, clock=time.monotonic)
        )

    async def report_as(self, study_id: str, form: TextFormat, *, wait: float = 0) -> str:
        """Return the report written out, as text or as HTML; raises as `report` does."""
        return await self._server.take(
            conversations.until_ready(calls.report_as(study_id, form), timeout=wait, clock=time.monotonic)
        )

    async def report_file(self, study_id: str, form: ReportFormat, *, wait: float = 0) -> bytes:
        """Return the report in any format, as the bytes of a file; raises as `report` does.

        Raises:
            ProblemError: 409 too where the study lacks what the format needs.
        """
        return await self._server.take(
            conversations.until_ready(calls.report_file(study_id, form), timeout=wait, clock=time.monotonic)
        )

    async def retry(self, study_id: str) -> models.Study:
        """Start a failed study again."""
        return await self._server.send(calls.retry(study_id))

    async def cancel(self, study_id: str) -> models.Study:
        """Cancel a study that is not at its end, and keep it.

        Raises:
            ProblemError: it is at its end.
        """
        return await self._server.send(calls.cancel(study_id))

    async def preview(self, study_id: str, index: int = 0) -> bytes:
        """Return an image as the classifier saw it: a PNG, smaller than the original."""
        return await self._server.send(calls.preview(study_id, index))

    async def heatmap(self, study_id: str, label: str, *, index: int | None = None) -> bytes:
        """Return a PNG of what moved the model to a label, to lay over the preview; see `Client.heatmap`."""
        return await self._server.take(conversations.shown_heatmap(study_id, label, index=index))

    async def original(self, study_id: str, index: int = 0) -> bytes:
        """Return an image's file as it was sent, byte for byte."""
        return await self._server.send(calls.original(study_id, index))

    async def delete(self, study_id: str) -> None:
        """Cancel a study and erase it for good."""
        try:
            await self._server.send(calls.delete(study_id))
        except ProblemError as error:
            if not calls.is_gone(error):
                raise

    async def studies(
        self,
        *,
        status: str | None = None,
        priority: str | None = None,
        batch_id: str | None = None,
        critical: bool | None = None,
        report_status: str | None = None,
        page_size: int = 50,
    ) -> AsyncIterator[models.Study]:
        """Go through the studies, newest first, page by page; `critical`: with or without such a finding."""
        cursor: str | None = None
        while True:
            page = await self._server.send(
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
            for study in page.items:
                yield study
            cursor = page.next_cursor
            if cursor is None:
                return

    async def events(self, study_id: str) -> AsyncIterator[models.Event]:
        """Follow a study from its start to its end; a broken connection is taken up again."""
        last: models.Event | None = None
        while True:
            # The server closes the stream after a final event, unless the study was tried again since.
            async with self._server.stream(calls.events(study_id, after=last.id if last else None)) as answer:
                with suppress(httpx.TransportError):
                    async for event in events_of_async(answer):
                        last = event
                        yield event
                    if last is not None and last.is_final:
                        return
            await asyncio.sleep(0.5)

    async def info(self) -> models.Info:
        """Ask what the server is."""
        return await self._server.send(calls.info())

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncBatches:
    """Archive work: many studies under one id."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def create(self, name: str | None = None) -> models.Batch:
        """Open a batch; studies are submitted with its id."""
        return await self._server.send(calls.create_batch(name))

    async def get(self, batch_id: str) -> models.Batch:
        """Ask how far it is."""
        return await self._server.send(calls.batch(batch_id))

    async def list(self, *, page_size: int = 50) -> AsyncIterator[models.Batch]:
        """Go through the batches, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = await self._server.send(calls.batches_page(cursor, limit=page_size))
            for batch in page.items:
                yield batch
            cursor = page.next_cursor
            if cursor is None:
                return

    async def cancel(self, batch_id: str) -> models.Batch:
        """Cancel what is unfinished; results that exist stay."""
        return await self._server.send(calls.cancel_batch(batch_id))

    async def results(self, batch_id: str) -> AsyncIterator[models.BatchResult]:
        """Go through the items, finished or not, in the order in which they came."""
        async with self._server.stream(calls.batch_results(batch_id, "ndjson")) as answer:
            async for line in answer.aiter_lines():
                if line:
                    yield calls.batch_result(line)

    async def save_results(self, batch_id: str, file: BinaryIO, *, form: ResultFormat = "csv") -> None:
        """Write the results to a file as they come."""
        async with self._server.stream(calls.batch_results(batch_id, form)) as answer:
            async for chunk in answer.aiter_bytes():
                file.write(chunk)

    async def save_reports(self, batch_id: str, file: BinaryIO, *, form: ReportFormat) -> None:
        """Write the reports to a file as they come: one zip, with an index of all items."""
        async with self._server.stream(calls.batch_reports(batch_id, form)) as answer:
            async for chunk in answer.aiter_bytes():
                file.write(chunk)
