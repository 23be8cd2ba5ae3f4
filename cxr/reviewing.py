"""The part of the clients for persons who read and sign reports; their key has the scope review.

`author` names the person where the server asks for no keys; elsewhere it is whose key it is. `seen` is the
version that the person read: what they do to any other is refused (a ProblemError of status 412, whose
`problem["newest_version"]` is the one that there is).
"""

from collections.abc import Sequence
from typing import BinaryIO

from cxr import models, review_calls
from cxr.inputs import Line
from cxr.sending import AsyncSender, Sender


class Reviews:
    """Reports that wait for a person, and what persons do to them."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def next(self, *, skip: Sequence[str] = (), author: str | None = None) -> models.Study | None:
        """Return the study whose report waits longest to be signed, critical ones first; None when none does.

        Args:
            skip: ids of studies to leave for later.
        """
        return self._server.send(review_calls.next_study(skip, author))

    def versions(self, study_id: str) -> Sequence[models.Version]:
        """List a report's versions, oldest first."""
        return self._server.send(review_calls.versions(study_id))

    def version(self, study_id: str, number: int) -> models.Report:
        """Return one version of a report."""
        return self._server.send(review_calls.version(study_id, number))

    def differences(self, study_id: str, earlier: int, later: int) -> Sequence[models.Difference]:
        """Return each sentence of two versions, and what became of it."""
        return self._server.send(review_calls.differences(study_id, earlier, later))

    def sign(
        self,
        study_id: str,
        seen: int,
        *,
        lines: Sequence[Line] | None = None,
        reason: str | None = None,
        author: str | None = None,
    ) -> models.Report:
        """Sign a report, which makes it final; with a `reason`, change a signed one.

        Args:
            lines: what became of each sentence; by default the report is signed as it stands.
        """
        call = review_calls.sign(study_id, seen, author=author, lines=lines, reason=reason)
        return self._server.send(call)

    def add(self, study_id: str, seen: int, text: str, *, author: str | None = None) -> models.Report:
        """Add something below a signed report."""
        return self._server.send(review_calls.add(study_id, seen, text, author=author))

    def withdraw(self, study_id: str, seen: int, reason: str, *, author: str | None = None) -> models.Report:
        """Mark a report as entered in error, for good."""
        return self._server.send(review_calls.withdraw(study_id, seen, reason, author=author))

    def summary(self) -> Sequence[models.ReviewSummary]:
        """Return how the reports of each classifier and writer were reviewed."""
        return self._server.send(review_calls.summary())

    def writers(self) -> Sequence[models.WriterPair]:
        """Return how each shadow writer compares with the first."""
        return self._server.send(review_calls.writers())

    def save_export(self, file: BinaryIO) -> None:
        """Write all signed reports beside their drafts to a file as they come, a JSON object a line."""
        with self._server.stream(review_calls.export()) as answer:
            file.writelines(answer.iter_bytes())


class AsyncReviews:
    """Reports that wait for a person, and what persons do to them; as `Reviews`."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def next(self, *, skip: Sequence[str] = (), author: str | None = None) -> models.Study | None:
        """Return the study whose report waits longest to be signed; None when none does."""
        return await self._server.send(review_calls.next_study(skip, author))

    async def versions(self, study_id: str) -> Sequence[models.Version]:
        """List a report's versions, oldest first."""
        return await self._server.send(review_calls.versions(study_id))

    async def version(self, study_id: str, number: int) -> models.Report:
        """Return one version of a report."""
        return await self._server.send(review_calls.version(study_id, number))

    async def differences(self, study_id: str, earlier: int, later: int) -> Sequence[models.Difference]:
        """Return each sentence of two versions, and what became of it."""
        return await self._server.send(review_calls.differences(study_id, earlier, later))

    async def sign(
        self,
        study_id: str,
        seen: int,
        *,
        lines: Sequence[Line] | None = None,
        reason: str | None = None,
        author: str | None = None,
    ) -> models.Report:
        """Sign a report, which makes it final; with a `reason`, change a signed one."""
        call = review_calls.sign(study_id, seen, author=author, lines=lines, reason=reason)
        return await self._server.send(call)

    async def add(self, study_id: str, seen: int, text: str, *, author: str | None = None) -> models.Report:
        """Add something below a signed report."""
        return await self._server.send(review_calls.add(study_id, seen, text, author=author))

    async def withdraw(
        self, study_id: str, seen: int, reason: str, *, author: str | None = None
    ) -> models.Report:
        """Mark a report as entered in error, for good."""
        return await self._server.send(review_calls.withdraw(study_id, seen, reason, author=author))

    async def summary(self) -> Sequence[models.ReviewSummary]:
        """Return how the reports of each classifier and writer were reviewed."""
        return await self._server.send(review_calls.summary())

    async def writers(self) -> Sequence[models.WriterPair]:
        """Return how each shadow writer compares with the first."""
        return await self._server.send(review_calls.writers())

    async def save_export(self, file: BinaryIO) -> None:
        """Write all signed reports beside their drafts to a file as they come, a JSON object a line."""
        async with self._server.stream(review_calls.export()) as answer:
            async for piece in answer.aiter_bytes():
                file.write(piece)
