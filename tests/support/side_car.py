"""A side-car whose model is a stand-in: the real server in a process of its own, with Python's library alone.

Run as a program it serves until SIGTERM. What its model does is told to it in the indication of each request:
{"sleep": seconds}, {"fail": true}.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from docker.side_cars.server import Server
from worker_llm.vision.protocol import Asked, ModelVersion, Passage, Region, Said

ROOT = Path(__file__).parents[2]
SAID = Said(
    (
        Passage("Probable pleural effusion.", (Region(0, (0.1, 0.5, 0.4, 0.9)),)),
        Passage("The trachea is midline."),
    ),
    ("Probable pleural effusion.",),
)


class StandIn:
    """Writes of an effusion."""

    def report(self, asked: Asked, pictures: Sequence[Path]) -> Said:
        assert all(path.read_bytes() == image.png for path, image in zip(pictures, asked.images, strict=True))
        wish = json.loads(asked.indication or "{}") if asked.indication != "cough" else {}
        time.sleep(wish.get("sleep", 0))
        if wish.get("fail"):
            raise RuntimeError(asked.indication)
        return SAID


class SideCar:
    """A running side-car."""

    def __init__(self, process: subprocess.Popen[str], scratch: Path) -> None:
        assert process.stdout is not None
        self.process, self.scratch = process, scratch
        self.port = int(process.stdout.readline())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def side_car(
    scratch: Path, model: str = "chexagent", *, loading: float = 0, port: int = 0
) -> Iterator[SideCar]:
    """Start one, and end it."""
    # -S: no package is there, as in an environment that has none of ours.
    command = [sys.executable, "-S", __file__, model, str(loading), str(port)]
    environment = {"PYTHONPATH": str(ROOT), "TMPDIR": str(scratch), "PATH": os.defpath}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield SideCar(process, scratch)
        finally:
            process.kill()


def main() -> int:
    _, model, loading, port = sys.argv

    def load() -> StandIn:
        time.sleep(float(loading))
        return StandIn()

    server = Server(ModelVersion(model, "0123456789ab"), load, host="127.0.0.1", port=int(port))
    print(server.port, flush=True)
    return server.run()


if __name__ == "__main__":
    sys.exit(main())
