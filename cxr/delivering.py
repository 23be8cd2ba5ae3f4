"""The part of the clients for results that are sent out: deliveries, and destinations (the admin scope)."""

from collections.abc import AsyncIterator, Iterator, Sequence

from cxr import conversations, delivery_calls, models
from cxr.sending import AsyncSender, Sender


class Destinations:
    """Where results are sent. One is named by its id, or by its name where only one tenant has one of it."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def add(self, name: str, kind: str, **fields: object) -> models.Destination:
        """Make a destination; a webhook's signing secret is in the answer and nowhere else.

        Args:
            kind: dicom, dicomweb, hl7, fhir or webhook.
            fields: as `POST /v1/destinations` takes them: `url`, or `host` and `port`; `formats`, `events` ….
        """
        return self._server.send(delivery_calls.add({"name": name, "kind": kind, **fields}))

    def list(self) -> Sequence[models.Destination]:
        """List the destinations."""
        return self._server.send(delivery_calls.destinations())

    def show(self, named: str) -> models.Destination:
        """Return how a destination stands."""
        return self._server.take(conversations.destination_named(named))

    def test(self, named: str, *, timeout: float = 60) -> models.Destination:
        """Have a gateway see whether it answers, and return what that found in its `test`.

        Raises:
            InputError: no gateway has tried it in time.
        """
        return self._server.take(conversations.tested_destination(named, timeout=timeout))

    def pause(self, named: str) -> models.Destination:
        """Send nothing there for now."""
        return self._server.take(conversations.changed_destination(named, "pause"))

    def resume(self, named: str) -> models.Destination:
        """Send there again, and at once."""
        return self._server.take(conversations.changed_destination(named, "resume"))

    def remove(self, named: str) -> None:
        """Send nothing there any more."""
        self._server.take(conversations.removed_destination(named))

    def retry(self, named: str) -> int:
        """Send again what was given up there; return how many deliveries."""
        return self._server.take(conversations.retried_destination(named))


class Deliveries:
    """What was sent where, and what is to be."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def of_study(self, study_id: str) -> Sequence[models.Delivery]:
        """List a study's deliveries, with each attempt."""
        return self._server.send(delivery_calls.of_study(study_id))

    def list(
        self, *, state: str | None = None, destination_id: str | None = None, page_size: int = 50
    ) -> Iterator[models.Delivery]:
        """Go through deliveries, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self._server.send(
                delivery_calls.page(cursor, limit=page_size, state=state, destination_id=destination_id)
            )
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def retry(self, delivery_id: str) -> models.Delivery:
        """Send again what was given up."""
        return self._server.send(delivery_calls.retry(delivery_id))


class AsyncDestinations:
    """Where results are sent. One is named by its id, or by its name where only one tenant has one of it."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def add(self, name: str, kind: str, **fields: object) -> models.Destination:
        """Make a destination; a webhook's signing secret is in the answer and nowhere else.

        Args:
            kind: dicom, dicomweb, hl7, fhir or webhook.
            fields: as `POST /v1/destinations` takes them: `url`, or `host` and `port`; `formats`, `events` ….
        """
        return await self._server.send(delivery_calls.add({"name": name, "kind": kind, **fields}))

    async def list(self) -> Sequence[models.Destination]:
        """List the destinations."""
        return await self._server.send(delivery_calls.destinations())

    async def show(self, named: str) -> models.Destination:
        """Return how a destination stands."""
        return await self._server.take(conversations.destination_named(named))

    async def test(self, named: str, *, timeout: float = 60) -> models.Destination:  # noqa: ASYNC109 - the server's
        """Have a gateway see whether it answers, and return what that found in its `test`.

        Raises:
            InputError: no gateway has tried it in time.
        """
        return await self._server.take(conversations.tested_destination(named, timeout=timeout))

    async def pause(self, named: str) -> models.Destination:
        """Send nothing there for now."""
        return await self._server.take(conversations.changed_destination(named, "pause"))

    async def resume(self, named: str) -> models.Destination:
        """Send there again, and at once."""
        return await self._server.take(conversations.changed_destination(named, "resume"))

    async def remove(self, named: str) -> None:
        """Send nothing there any more."""
        await self._server.take(conversations.removed_destination(named))

    async def retry(self, named: str) -> int:
        """Send again what was given up there; return how many deliveries."""
        return await self._server.take(conversations.retried_destination(named))


class AsyncDeliveries:
    """What was sent where, and what is to be."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def of_study(self, study_id: str) -> Sequence[models.Delivery]:
        """List a study's deliveries, with each attempt."""
        return await self._server.send(delivery_calls.of_study(study_id))

    async def list(
        self, *, state: str | None = None, destination_id: str | None = None, page_size: int = 50
    ) -> AsyncIterator[models.Delivery]:
        """Go through deliveries, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = await self._server.send(
                delivery_calls.page(cursor, limit=page_size, state=state, destination_id=destination_id)
            )
            for delivery in page.items:
                yield delivery
            cursor = page.next_cursor
            if cursor is None:
                return

    async def retry(self, delivery_id: str) -> models.Delivery:
        """Send again what was given up."""
        return await self._server.send(delivery_calls.retry(delivery_id))
