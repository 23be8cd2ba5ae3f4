"""How calls are sent: blocking (`Sender`) or awaited (`AsyncSender`), again where that is safe.

`take` drives a conversation of several calls (conversations.py).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx
from httpx_sse import EventSource
from tenacity import AsyncRetrying, Retrying

from cxr import models
from cxr.call import Call
from cxr.conversations import Pause, Steps
from cxr.transport import (
    NO_PROXY,
    auth_headers,
    base_url,
    check,
    event_of,
    not_reachable,
    read,
    retry_policy,
    time_limits,
)

T = TypeVar("T")


class Sender:
    """A connection to a server."""

    def __init__(self, url: str | None, *, key: str | None, patience: float) -> None:
        self.url = base_url(url)
        self._patience = patience
        self._http = httpx.Client(base_url=self.url, headers=auth_headers(key), mounts=NO_PROXY)

    def send(self, call: Call[T]) -> T:
        """Send a call, again where that is safe, and read its answer.

        Raises:
            ProblemError: the server refused.
            NotReachableError: no server answered.
        """
        try:
            result: T = Retrying(**retry_policy(call, patience=self._patience))(self._send_once, call)
        except httpx.TransportError as error:
            raise not_reachable(self.url, error) from error
        return result

    @contextmanager
    def stream(self, call: Call[Any]) -> Iterator[httpx.Response]:
        """Send a call and read its answer bit by bit.

        Raises:
            ProblemError: the server refused.
            NotReachableError: no server answered, or it went away meanwhile.
        """
        try:
            answer = Retrying(**retry_policy(call, patience=self._patience))(self._open_once, call)
        except httpx.TransportError as error:
            raise not_reachable(self.url, error) from error
        try:
            yield answer
        except httpx.TransportError as error:
            raise not_reachable(self.url, error) from error
        finally:
            answer.close()

    def take(self, steps: Steps[T]) -> T:
        """Take a conversation's steps one by one; return what it comes to."""
        reply: Any = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                reply = None
            else:
                reply = self.send(step)

    def _send_once(self, call: Call[T]) -> T:
        with ExitStack() as opened:
            answer = self._http.send(request_of(self._http, call, opened))
        check(answer)
        return read(call, answer)

    def _open_once(self, call: Call[Any]) -> httpx.Response:
        answer = self._http.send(request_of(self._http, call, ExitStack()), stream=True)
        try:
            if answer.is_error:
                answer.read()
            check(answer)
        except BaseException:
            answer.close()
            raise
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncSender:
    """A connection to a server, awaited."""

    def __init__(self, url: str | None, *, key: str | None, patience: float) -> None:
        self.url = base_url(url)
        self._patience = patience
        self._http = httpx.AsyncClient(base_url=self.url, headers=auth_headers(key), mounts=NO_PROXY)

    async def send(self, call: Call[T]) -> T:
        """Send a call, again where that is safe, and read its answer.

        Raises:
            ProblemError: the server refused.
            NotReachableError: no server answered.
        """
        try:
            return await AsyncRetrying(**retry_policy(call, patience=self._patience))(self._send_once, call)
        except httpx.TransportError as error:
            raise not_reachable(self.url, error) from error

    @asynccontextmanager
    async def stream(self, call: Call[Any]) -> AsyncIterator[httpx.Response]:
        """Send a call and read its answer bit by bit.

        Raises:
            ProblemError: the server refused.
            NotReachableError: no server answered, or it went away meanwhile.
        """
        try:
            answer: httpx.Response = await AsyncRetrying(**retry_policy(call, patience=self._patience))(
                self._open_once, call
            )
        except httpx.TransportError as error:
            raise not_reachable(self.url, error) from error
        try:
            yield answer
        except httpx.TransportError as error:
            raise not_reachable(self.url, error) from error
        finally:
            await answer.aclose()

    async def take(self, steps: Steps[T]) -> T:
        """Take a conversation's steps one by one; return what it comes to."""
        reply: Any = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                reply = None
            else:
                reply = await self.send(step)

    async def _send_once(self, call: Call[T]) -> T:
        with ExitStack() as opened:
            answer = await self._http.send(request_of(self._http, call, opened))
        check(answer)
        return read(call, answer)

    async def _open_once(self, call: Call[Any]) -> httpx.Response:
        answer = await self._http.send(request_of(self._http, call, ExitStack()), stream=True)
        try:
            if answer.is_error:
                await answer.aread()
            check(answer)
        except BaseException:
            await answer.aclose()
            raise
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def events_of(answer: httpx.Response) -> Iterator[models.Event]:
    """Yield the events of one connection's stream, each when it is whole."""
    for sent in EventSource(answer).iter_sse():
        if (event := event_of(sent)) is not None:
            yield event


async def events_of_async(answer: httpx.Response) -> AsyncGenerator[models.Event]:
    """Yield the events of one connection's stream, each when it is whole."""
    async for sent in EventSource(answer).aiter_sse():
        if (event := event_of(sent)) is not None:
            yield event


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call[Any], opened: ExitStack) -> httpx.Request:
    """Make a call a request, with its files open."""
    return http.build_request(
        call.method,
        call.path,
        params=call.params,
        headers=call.headers,
        timeout=time_limits(call),
        **call.body(opened),
    )
