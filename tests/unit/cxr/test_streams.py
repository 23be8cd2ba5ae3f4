"""Server-Sent Events, line by line."""

from cxr.streams import EventReader

_LINES = [
    ": a comment",
    "event: status",
    "id: 7",
    'data: {"status": "queued", "event": "received", "at": "2026-01-01T00:00:00Z", "detail": null}',
    "",
    "id: 8",
    'data: {"status": "completed",',
    'data: "at": "2026-01-01T00:00:05Z"}',
    "",
]


def test_events_come_out_whole_and_in_order():
    reader = EventReader()

    events = [event for line in _LINES if (event := reader.feed(line)) is not None]

    assert [(event.id, event.status, event.is_final) for event in events] == [
        ("7", "queued", False),
        ("8", "completed", True),
    ]


def test_an_empty_line_alone_is_no_event():
    assert EventReader().feed("") is None
