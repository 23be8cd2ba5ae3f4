"""DICOM instances a second, by C-STORE and by STOW-RS, from the first byte to the answer that all are stored.

C-STORE by dcmtk's storescu, all instances of an association one after the other; STOW-RS by httpx, one
instance a request. Reference: Debian's Orthanc, sent the same files in turns by the same clients, its data on
the same disk. Both answer success once an instance is stored; ours is then in the object store and its row
committed, after a note that was committed before. At the end both are asked whether they have them all.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import httpx
from rich.progress import Progress
from sqlalchemy import create_engine, text
from typing_extensions import override

from bench.instances import A_STUDY, instances
from bench.measure import Options, compare
from bench.orthanc import AET, Pacs, orthanc
from bench.results import Breakdown, Result
from bench.stack import Stack, cpu_seconds

NAME: Final = "dicom"
_SMALL, _LARGE = 220, 2000
"""Pixels a side: 97 kB, and 8 MB as a detector sends them."""
_WIDTHS: Final = (1, 4)
"""Associations, or connections, at a time."""
_OPEN_SECONDS: Final = 3600
"""Nothing is read while it is measured."""
_BOUNDARY: Final = "bench"
_PARTS: Final = ("gateway", "api", "postgres", "storage")

Send = Callable[[Path], None]


@dataclass(slots=True)
class Side:
    """One of the two, for one case.

    Attributes:
        send: sends all files of a folder, one after the other.
        used: tells the CPU seconds that each of its parts has used so far.
        rates: instances a second, one a round.
        cpu: milliseconds of CPU an instance, of each part, one a round.
    """

    send: Send
    used: Callable[[], dict[str, float]]
    rates: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)

    def take(self, folders: Sequence[Path], count: int) -> None:
        """Send the files of all folders, of each folder on a connection of its own; note how long it took."""
        before, started = self.used(), time.perf_counter()
        with ThreadPoolExecutor(len(folders)) as threads:
            list(threads.map(self.send, folders))
        seconds, after = time.perf_counter() - started, self.used()
        self.rates.append(count / seconds)
        self.cpu.append({part: 1000 * (after[part] - before[part]) / count for part in after})


@dataclass(frozen=True, slots=True)
class Case:
    """One way in, one size, and so many connections at a time."""

    way: str
    pixels: int
    width: int
    count: int
    ours: Side
    theirs: Side

    @override
    def __str__(self) -> str:
        """Say which it is."""
        megabytes = 2 * self.pixels**2 / 1e6
        return f"{self.way}, {megabytes:.2g} MB, {self.width} at a time"

    def round(self, number: int) -> None:
        """Send new files to both."""
        with tempfile.TemporaryDirectory(prefix="cxr-bench-instances-") as name:
            folders = [Path(name, str(one)) for one in range(self.width)]
            for folder in folders:
                folder.mkdir()
            for index, content in enumerate(instances(self.count, side=self.pixels)):
                # A study whole in one association, as scanners send it.
                Path(folders[index // A_STUDY % self.width], f"{index}.dcm").write_bytes(content)
            sides = (self.ours, self.theirs) if number % 2 == 0 else (self.theirs, self.ours)
            for side in sides:
                side.take(folders, self.count)


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    rounds = options.choose(2, 5)
    task = progress.add_task("dicom: starting the stack and Orthanc")
    environment = {"CXR_GATEWAY_CLOSE_AFTER": str(_OPEN_SECONDS), "CXR_API_CLOSE_AFTER": str(_OPEN_SECONDS)}
    with Stack(("api", "gateway"), environment=environment) as stack, orthanc() as pacs:
        cases = _cases(options, stack, pacs)
        progress.update(task, total=len(cases) * (rounds + 1))
        for case in cases:
            progress.update(task, description=f"dicom: {case}")
            for number in range(rounds + 1):
                case.round(number)
                progress.advance(task)
            for side in (case.ours, case.theirs):
                # The first round makes connections and loads code.
                del side.rates[0], side.cpu[0]
        sent = sum(case.count for case in cases) * (rounds + 1)
        kept = _kept(stack), _kept_by(pacs)
    if kept != (sent, sent):
        message = f"{sent} instances were sent to each; here are {kept[0]}, at Orthanc {kept[1]}"
        raise RuntimeError(message)
    return Result(
        NAME,
        tuple(
            compare(
                case.ours.rates, case.theirs.rates, what=str(case), reference="Orthanc", unit="instances/s"
            )
            for case in cases
        ),
        (_cpu_table(cases),),
        (f"{rounds} rounds; {sent:,} instances to each side, all of them there at the end",),
    )


def _cases(options: Options, stack: Stack, pacs: Pacs) -> list[Case]:
    counts = {_SMALL: options.choose(16, 200), _LARGE: options.choose(8, 24)}
    ways: list[tuple[str, Send, Send]] = [
        ("C-STORE", partial(_store, "CXR", stack.dicom_port), partial(_store, AET, pacs.dicom_port)),
        (
            "STOW-RS",
            partial(_stow, f"http://127.0.0.1:{stack.port}/dicomweb/studies"),
            partial(_stow, pacs.web),
        ),
    ]
    return [
        Case(
            way,
            pixels,
            width,
            count,
            Side(to_us, stack.cpu_seconds),
            Side(to_them, lambda: {"orthanc": cpu_seconds(pacs.pid)}),
        )
        for way, to_us, to_them in ways
        for pixels, count in counts.items()
        for width in _WIDTHS
    ]


def _store(called: str, port: int, folder: Path) -> None:
    program = shutil.which("storescu")
    if program is None:
        message = "storescu is missing: apt-get install dcmtk"
        raise RuntimeError(message)
    # It ends, badly, at the first that is not answered with success.
    command = [program, "-R", "-aec", called, "127.0.0.1", str(port), "+sd", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        message = f"storescu to {called}: {(done.stdout + done.stderr)[-3000:]}"
        raise RuntimeError(message)


def _stow(url: str, folder: Path) -> None:
    content_type = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    with httpx.Client(timeout=60, trust_env=False) as client:
        for file in sorted(folder.iterdir()):
            body = head + file.read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()
            answer = client.post(
                url,
                content=body,
                headers={"Content-Type": content_type, "Accept": "application/dicom+json"},
            )
            if answer.status_code != httpx.codes.OK:
                message = f"{url}: {answer.status_code} {answer.text[:300]}"
                raise RuntimeError(message)


def _kept(stack: Stack) -> int:
    engine = create_engine(stack.database_url())
    try:
        with engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM images")) or 0)
    finally:
        engine.dispose()


def _kept_by(pacs: Pacs) -> int:
    return int(httpx.get(pacs.statistics, trust_env=False).json()["CountInstances"])


def _cpu_table(cases: Sequence[Case]) -> Breakdown:
    def cpu(side: Side, part: str) -> float:
        return median(one.get(part, 0.0) for one in side.cpu)

    return Breakdown(
        "CPU an instance (median), ms",
        (*_PARTS, "orthanc"),
        tuple(
            (str(case), (*(cpu(case.ours, part) for part in _PARTS), cpu(case.theirs, "orthanc")))
            for case in cases
        ),
    )
