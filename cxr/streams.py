"""Reading Server-Sent Events line by line: pure, for the sync and the async client."""

import json

from cxr.models import Event


class EventReader:
    """Takes the lines of one connection's event stream, returns events."""

    def __init__(self) -> None:
        self._id = ""
        self._data: list[str] = []

    def feed(self, line: str) -> Event | None:
        """Take one line without its end; return an event when it completes one."""
        if line == "":
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self._id = value
        elif name == "data":
            self._data.append(value)
        return None  # comments and other fields say nothing

    def _dispatch(self) -> Event | None:
        if not self._data:
            return None
        content = json.loads("\n".join(self._data))
        self._data = []
        return Event.model_validate({"id": self._id, **content})
