"""A network of its own for tests: loopback, and no interface that comes or goes.

network = Network()
with network: ...  # for this thread, and for the threads and processes that it starts
"""

import ctypes
import fcntl
import os
import socket
import struct
from types import TracebackType
from typing import Final, Self

_CLONE_NEWNET: Final = 0x4000_0000
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1


class Network:
    """A network namespace of the kernel's, made when it is first entered; it lives as long as this object.

    Root's containers bring and take interfaces of this machine, and then Chromium drops what it is loading. A
    normal user's containers have a network of their own already, and whoever may make none (a normal user,
    root in a container) stays in the machine's.
    """

    def __init__(self) -> None:
        self._ours: int | None = None
        self._before: int | None = None

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            return self
        self._before = _current()
        if self._ours is None:
            try:
                _call("unshare", _CLONE_NEWNET)
            except PermissionError:
                os.close(self._before)
                self._before = None
                return self
            self._ours = _current()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _IFF_UP))
        else:
            _call("setns", self._ours, _CLONE_NEWNET)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            _call("setns", self._before, _CLONE_NEWNET)
            os.close(self._before)
            self._before = None


def _current() -> int:
    """Return a descriptor of the network that this thread is in."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _call(name: str, *arguments: int) -> None:
    """Call a function of the C library that Python has only from 3.12 on."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
