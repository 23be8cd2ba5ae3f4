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


class PullRules:
    """Rules by which studies are fetched from other archives."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def add(self, name: str, method: str, **fields: object) -> models.PullRule:
        """Fetch studies of an archive, now and again and again.

        Args:
            method: get or move, with `peer`; web, with `url`.
            fields: as `POST /v1/pull-rules` takes them.
        """
        wanted = {"name": name, "method": method, **fields}
        return self._server.send(hospital_calls.add_pull_rule(wanted))

    def list(self) -> Sequence[models.PullRule]:
        """List them, and how they go."""
        return self._server.send(hospital_calls.pull_rules())

    def pause(self, rule_id: str) -> models.PullRule:
        """Begin no other study by a rule."""
        return self._server.send(hospital_calls.change_pull_rule(rule_id, "pause"))

    def resume(self, rule_id: str) -> models.PullRule:
        """Go on when the rule is due."""
        return self._server.send(hospital_calls.change_pull_rule(rule_id, "resume"))

    def run(self, rule_id: str) -> models.PullRule:
        """Let a rule be due now; one that is paused is resumed."""
        return self._server.send(hospital_calls.change_pull_rule(rule_id, "run"))

    def remove(self, rule_id: str) -> None:
        """Remove a rule; what it fetched stays."""
        self._server.send(hospital_calls.remove_pull_rule(rule_id))


class AsyncPullRules:
    """Rules by which studies are fetched from other archives."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def add(self, name: str, method: str, **fields: object) -> models.PullRule:
        """Fetch studies of an archive, now and again and again.

        Args:
            method: get or move, with `peer`; web, with `url`.
            fields: as `POST /v1/pull-rules` takes them.
        """
        wanted = {"name": name, "method": method, **fields}
        return await self._server.send(hospital_calls.add_pull_rule(wanted))

    async def list(self) -> Sequence[models.PullRule]:
        """List them, and how they go."""
        return await self._server.send(hospital_calls.pull_rules())

    async def pause(self, rule_id: str) -> models.PullRule:
        """Begin no other study by a rule."""
        return await self._server.send(hospital_calls.change_pull_rule(rule_id, "pause"))

    async def resume(self, rule_id: str) -> models.PullRule:
        """Go on when the rule is due."""
        return await self._server.send(hospital_calls.change_pull_rule(rule_id, "resume"))

    async def run(self, rule_id: str) -> models.PullRule:
        """Let a rule be due now; one that is paused is resumed."""
        return await self._server.send(hospital_calls.change_pull_rule(rule_id, "run"))

    async def remove(self, rule_id: str) -> None:
        """Remove a rule; what it fetched stays."""
        await self._server.send(hospital_calls.remove_pull_rule(rule_id))


class Hospital:
    """The hospital's systems.

    Attributes:
        hl7_senders: those that may send HL7 messages.
        pull_rules: by which studies are fetched from other archives.
    """

    def __init__(self, server: Sender) -> None:
        self.hl7_senders = Hl7Senders(server)
        self.pull_rules = PullRules(server)


class AsyncHospital:
    """The hospital's systems.

    Attributes:
        hl7_senders: those that may send HL7 messages.
        pull_rules: by which studies are fetched from other archives.
    """

    def __init__(self, server: AsyncSender) -> None:
        self.hl7_senders = AsyncHl7Senders(server)
        self.pull_rules = AsyncPullRules(server)
