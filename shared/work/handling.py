"""What becomes of a hint: claim the study that has waited longest, do the work, settle its fate.

    no study waits               -> NOTHING_WAITS, nothing happens
    the work returns             -> its own outcome
    BadInputError                -> REJECTED, with the reason
    DamagedOriginalError         -> DAMAGED, the study is FAILED until its original is put right
    TryAgainError                -> RELEASED, tried again later, no attempt used up
    FailedThereError             -> likewise, but counted where the server answers others meanwhile: at last
                                    the report comes by rule, and a study without findings is FAILED
    LeaseLostError               -> LEASE_LOST, nothing is written
    anything else is a bug       -> FAILED_ATTEMPT, tried again alone, FAILED in the end

This is the one place in a worker that catches every exception.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

import structlog
from celery import Celery
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from shared.bucket import UnreadableError
from shared.domain.studies import Actor, Priority, Stage, StudyStatus
from shared.errors import (
    BadInputError,
    Damage,
    DamagedOriginalError,
    FailedThereError,
    LeaseLostError,
    ServerError,
    TryAgainError,
)
from shared.operations import telemetry, tracing
from shared.records import claims
from shared.records.claims import NOTHING, Claim, Later
from shared.records.database import Database
from shared.remote import answered_ago
from shared.settings import QueueSettings
from shared.work.heartbeat import Heartbeat

log = structlog.get_logger()

Written = TypeVar("Written")

_NO_PLACE_SECONDS: Final = 0.5
_LONGEST_RELEASE: Final = timedelta(minutes=1)


class Outcome(StrEnum):
    """How a message ended."""

    DONE = "done"
    REJECTED = "rejected"
    NOTHING_WAITS = "nothing-waits"
    RELEASED = "released"
    LEASE_LOST = "lease-lost"
    FAILED_ATTEMPT = "failed-attempt"
    GAVE_UP = "gave-up"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every worker process has."""

    database: Database
    queue: Celery
    heartbeat: Heartbeat
    settings: QueueSettings
    actor: Actor


def handle(
    stage: Stage,
    priority: Priority,
    workplace: Workplace,
    work: Callable[[Claim], Outcome],
    *,
    later: Later = NOTHING,
) -> Outcome:
    """Claim a study that is not for `later`, do the work on it, and settle what comes of it."""
    started = time.monotonic()
    claim = _claim(stage, priority, workplace, later)
    if claim is None:
        outcome = Outcome.NOTHING_WAITS
        if later != NOTHING:
            # What waits may be for later alone. Its hints come again and again: let them, but slowly.
            time.sleep(_NO_PLACE_SECONDS)
    else:
        with structlog.contextvars.bound_contextvars(study_id=str(claim.study_id)):
            outcome = _handle(claim, stage, workplace, work)
            seconds = time.monotonic() - started
            telemetry.SECONDS.labels(stage).observe(seconds)
            log.info("study.handled", stage=stage, outcome=outcome, seconds=round(seconds, 3))
    telemetry.OUTCOMES.labels(stage, outcome).inc()
    return outcome


def _claim(stage: Stage, priority: Priority, workplace: Workplace, later: Later) -> Claim | None:
    try:
        with workplace.database.session() as session:
            lease, actor = workplace.settings.lease, workplace.actor
            return claims.claim(session, stage, priority, lease=lease, actor=actor, later=later)
    except TryAgainError:
        # What waits still waits in Postgres; the sweeper sends another hint.
        return None


def _handle(claim: Claim, stage: Stage, workplace: Workplace, work: Callable[[Claim], Outcome]) -> Outcome:
    study_id = claim.study_id
    with (
        workplace.heartbeat.holding(claim),
        tracing.study_span(study_id, f"study.{stage}", claims=claim.claims, alone=claim.alone) as span,
    ):
        try:
            outcome = _settled(claim, workplace, work)
        except LeaseLostError:
            outcome = Outcome.LEASE_LOST
        except TryAgainError:
            # Not even the fate could be written: the lease runs out, and the sweeper takes it from there.
            outcome = Outcome.RELEASED
        span.set_attribute("cxr.outcome", outcome)
        return outcome


def _settled(claim: Claim, workplace: Workplace, work: Callable[[Claim], Outcome]) -> Outcome:
    database = workplace.database
    try:
        return work(claim)
    except LeaseLostError:
        raise
    except BadInputError as reason:
        refused = reason
        write(lambda: _reject(database, claim, refused))
        return Outcome.REJECTED
    except DamagedOriginalError as error:
        damaged = error
        write(lambda: _give_up(database, claim, damaged))
        telemetry.count_damage(error.damage, digest=error.digest)
        return Outcome.DAMAGED
    except FailedThereError as error:
        failed, ago = str(error), answered_ago(error.server)
        return write(lambda: _turned_away(database, claim, failed, ago))
    except TryAgainError as error:
        if isinstance(error, UnreadableError):
            telemetry.count_damage(Damage.UNREADABLE, digest=None)
        why = str(error)
        write(lambda: _release(database, claim, why))
        return Outcome.RELEASED
    except Exception as error:
        # Its text may hold anything, a patient's name included; the log has the traceback.
        kind = str(error) if isinstance(error, ServerError) else type(error).__name__
        log.exception("study.attempt_failed", alone=claim.alone, error=kind)
        write(lambda: _fail(workplace, claim, kind))
        return Outcome.FAILED_ATTEMPT


def write(writing: Callable[[], Written]) -> Written:
    """Write an outcome, and keep trying while Postgres is away: the work is done, losing it is a waste.

    Written twice is written once: the second time the lease is gone.

    Raises:
        LeaseLostError: the study is no longer this worker's.
        TryAgainError: Postgres stayed away for as long as a lease lasts.
    """
    persistent = retry(
        retry=retry_if_exception_type(TryAgainError),
        wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.2),
        stop=stop_after_delay(20),
        reraise=True,
    )
    return persistent(writing)()


def _reject(database: Database, claim: Claim, reason: BadInputError) -> None:
    with database.session() as session:
        claims.reject(session, claim, reason)


def _give_up(database: Database, claim: Claim, reason: DamagedOriginalError) -> None:
    with database.session() as session:
        claims.give_up(session, claim, reason)


def _release(database: Database, claim: Claim, why: str) -> None:
    after = _pause(claim)
    with database.session() as session:
        claims.release(session, claim, after=after, why=why)
    log.warning("study.released", seconds=after.total_seconds())


def _turned_away(database: Database, claim: Claim, why: str, answered: timedelta | None) -> Outcome:
    after = _pause(claim)
    with database.session() as session:
        status = claims.turn_away(session, claim, after=after, why=why, answered_ago=answered)
    log.warning("study.turned_away", status=status, seconds=after.total_seconds())
    return Outcome.GAVE_UP if status is StudyStatus.FAILED else Outcome.RELEASED


def _pause(claim: Claim) -> timedelta:
    return min(timedelta(seconds=2 ** min(claim.claims, 6)), _LONGEST_RELEASE)


def _fail(workplace: Workplace, claim: Claim, error: str) -> None:
    with workplace.database.session() as session:
        claims.fail(session, claim, error=error, max_failures=workplace.settings.max_failures)
