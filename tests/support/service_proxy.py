"""A Service's address: `python service_proxy.py FOLDER NAME=PORT…`, in a container of its own.

Stands for kube-proxy: connections to PORT go on to a pod that FOLDER/NAME lists (address:port, one a line).
While it lists none, nothing listens, and connections are refused.
"""

import asyncio
import random
import sys
from pathlib import Path


async def main() -> None:
    """Serve every port until the container is stopped."""
    folder, *ports = sys.argv[1:]
    await asyncio.gather(
        *(serve(Path(folder, name), int(port)) for name, port in (p.split("=") for p in ports))
    )


async def serve(endpoints: Path, port: int) -> None:
    """Listen while there is a pod to go on to."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pod, its_port = random.choice(listed(endpoints)).split(":")
            to_read, to_write = await asyncio.open_connection(pod, int(its_port))
        except (OSError, IndexError):
            writer.close()
            return
        await asyncio.gather(copy(reader, to_write), copy(to_read, writer))

    server = None
    while True:
        if server is None and listed(endpoints):
            server = await asyncio.start_server(connected, port=port)
        elif server is not None and not listed(endpoints):
            server.close()
            server = None
        await asyncio.sleep(0.2)


def listed(endpoints: Path) -> list[str]:
    """Return the pods that are ready."""
    return endpoints.read_text().split() if endpoints.exists() else []


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what one side sends, and then that it has ended."""
    try:
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    except OSError:
        pass
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
