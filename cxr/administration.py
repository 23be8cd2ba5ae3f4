"""The administrator's part of the clients: keys, tenants, DICOM peers (scope admin), and patients."""

from collections.abc import Sequence

from cxr import calls, conversations, models
from cxr.sending import AsyncSender, Sender


class Keys:
    """API keys."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def create(
        self, name: str, *, scopes: Sequence[str] = ("read", "write"), tenant: str | None = None
    ) -> models.Key:
        """Make a key; its secret is in the answer and nowhere else.

        Args:
            tenant: whose studies it sends and sees, a name; by default the default tenant's.
        """
        return self._server.send(calls.create_key(name, scopes, tenant=tenant))

    def list(self) -> Sequence[models.Key]:
        """List the live keys."""
        return self._server.send(calls.keys())

    def revoke(self, key_id: str) -> None:
        """Revoke a key."""
        self._server.send(calls.revoke_key(key_id))


class Tenants:
    """Whom studies, batches and keys belong to; one is made with its first key."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def list(self) -> Sequence[models.Tenant]:
        """List the tenants."""
        return self._server.send(calls.tenants())

    def rename(self, old: str, new: str) -> models.Tenant:
        """Give a tenant another name; all that it has stays its.

        Raises:
            InputError: there is none of the old name.
            ProblemError: another one has the new name.
        """
        return self._server.take(conversations.renamed_tenant(old, new))

    def retention(self, name: str) -> models.Retention:
        """Return how long a tenant's studies are kept, and what that erases now; raises as `rename`."""
        return self._server.take(conversations.shown_retention(name))

    def keep(
        self,
        name: str,
        *,
        completed_days: int | None = None,
        unfinished_days: int | None = None,
        signed_days: int | None = None,
        dry_run: bool = False,
    ) -> models.Retention:
        """Say how long a tenant's studies are kept, in place of what was said before; raises as `rename`.

        Args:
            completed_days: those whose report nobody signed, after the last event; None is for ever.
            unfinished_days: those that were rejected, cancelled or failed.
            signed_days: those whose report somebody signed.
            dry_run: only ask what that would erase.
        """
        days = {
            "completed_days": completed_days,
            "unfinished_days": unfinished_days,
            "signed_days": signed_days,
        }
        return self._server.take(conversations.changed_retention(name, days, dry_run=dry_run))


class Patients:
    """Patients: their data can be erased; it takes the scope write."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def erase(
        self, patient_id: str, *, issuer: str | None = None, tenant: str | None = None, dry_run: bool = False
    ) -> models.Erasure:
        """Erase all studies of a patient; asked again, those that came since.

        Args:
            issuer: who gave the id; without it the studies that name no issuer.
            tenant: whose patient, by an administrator; else the key's own.
            dry_run: only count.

        Raises:
            InputError: there is no tenant of that name.
        """
        asked = conversations.erased_patient(patient_id, issuer=issuer, tenant=tenant, dry_run=dry_run)
        return self._server.take(asked)


class DicomPeers:
    """Peers: DICOM systems that may call the gateway, or that the gateway calls."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def add(
        self,
        ae_title: str,
        *,
        host: str | None = None,
        port: int | None = None,
        tls: bool = False,
        may_store: bool = True,
        tenant: str | None = None,
    ) -> models.DicomPeer:
        """Let a peer be known.

        Args:
            host: by default it may call from anywhere, and is never called.
            port: where it takes DICOM.
            tls: whether it is called over TLS.
            may_store: whether it may send instances.
            tenant: whose studies it sends, a name; by default the default tenant's.
        """
        wanted = {
            "ae_title": ae_title,
            "host": host,
            "port": port,
            "tls": tls,
            "may_store": may_store,
            "tenant": tenant,
        }
        return self._server.send(calls.add_dicom_peer(wanted))

    def list(self) -> Sequence[models.DicomPeer]:
        """List the peers."""
        return self._server.send(calls.dicom_peers())

    def remove(self, peer_id: str) -> None:
        """Let a peer be known no more."""
        self._server.send(calls.remove_dicom_peer(peer_id))


