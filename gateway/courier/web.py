"""One HTTP request to a destination: the name resolved once, its address checked and called, all in its time.

No proxy is asked, no redirect is followed, no certificate is taken on trust.
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpcore
from typing_extensions import override

from gateway.courier.addresses import addresses_of
from gateway.courier.outcomes import AwayError, RefusedError

_MOST_READ: Final = 65_536
"""Bytes of an answer that are read."""
_MOST_SAID: Final = 500
"""Characters of an answer that are kept."""
_LONGEST_WAIT: Final = 3600.0
"""Seconds of a Retry-After that are waited for."""
_WE: Final = "CXR-Reporter"
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the first bytes of the content."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def said(self) -> str:
        """The status, and the beginning of what it says."""
        text = " ".join(self.content.decode(errors="replace").split())[:_MOST_SAID]
        return f"HTTP {self.status}" + (f": {text}" if text else "")


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None,
    seconds: float,
    private: bool,
) -> Answer:
    """Send a request, and return the answer, whatever its status.

    Args:
        seconds: longest for all of it, an answer that trickles in too.
        private: whether it may go to a private network or to this machine.

    Raises:
        AwayError: there is no such address or none that may be called, or no answer in time.
    """
    backend = _Timed(time.monotonic() + seconds, private=private)
    try:
        with httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=backend, http2=False
        ) as pool:
            sent = [("Host", _host(url)), ("User-Agent", _WE), ("Connection", "close"), *headers.items()]
            with pool.stream(method, url, headers=sent, content=content) as response:
                read = bytearray()
                for chunk in response.iter_stream():
                    read += chunk
                    if len(read) >= _MOST_READ:
                        break
                told = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
                return Answer(response.status, told, bytes(read[:_MOST_READ]))
    except httpcore.TimeoutException as error:
        message = f"no answer within {seconds:g} s"
        raise AwayError(message) from error
    except ssl.SSLCertVerificationError as error:
        raise AwayError(_CERTIFICATE) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
            raise AwayError(_CERTIFICATE) from error
        message = f"it cannot be reached: {type(error).__name__}"
        raise AwayError(message) from error


_CERTIFICATE: Final = "its certificate is none that we trust"


def judge(answer: Answer) -> str:
    """Return what a successful answer says.

    Raises:
        AwayError: the server is busy, or does not let us in.
        RefusedError: it does not take this.
    """
    status = answer.status
    if 200 <= status < 300:
        return answer.said
    if status >= 500 or status in _BUSY:
        message = f"the server answers {status}"
        raise AwayError(message, after=_seconds(answer.headers.get("retry-after")))
    if status in {401, 403}:
        message = f"the server does not let us in ({status}): check the user name and the secret"
        raise AwayError(message)
    if 300 <= status < 400:
        message = f"the server sends us elsewhere ({status}), and we do not follow: correct the address"
        raise AwayError(message)
    raise RefusedError(answer.said, for_good=False)


def _host(url: str) -> str:
    return url.split("/", 3)[2].rpartition("@")[2]


def _seconds(retry_after: str | None) -> float | None:
    return min(float(retry_after), _LONGEST_WAIT) if retry_after and retry_after.isdecimal() else None


class _Timed(httpcore.NetworkBackend):
    """Connects to the addresses of `addresses_of` alone; nothing on its connections outlasts the deadline."""

    def __init__(self, until: float, *, private: bool) -> None:
        self._until, self._private = until, private
        self._inner = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses_of(host, port, private=self._private):
            try:
                left = _left(self._until)
                return _Stream(
                    self._inner.connect_tcp(address, port, left, local_address, socket_options), self._until
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner, self._until = inner, until

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._until))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._until))

    @override
    def close(self) -> None:
        self._inner.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(self._until)), self._until)

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
