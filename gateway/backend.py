"""What everything in the gateway stands on: one database, one object store, the way in."""

from dataclasses import dataclass

from shared.bucket import SHORT
from shared.gateway_settings import GatewaySettings
from shared.intake.files import Limits, limits_of
from shared.intake.studies import Intake
from shared.records.database import Database
from shared.settings import ApiSettings, AuthMode, DatabaseSettings, QueueSettings, StorageSettings
from shared.storage import Storage
from shared.work import queue
from shared.work.hints import HintSender


@dataclass(frozen=True, slots=True)
class Backend:
    """One of each.

    Attributes:
        auth: whether the installation asks its clients for keys at all.
    """

    settings: GatewaySettings
    auth: AuthMode
    limits: Limits
    database: Database
    storage: Storage
    hints: HintSender

    @property
    def intake(self) -> Intake:
        """What a door takes studies in by."""
        return Intake(self.database, self.storage, self.hints.send)

    def close(self) -> None:
        """Let go of everything."""
        self.hints.close()
        self.database.close()


def open_backend() -> Backend:
    """Make them by the settings of the environment; servers are reached when they are first asked."""
    of_the_api = ApiSettings()
    return Backend(
        settings=GatewaySettings(),
        auth=of_the_api.auth,
        limits=limits_of(of_the_api),
        database=Database(DatabaseSettings()),
        storage=Storage(StorageSettings(), SHORT),
        hints=HintSender(queue.create_app("gateway", QueueSettings())),
    )
