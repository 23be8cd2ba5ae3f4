"""Asks a service of this container whether it answers: `python -m shared.operations.probe PORT PATH`.

What images and Compose run as health checks. No argument has a space in it, because podman's Docker API cuts
a check's arguments there.
"""

import sys
from http.client import HTTPConnection, HTTPException
from typing import Final

SECONDS: Final = 9.0
"""Longest wait for an answer."""


def main(arguments: list[str]) -> int:
    """Return 0 if GET PATH at 127.0.0.1:PORT answers 200, else 1 and the reason on standard error."""
    match arguments:
        case [port, path] if port.isdecimal():
            return _ask(int(port), path)
    print("usage: python -m shared.operations.probe PORT PATH", file=sys.stderr)
    return 2


def _ask(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(1000)
    except (OSError, HTTPException) as error:
        print(f"no answer on port {port}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if response.status != 200:
        print(f"{path} answers {response.status}: {body.decode(errors='replace')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
