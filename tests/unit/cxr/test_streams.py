"""The event stream as the clients read it, whatever pieces it arrives in."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import httpx
import pytest

from cxr.sending import events_of, events_of_async

_STREAM = (
    b": a comment\nevent: status\nid: 7\n"
    b'data: {"status": "queued", "event": "received", "at": "2026-01-01T00:00:00Z", "detail": null}\n\n'
    b'\n\nid: 8\ndata: {"status": "completed",\ndata: "at": "2026-01-01T00:00:05Z"}\n\n'
)
_TYPE = {"Content-Type": "text/event-stream"}
_EXPECTED = [("7", "queued", False), ("8", "completed", True)]


def _pieces(size: int) -> Iterator[bytes]:
    return (_STREAM[start : start + size] for start in range(0, len(_STREAM), size))


async def _pieces_async(size: int) -> AsyncIterator[bytes]:
    for piece in _pieces(size):
        yield piece


@pytest.mark.parametrize("size", [1, 7, len(_STREAM)])
def test_events_come_out_whole_and_in_order(size: int):
    events = events_of(httpx.Response(200, headers=_TYPE, content=_pieces(size)))

    assert [(event.id, event.status, event.is_final) for event in events] == _EXPECTED


@pytest.mark.parametrize("size", [1, 7, len(_STREAM)])
async def test_the_async_client_s_do_too(size: int):
    async with aclosing(
        events_of_async(httpx.Response(200, headers=_TYPE, content=_pieces_async(size)))
    ) as events:
        assert [(event.id, event.status, event.is_final) async for event in events] == _EXPECTED
