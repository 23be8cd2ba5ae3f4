"""Every door of running processes, and what stands behind each for somebody who has no key.

for door in doors_of(processes):
    assert door.answers() == []

A stranger speaks HTTP, gRPC, Redis' and Postgres' protocol to each: bare, by TLS without a certificate, and
by TLS with a certificate of his own. `python -m tests.support.doors` does it to every TCP port of this
network name space, and prints what is heard as `PORT protocol request: what`.
"""

import os
import socket
import ssl
import stat
import struct
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Final

import psutil
from typing_extensions import override

from shared.storage_doors import certificate

# Before the import: else it prints every door that is closed.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
import grpc

ORIGIN: Final = "http://elsewhere.example"
_SECONDS: Final = 3.0
_LISTEN: Final = "0A"
"""TCP_LISTEN, in /proc/net/tcp."""
_LISTENS: Final = 0x10000
"""__SO_ACCEPTCON, in the flags of /proc/net/unix."""

_GET: Final = (
    *("/", "/healthz", "/readyz", "/health", "/status", "/metrics", "/ui/index.html", "/ui/index", "/login"),
    *("/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/stats/health", "/stats/memory", "/stats/disk"),
    *(
        "/dir/assign",
        "/dir/status",
        "/dir/lookup?volumeId=1",
        "/vol/status",
        "/vol/grow?count=1",
        "/vol/vacuum",
    ),
    *("/cluster/status", "/cluster/healthz", "/raft/stats", "/col/delete?collection=none"),
    *("/buckets/", "/topics/", "/etc/", "/cxr-reporter/", "/cxr-reporter?list-type=2", "/?Action=ListUsers"),
    *(
        "/1,0000000000",
        "/api/config",
        "/api/users",
        "/object-store/buckets",
        "/v1/config",
        "/iceberg/v1/config",
    ),
    *("/docs", "/openapi.json", "/v1/studies", "/v1/keys"),
)
_WRITE: Final = (
    *(("PUT", "/buckets/cxr-reporter/planted"), ("POST", "/buckets/cxr-reporter/planted")),
    *(("DELETE", "/buckets/cxr-reporter/planted"), ("PUT", "/cxr-reporter/planted")),
    *(("POST", "/submit"), ("PUT", "/1,0000000000"), ("DELETE", "/1,0000000000"), ("POST", "/.tus/planted")),
    *(("POST", "/?Action=CreateUser&UserName=planted"), ("POST", "/?Action=AssumeRoleWithWebIdentity")),
    *(("POST", "/v1/studies"), ("DELETE", "/v1/studies/00000000-0000-7000-8000-000000000000")),
    *(("OPTIONS", "/buckets/cxr-reporter/planted"), ("OPTIONS", "/cxr-reporter/planted"), ("OPTIONS", "/")),
)
S3: Final = (
    r"HTTP GET /(healthz|readyz|status): 200",  # that it is there: an empty answer
    r"HTTP POST \S+: 405",  # what S3 has no operation for
    # SeaweedFS cannot be told otherwise where no bucket is named. No object is there; a page's request for
    # one is refused beforehand (OPTIONS on an object is not in this list).
    r"HTTP GET /(healthz|readyz|status|\?\S+)?: allows \*",
    r"HTTP POST \S+: allows \*",
)
"""What SeaweedFS' S3 port says to strangers, and why it may."""

_ROOT_AND_NAME: Final = b"\x0a\x01/\x12\x07buckets"
_CALLS: Final = (
    ("/master_pb.Seaweed/VolumeList", b""),
    ("/master_pb.Seaweed/GetMasterConfiguration", b""),
    ("/volume_server_pb.VolumeServer/VolumeServerStatus", b""),
    ("/filer_pb.SeaweedFiler/LookupDirectoryEntry", _ROOT_AND_NAME),
    ("/filer_pb.SeaweedFiler/GetFilerConfiguration", b""),
    ("/iam_pb.SeaweedIdentityAccessManagement/ListUsers", b""),
)
_CLOSED: Final = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED}
"""It did not speak with us, or asked who we are. All else, UNIMPLEMENTED too, comes from behind the door."""