class AsyncKeys:
    """API keys."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def create(
        self, name: str, *, scopes: Sequence[str] = ("read", "write"), tenant: str | None = None
    ) -> models.Key:
        """Make a key; its secret is in the answer and nowhere else.

        Args:
            tenant: whose studies it sends and sees, a name; by default the default tenant's.
        """
        return await self._server.send(calls.create_key(name, scopes, tenant=tenant))

    async def list(self) -> Sequence[models.Key]:
        """List the live keys."""
        return await self._server.send(calls.keys())

    async def revoke(self, key_id: str) -> None:
        """Revoke a key."""
        await self._server.send(calls.revoke_key(key_id))


class AsyncTenants:
    """Whom studies, batches and keys belong to; one is made with its first key."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def list(self) -> Sequence[models.Tenant]:
        """List the tenants."""
        return await self._server.send(calls.tenants())

    async def rename(self, old: str, new: str) -> models.Tenant:
        """Give a tenant another name; all that it has stays its.

        Raises:
            InputError: there is none of the old name.
            ProblemError: another one has the new name.
        """
        return await self._server.take(conversations.renamed_tenant(old, new))

    async def retention(self, name: str) -> models.Retention:
        """Return how long a tenant's studies are kept, and what that erases now; raises as `rename`."""
        return await self._server.take(conversations.shown_retention(name))

    async def keep(
        self,
        name: str,
        *,
        completed_days: int | None = None,
        unfinished_days: int | None = None,
        signed_days: int | None = None,
        dry_run: bool = False,
    ) -> models.Retention:
        """Say how long a tenant's studies are kept, in place of what was said before; raises as `rename`.

        Args:
            completed_days: those whose report nobody signed, after the last event; None is for ever.
            unfinished_days: those that were rejected, cancelled or failed.
            signed_days: those whose report somebody signed.
            dry_run: only ask what that would erase.
        """
        days = {
            "completed_days": completed_days,
            "unfinished_days": unfinished_days,
            "signed_days": signed_days,
        }
        return await self._server.take(conversations.changed_retention(name, days, dry_run=dry_run))


class AsyncPatients:
    """Patients: their data can be erased; it takes the scope write."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def erase(
        self, patient_id: str, *, issuer: str | None = None, tenant: str | None = None, dry_run: bool = False
    ) -> models.Erasure:
        """Erase all studies of a patient; asked again, those that came since.

        Args:
            issuer: who gave the id; without it the studies that name no issuer.
            tenant: whose patient, by an administrator; else the key's own.
            dry_run: only count.

        Raises:
            InputError: there is no tenant of that name.
        """
        asked = conversations.erased_patient(patient_id, issuer=issuer, tenant=tenant, dry_run=dry_run)
        return await self._server.take(asked)


class AsyncDicomPeers:
    """Peers: DICOM systems that may call the gateway, or that the gateway calls."""

    def __init__(self, server: AsyncSender) -> None:
        self._server = server

    async def add(
        self,
        ae_title: str,
        *,
        host: str | None = None,
        port: int | None = None,
        tls: bool = False,
        may_store: bool = True,
        tenant: str | None = None,
    ) -> models.DicomPeer:
        """Let a peer be known.

        Args:
            host: by default it may call from anywhere, and is never called.
            port: where it takes DICOM.
            tls: whether it is called over TLS.
            may_store: whether it may send instances.
            tenant: whose studies it sends, a name; by default the default tenant's.
        """
        wanted = {
            "ae_title": ae_title,
            "host": host,
            "port": port,
            "tls": tls,
            "may_store": may_store,
            "tenant": tenant,
        }
        return await self._server.send(calls.add_dicom_peer(wanted))

    async def list(self) -> Sequence[models.DicomPeer]:
        """List the peers."""
        return await self._server.send(calls.dicom_peers())

    async def remove(self, peer_id: str) -> None:
        """Let a peer be known no more."""
        await self._server.send(calls.remove_dicom_peer(peer_id))
