"""GET …/events: a study's timeline as Server-Sent Events, from the start or from where a client left off."""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.auth import Caller, MayRead
from api.backend import Backend, BackendDep
from api.bodies.answers import problems
from api.bodies.study import timeline_entry
from api.feed import LOOK_EVERY
from api.polling import StudyPath, study_of
from api.problems import ProblemError
from shared.domain.studies import StudyId
from shared.errors import TryAgainError
from shared.records import reading
from shared.records.keys import Scope
from shared.records.reading import EventRecord

LOOK_ANYWAY_AFTER: Final = 60.0
"""Seconds after which a stream looks even without being told of a change."""
SLOW_CLIENT_SECONDS: Final = 30.0

_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "`event: status`, `id`, and a timeline entry as `data`; ends after a final status,"
        " unless it is asked to stay.",
    },
    204: {"description": "The study is final, and nothing came after `Last-Event-ID`."},
    **problems(404, 410, 422),
}

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.get(
    "/{study_id}/events", response_class=Response, responses=_STREAM, summary="Watch a study as it moves"
)
async def get_events(
    study_id: StudyPath,
    backend: BackendDep,
    caller: MayRead,
    *,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0,
    stay: Annotated[
        bool, Query(description="Go on after a final status: what becomes of the report is told too.")
    ] = False,
) -> Response:
    """Stream the timeline: what has happened, then what happens, until the study is final."""

    def has_ended() -> bool:
        with backend.database.session() as session:
            final = study_of(session, study_id, caller).status.is_final
            return final and not reading.events(session, StudyId(study_id), after=last_event_id)

    if await run_in_threadpool(has_ended) and not stay:
        # A browser's EventSource connects again after every end; this is how it is told to stop.
        return Response(status_code=HTTPStatus.NO_CONTENT)
    events = _events(backend, StudyId(study_id), caller, after=last_event_id, stay=stay)
    return EventSourceResponse(events, send_timeout=SLOW_CLIENT_SECONDS, headers={"X-Accel-Buffering": "no"})


async def _events(
    backend: Backend, study_id: StudyId, caller: Caller, *, after: int, stay: bool
) -> AsyncIterator[ServerSentEvent]:
    with backend.feed.watching(study_id) as change:
        while True:
            change.clear()
            try:
                await backend.key_ring.check_again(caller, Scope.READ)
                rows, final = await run_in_threadpool(_look, backend, study_id, after)
            except TryAgainError:
                # The database is away for a moment: a stream outlives that.
                await backend.feed.next_change(change, seconds=LOOK_EVERY)
                continue
            except ProblemError:
                return  # the key is no more; whoever connects again is told so
            for row in rows:
                after = row.id
                yield _event(row)
            if (final and not stay) or backend.feed.closing:
                return
            await backend.feed.next_change(change, seconds=LOOK_ANYWAY_AFTER)


def _look(backend: Backend, study_id: UUID, after: int) -> tuple[Sequence[EventRecord], bool]:
    with backend.database.session() as session:
        # The status first: an event that comes between the two is then sent now, and the end next time.
        study = reading.study(session, StudyId(study_id))
        final = study is None or study.status.is_final
        return reading.events(session, StudyId(study_id), after=after), final


def _event(row: EventRecord) -> ServerSentEvent:
    return ServerSentEvent(timeline_entry(row).model_dump_json(), event="status", id=str(row.id), sep="\n")
