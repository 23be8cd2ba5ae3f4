"""The clients' part for the hospital's systems (with the admin scope)."""

from collections.abc import Sequence

from cxr import hospital_calls, models
from cxr.sending import AsyncSender, Sender


class Hl7Senders:
    """Systems that may send HL7 messages."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def add(self, facility: str, *, application: str = "", tenant: str = "default") -> models.Hl7Sender:
        """Let a system send that calls itself so in MSH-4 and MSH-3; without an application: any of them.

        Args:
            tenant: whose orders it sends, a name; a new one makes a new tenant.
        """
        wanted = {"facility": facility, "application": application, "tenant": tenant}
        return self._server.send(hospital_calls.add_hl7_sender(wanted))

    def list(self) -> Sequence[models.Hl7Sender]:
        """List them."""
        return self._server.send(hospital_calls.hl7_senders())

    def remove(self, sender_id: str) -> None:
        """Take nothing more of one; the orders that it sent stay."""
        self._server.send(hospital_calls.remove_hl7_sender(sender_id))


class AsyncHl7Senders:
    """Systems that may send HL7 messages."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def add(self, facility: str, *, application: str = "", tenant: str = "default") -> models.Hl7Sender:
        """Let a system send that calls itself so in MSH-4 and MSH-3; without an application: any of them.

        Args:
            tenant: whose orders it sends, a name; a new one makes a new tenant.
        """
        wanted = {"facility": facility, "application": application, "tenant": tenant}
        return await self._server.send(hospital_calls.add_hl7_sender(wanted))

    async def list(self) -> Sequence[models.Hl7Sender]:
        """List them."""
        return await self._server.send(hospital_calls.hl7_senders())

    async def remove(self, sender_id: str) -> None:
        """Take nothing more of one; the orders that it sent stay."""
        await self._server.send(hospital_calls.remove_hl7_sender(sender_id))
