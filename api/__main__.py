"""Runs the API: `python -m api`. One process; start more of them behind a balancer to serve more."""

import gc
import signal

# What imports make stays for good: looking for garbage among it takes a quarter of their time.
gc.disable()

from api.main import OpenToTheWorldError, create_app  # noqa: E402
from api.serving import Server  # noqa: E402
from shared.operations import telemetry  # noqa: E402
from shared.settings import (  # noqa: E402
    ApiSettings,
    DatabaseSettings,
    QueueSettings,
    StorageSettings,
    TelemetrySettings,
)


def main() -> None:
    """Read the settings, serve until told to stop."""
    settings = ApiSettings()
    telemetry.configure("api", TelemetrySettings())
    try:
        app = create_app(
            settings, database=DatabaseSettings(), storage=StorageSettings(), queue=QueueSettings()
        )
    except OpenToTheWorldError as error:
        raise SystemExit(str(error)) from error
    gc.freeze()
    gc.enable()
    # Uvicorn raises the signal again once it has stopped in good order; that is no reason to die of it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    Server(app, settings).run()


if __name__ == "__main__":
    main()
