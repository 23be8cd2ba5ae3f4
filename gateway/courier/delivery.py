"""One delivery, from its claim to what came of it."""

import random
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from gateway.courier import senders
from gateway.courier.outcomes import AwayError, RefusedError
from gateway.courier.parcels import NothingToSendError, report_for
from gateway.courier.senders import Manner
from shared.domain.deliveries import AttemptOutcome, DestinationKind
from shared.errors import DamagedError, TryAgainError
from shared.operations import telemetry
from shared.records import deliveries, destinations
from shared.records.database import Database
from shared.records.deliveries import Claim
from shared.records.destinations import Target
from shared.storage import Storage

log = structlog.get_logger()

_HOLD: Final = (timedelta(seconds=5), timedelta(minutes=30))
"""How long a destination that is away is left alone: at first, and at most. It doubles with each time."""
_AGAIN: Final = (timedelta(seconds=30), timedelta(hours=1))
"""The same for what it does not take."""


@dataclass(frozen=True, slots=True)
class Deliverer:
    """What a delivery needs."""

    database: Database
    storage: Storage
    manner: Manner

    def deliver(self, claim: Claim) -> None:
        """Send what is claimed, and write down what came of it; a bug is written down too.

        Raises:
            TryAgainError: the database is away; the lease runs out, and it is sent again.
        """
        began = time.monotonic()
        with self.database.session() as session:
            target = destinations.target(session, claim.destination_id)
        if target is None:
            return
        try:
            outcome = self._attempt(claim, target)
        except AwayError as error:
            outcome = self._away(claim, target, error)
        except RefusedError as error:
            outcome = self._not_taken(claim, AttemptOutcome.REFUSED, str(error), for_good=error.for_good)
        except (TryAgainError, DamagedError) as error:
            outcome = self._not_taken(claim, AttemptOutcome.FAILED, str(error), for_good=False)
        except Exception as error:
            log.exception("delivery.broke", study_id=str(claim.study_id), error=type(error).__name__)
            outcome = self._not_taken(claim, AttemptOutcome.FAILED, type(error).__name__, for_good=False)
        telemetry.DELIVERIES.labels(target.kind, outcome).inc()
        log.info(
            "delivery.attempted",
            study_id=str(claim.study_id),
            outcome=outcome,
            seconds=round(time.monotonic() - began, 3),
        )

    def _attempt(self, claim: Claim, target: Target) -> AttemptOutcome:
        parcel = None
        if target.kind is not DestinationKind.WEBHOOK:
            try:
                parcel = report_for(self.database, self.storage, claim, target)
            except NothingToSendError as nothing:
                with self.database.session() as session:
                    deliveries.skipped(session, claim, why=str(nothing))
                return AttemptOutcome.SKIPPED
        with self.database.session() as session:
            # Rendering takes a while, in which the study may have been erased.
            if not deliveries.is_held(session, claim):
                return AttemptOutcome.SKIPPED
        if parcel is None:
            answer, version = senders.notify(target, claim, self.manner), None
        else:
            answer, version = senders.send(target, parcel, self.manner), parcel.version
            answer += "".join(f"; {name} left out: {why}" for name, why in parcel.left_out.items())
        with self.database.session() as session:
            deliveries.delivered(session, claim, answer=answer, version=version)
            destinations.note_reached(session, target.id)
        return AttemptOutcome.DELIVERED

    def _away(self, claim: Claim, target: Target, error: AwayError) -> AttemptOutcome:
        hold = max(_grown(_HOLD, target.failures), timedelta(seconds=error.after or 0))
        with self.database.session() as session:
            destinations.note_away(session, target.id, hold=hold, error=str(error))
            # One that a server breaks over each time must not be the first to be tried again each time.
            again = _grown(_HOLD, claim.attempts - 1)
            deliveries.failed(session, claim, AttemptOutcome.AWAY, answer=str(error), again_after=again)
        return AttemptOutcome.AWAY

    def _not_taken(
        self, claim: Claim, outcome: AttemptOutcome, answer: str, *, for_good: bool
    ) -> AttemptOutcome:
        again = None if for_good else _grown(_AGAIN, claim.attempts - 1)
        with self.database.session() as session:
            deliveries.failed(session, claim, outcome, answer=answer, again_after=again)
            if outcome is AttemptOutcome.REFUSED:
                destinations.note_reached(session, claim.destination_id)
        return outcome


def _grown(span: tuple[timedelta, timedelta], times: int) -> timedelta:
    """Double a time so often, up to its limit, and give or take a fifth: not all at the same moment."""
    first, most = span
    grown = min(first * 2 ** min(times, 20), most)
    return timedelta(seconds=grown.total_seconds() * random.uniform(0.8, 1.2))  # noqa: S311  no secret