@dataclass(frozen=True, slots=True)
class Door:
    """One listening socket.

    Attributes:
        owner: name of the part, or of the process where that has none.
        pid: its process.
        place: address and port, or the path of a Unix socket.
    """

    owner: str
    pid: int
    place: tuple[str, int] | Path

    @override
    def __str__(self) -> str:
        """Return what a person looks for."""
        return f"{self.owner} at {self.place}"

    def is_out_of_reach(self) -> bool:
        """Tell whether it is a file that was removed, or that no other user of the machine can open."""
        if isinstance(self.place, tuple) or str(self.place).startswith("@"):
            return False
        if not self.place.exists():
            return True
        return not all(folder.stat().st_mode & stat.S_IXOTH for folder in self.place.resolve().parents)

    def answers(self) -> list[str]:
        """Return all that a stranger hears, as `protocol request: what`; nothing where it is closed."""
        return [*self._to_http(), *self._to_grpc(), *self._to_redis(), *self._to_postgres()]

    def connect(self) -> socket.socket:
        """Return a connection."""
        if isinstance(self.place, tuple):
            return socket.create_connection(self.place, timeout=_SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_SECONDS)
        connection.connect(str(self.place))
        return connection

    def _to_http(self) -> Iterator[str]:
        requests = [*(("GET", path) for path in _GET), *_WRITE]
        for context in (None, _by_tls(), _by_tls(own=certificate())):
            for method, path in requests:
                answer = self._ask(method, path, context)
                if answer is None:
                    break
                yield from _heard(f"{'HTTPS' if context else 'HTTP'} {method} {path}", answer)

    def _ask(
        self, method: str, path: str, context: ssl.SSLContext | None
    ) -> tuple[HTTPResponse, bytes] | None:
        """Return an answer, or None where nobody there speaks HTTP with us."""
        preflight = {"Access-Control-Request-Method": "PUT"} if method == "OPTIONS" else {}
        connection = HTTPConnection("localhost", timeout=_SECONDS)
        try:
            connection.sock = self.connect()
            if context:
                connection.sock = context.wrap_socket(connection.sock)
            body = None if method in ("GET", "OPTIONS") else b"planted"
            connection.request(method, path, body, {"Origin": ORIGIN, "Connection": "close", **preflight})
            response = connection.getresponse()
            return response, response.read(500)
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def _to_grpc(self) -> Iterator[str]:
        for kind, channel in self._channels():
            with channel:
                for method, request in _CALLS:
                    try:
                        channel.unary_unary(method)(request, timeout=_SECONDS)
                    except grpc.RpcError as error:
                        if error.code() not in _CLOSED:
                            yield f"{kind} {method}: {error.code()}"
                    else:
                        yield f"{kind} {method}: OK"

    def _channels(self) -> Iterator[tuple[str, grpc.Channel]]:
        target = f"{self.place[0]}:{self.place[1]}" if isinstance(self.place, tuple) else f"unix:{self.place}"
        yield "gRPC", grpc.insecure_channel(target)
        authority = self._certificate()
        if authority:
            own = certificate()
            options = (("grpc.ssl_target_name_override", "localhost"),)
            for key in (None, own):
                credentials = grpc.ssl_channel_credentials(authority, key, key)
                yield "gRPC by TLS", grpc.secure_channel(target, credentials, options=options)

    def _certificate(self) -> bytes | None:
        with suppress(OSError), _by_tls().wrap_socket(self.connect()) as connection:
            shown = connection.getpeercert(binary_form=True)
            return ssl.DER_cert_to_PEM_cert(shown).encode() if shown else None
        return None

    def _to_redis(self) -> Iterator[str]:
        for command in ("PING", "INFO", "CONFIG GET requirepass", "ACL WHOAMI"):
            answer = self._exchange(f"{command}\r\n".encode())
            if not answer:
                return
            if answer[:1] in (b"+", b"$", b"*"):
                yield f"Redis {command}: {answer[:20]!r}"

    def _to_postgres(self) -> Iterator[str]:
        for user in ("cxr", "postgres"):
            for database in ("cxr", "postgres"):
                parameters = f"user\0{user}\0database\0{database}\0\0".encode()
                startup = struct.pack("!II", 8 + len(parameters), 196_608) + parameters
                answer = self._exchange(startup)
                if answer[:1] not in (b"R", b"E"):
                    return
                if answer[:1] == b"R" and answer[5:9] == b"\0\0\0\0":
                    yield f"Postgres {user}@{database}: no password asked"

    def _exchange(self, request: bytes) -> bytes:
        with suppress(OSError), self.connect() as connection:
            connection.sendall(request)
            return connection.recv(100)
        return b""


def doors_of(processes: Iterable[psutil.Process]) -> list[Door]:
    """Return every socket on which these processes wait for others: TCP, UDP and Unix."""
    listening = _listening_unix_sockets()
    found = []
    for process in processes:
        part = process.environ().get("CXR_PART", process.name())
        for one in process.net_connections(kind="inet"):
            waits = one.status == psutil.CONN_LISTEN or (one.type == socket.SOCK_DGRAM and not one.raddr)
            if waits:
                found.append(Door(part, process.pid, (one.laddr.ip, one.laddr.port)))
        for inode in _inodes(process) & listening.keys():
            # By the process's own folder: a path may be relative to it, and longer than a socket's may be.
            path = listening[inode]
            place = path if path.is_absolute() else Path(f"/proc/{process.pid}/cwd") / path
            found.append(Door(part, process.pid, place))
    return found


def _listening_unix_sockets() -> dict[str, Path]:
    """Return inode -> path."""
    lines = [line.split(maxsplit=7) for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return {words[6]: Path(words[7]) for words in lines if int(words[3], 16) & _LISTENS and len(words) > 7}


def _inodes(process: psutil.Process) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(OSError):
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found


def _by_tls(*, own: bytes | None = None) -> ssl.SSLContext:
    """Return a client that takes any server, and shows the certificate of its own, where it has one."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if own:
        with tempfile.NamedTemporaryFile() as file:
            file.write(own)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _heard(request: str, answer: tuple[HTTPResponse, bytes]) -> Iterator[str]:
    response, body = answer
    allowed = response.headers.get("Access-Control-Allow-Origin")
    if allowed is not None:
        yield f"{request}: allows {allowed}"
    is_refusal = response.status in (401, 403) or (response.status == 400 and b"HTTPS server" in body)
    if not is_refusal:
        yield f"{request}: {response.status}"


def _ports_here() -> list[int]:
    """Return every TCP port of this name space on which somebody waits."""
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
    ]
    return sorted({int(words[1].rpartition(":")[2], 16) for words in lines if words[3] == _LISTEN})


def main() -> None:
    """Print what is heard at each; a line without anything says that the port is there."""
    doors = [Door(str(port), 0, ("127.0.0.1", port)) for port in _ports_here()]
    with ThreadPoolExecutor(max(len(doors), 1)) as strangers:
        for door, answers in zip(doors, strangers.map(Door.answers, doors), strict=True):
            print("\n".join([door.owner, *(f"{door.owner} {answer}" for answer in answers)]))


if __name__ == "__main__":
    main()
