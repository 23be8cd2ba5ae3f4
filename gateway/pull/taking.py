"""Instances that came because we asked for them, taken in as those that are sent."""

from dataclasses import dataclass
from typing import BinaryIO

import structlog

from gateway.backend import Backend
from shared.domain.studies import Actor, ActorKind, TenantId
from shared.intake import files, instances
from shared.intake.files import SentFile
from shared.intake.instances import Arrival
from shared.intake.submission import Added, Refused
from shared.operations import telemetry

log = structlog.get_logger()

_GATEWAY = Actor(ActorKind.SERVICE, "gateway")


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes instances in for a tenant."""

    backend: Backend
    tenant_id: TenantId

    def take(self, content: BinaryIO, *, number: int) -> None:
        """Take an instance in; one that cannot be used is logged, since it would be no other the next time.

        Args:
            number: of the instance among those of its series, by which people know the file.

        Raises:
            TryAgainError: the database or the object store is away.
        """
        checked = files.check([SentFile(f"{number}.dcm", content)], self.backend.limits)
        arrival = Arrival(
            self.tenant_id,
            _GATEWAY,
            checked,
            close_after=self.backend.settings.close_after,
            most_images=self.backend.limits.images,
        )
        try:
            outcome = instances.receive(self.backend.intake, arrival)
        finally:
            checked.close()
        if isinstance(outcome, Added):
            telemetry.PULLED.labels("taken").inc()
            return
        telemetry.PULLED.labels("refused").inc()
        code = outcome.reason.code if isinstance(outcome, Refused) else type(outcome).__name__
        log.warning("pull.instance_refused", code=code)
