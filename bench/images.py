"""Images a second that training gets out of the image store, as batches of floats in random order.

References: torchvision's ImageFolder with Resize and CenterCrop, and torchxrayvision's NIH_Dataset with its
XRayCenterCrop and XRayResizer (with skimage, its default, and with OpenCV): both decode in every epoch, where
the store decodes once. All in this process, without a loader's workers, on the same files in the same order.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import Tensor
from torchvision.datasets import ImageFolder
from torchvision.transforms import CenterCrop, Compose, Grayscale, Resize, ToTensor
from torchxrayvision.datasets import NIH_Dataset, XRayCenterCrop, XRayResizer

from bench.measure import Comparison, Options, alternate, compare, core_count
from bench.originals import jpegs, samples
from bench.results import Breakdown, Result
from shared.domain.findings import ViewPosition
from training.store import ImageStore, open_store
from training.table import Record

NAME: Final = "images"
_SIZE: Final = 224
_BATCH: Final = 32
_Fetch = Callable[[NDArray[np.int64]], Tensor]


@dataclass(slots=True)
class _Way:
    """One way to get batches: how fast it was, a figure a round."""

    name: str
    fetch: _Fetch
    rates: list[float] = field(default_factory=list)

    def go(self, number: int, *, count: int, least_seconds: float) -> None:
        """Fetch whole epochs, each in another order, for as long as it takes to time them."""
        generator = np.random.default_rng(number)
        begun, seen = time.perf_counter(), 0
        while seen == 0 or time.perf_counter() - begun < least_seconds:
            order = generator.permutation(count)
            for start in range(0, count, _BATCH):
                batch = self.fetch(order[start : start + _BATCH])
                assert batch.shape[1:] == (1, _SIZE, _SIZE)
            seen += count
        self.rates.append(seen / (time.perf_counter() - begun))


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    rounds, wanted = options.choose(3, 7), options.choose(64, 256)
    with TemporaryDirectory() as folder, _one_thread():
        root = Path(folder)
        files, kind = _write_images(root / "images" / "all", wanted)
        task = progress.add_task(f"images: {rounds} rounds of {len(files)} images", total=rounds + 1)
        begun = time.perf_counter()
        store = _store(files, root)
        built = len(files) / (time.perf_counter() - begun)
        ours = _Way("image store", lambda rows: store.fetch(rows).float().div_(255.0))
        references = [
            _Way("ImageFolder, Resize", _image_folder(root / "images")),
            _Way("xrayvision, skimage", _xrayvision(files, root, engine="skimage")),
            _Way("xrayvision, OpenCV", _xrayvision(files, root, engine="cv2")),
        ]

        def turn(way: _Way) -> Callable[[int], None]:
            return lambda number: way.go(number, count=len(files), least_seconds=options.choose(1, 3) * 0.1)

        ways = [ours, *references]
        alternate(rounds + 1, *(turn(way) for way in ways), lambda _number: progress.advance(task))
    comparisons = [_compared(ours, reference) for reference in references]
    rates = [median(way.rates[1:]) for way in references]
    return Result(
        NAME,
        tuple(comparisons),
        (
            Breakdown(
                f"making the store, {core_count()} processes that are started for it",
                ("images a second", "epochs until it has paid off against ImageFolder"),
                (("decode, resize, write", (built, rates[0] / built)),),
            ),
        ),
        conditions=(
            f"{len(files)} images ({kind}), {_SIZE} px, batches of {_BATCH}, one process, one thread",
        ),
    )


def _compared(ours: _Way, reference: _Way) -> Comparison:
    return compare(  # the first round warms up
        ours.rates[1:], reference.rates[1:], what=ours.name, reference=reference.name, unit="images a second"
    )


def _write_images(folder: Path, count: int) -> tuple[list[Path], str]:
    """Write as many files as wanted, real ones where there are any; the same ones again if they are fewer."""
    folder.mkdir(parents=True)
    # Eight bits only: xrayvision's loader for NIH takes no others.
    originals = jpegs(count) or [one for one in samples() if one.name in {"chest-1.png", "chest-3.jpg"}]
    files = []
    for number in range(count):
        original = originals[number % len(originals)]
        files.append(folder / f"{number:05}{Path(original.name).suffix}")
        files[-1].write_bytes(original.content)
    return files, "real radiographs" if len(originals) > 2 else "samples"


def _store(files: Sequence[Path], root: Path) -> ImageStore:
    records = [
        Record("bench", file.name, f"bench:{file.stem}", f"bench:{file.stem}", ViewPosition.PA, {})
        for file in files
    ]
    return open_store(records, files[0].parent, size=_SIZE, cache=root / "cache", processes=core_count())


def _image_folder(root: Path) -> _Fetch:
    change = Compose([Grayscale(), Resize(_SIZE), CenterCrop(_SIZE), ToTensor()])
    dataset = ImageFolder(str(root), transform=change)
    return lambda rows: torch.stack([dataset[row][0] for row in rows.tolist()])


def _xrayvision(files: Sequence[Path], root: Path, *, engine: str) -> _Fetch:
    table = root / "Data_Entry_2017.csv"
    heads = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"
    rows = [f"{file.name},No Finding,{number},50,M,PA" for number, file in enumerate(files)]
    table.write_text("\n".join([heads, *rows]), encoding="utf-8")
    change = Compose([XRayCenterCrop(), XRayResizer(_SIZE, engine=engine)])
    dataset = NIH_Dataset(str(files[0].parent), csvpath=str(table), transform=change)
    return lambda rows: torch.from_numpy(np.stack([dataset[row]["img"] for row in rows.tolist()]))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let nobody win by threads."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])
