"""The threads that run pull rules: each takes one that is due, under a lease, until there is none."""

import threading
from typing import Final

import structlog

from gateway.backend import Backend
from gateway.pull.archives import Archive, ArchiveAwayError
from gateway.pull.dimse import DimseArchive
from gateway.pull.running import Run
from gateway.pull.taking import Taker
from gateway.pull.web import WebArchive
from shared.domain.pulling import PullMethod, PullRule
from shared.errors import TryAgainError
from shared.records import peers, pulling

log = structlog.get_logger()

_THREADS: Final = 4
"""Archives that are asked at once: one that hangs holds up no other."""
_LOOK_EVERY: Final = 2.0  # seconds
_STOP_SECONDS: Final = 10.0


class Puller:
    """The part of the gateway that fetches studies."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"pull-{number}", daemon=True)
            for number in range(_THREADS)
        ]

    def start(self) -> None:
        """Look for rules that are due."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no other study."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS / _THREADS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._backend.database.session() as session:
                    rule = pulling.claim(session)
                if rule is not None:
                    self._serve(rule)
                    continue
            except TryAgainError as error:
                log.warning("pull.postponed", error=type(error).__name__)
            except Exception:  # without this thread nothing would be fetched any more
                log.exception("pull.failed")
            self._stopped.wait(_LOOK_EVERY)

    def _serve(self, rule: PullRule) -> None:
        error: str | None = None
        run: Run | None = None
        try:
            archive = self._archive_of(rule)
            try:
                run = Run(self._backend.database, archive, rule, self._stopped)
                run.go()
            finally:
                archive.close()
        except ArchiveAwayError as away:
            error = str(away)
        except TryAgainError:
            error = "our database or object store is away"
        except Exception as unexpected:
            error = f"it could not be run: {type(unexpected).__name__}"
            log.exception("pull.failed")
        failed = run.failed if run is not None else 0
        if error is not None:
            log.warning("pull.archive_away", count=rule.failures + 1)
        with self._backend.database.session() as session:
            pulling.finish(session, rule, away=error, failed=failed)

    def _archive_of(self, rule: PullRule) -> Archive:
        taker = Taker(self._backend, rule.tenant_id)
        with self._backend.database.session() as session:
            if rule.method is PullMethod.WEB:
                return WebArchive(rule.url or "", pulling.key_of(session, rule.id), taker)
            peer = next((one for one in peers.everybody(session) if one.id == rule.peer_id), None)
        if peer is None or peer.host is None or peer.port is None:
            message = "the peer has no host and port: it cannot be called"
            raise ArchiveAwayError(message)
        return DimseArchive(peer, rule.method, taker)
