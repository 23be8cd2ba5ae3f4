"""From image files to squares on disk: decoded once, in processes of their own, kept in whole shards.

    write_shards    records -> paths of shards, of SHARD images each
    square_of       one file -> (size, size) uint8, as the worker decodes it

A shard is a file of NumPy's format, (n, size, size) uint8, and beside it a JSON file with the images that
could not be read, which are black in it. Both are written under another name and renamed when they are whole,
the shard last: what a run that was killed left behind is as good as nothing, or as good as done.

A shard's name is a digest of its images' names and file sizes, of the size of the squares, and of the source
code that decodes: with another list, or another decoder, other shards are made. A file that was changed but
kept its name and length is not noticed; nor is a shard ever deleted: delete the folder when you like.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import shared.bands
import shared.dicom.checks
import shared.imaging
import worker_cnn.decoding
import worker_cnn.dicom_pixels
from shared.errors import BadInputError
from shared.machine.locks import one_at_a_time
from training.table import Record
from worker_cnn.children import ChildPool, DecoderKilledError, Terms
from worker_cnn.decoding import prepare

SHARD: Final = 256
"""Images a shard: 13 MB at 224 pixels, 268 MB, which must fit into memory, at 1,024."""
LIMIT: Final = timedelta(seconds=60)
"""Longest time that one file may take."""

Root: TypeAlias = Path | Mapping[str, Path]
"""The folder that all images are below, or of each data set by its id (`Record.dataset`)."""

_DECODING: Final = (
    *(shared.dicom.checks, shared.bands, shared.imaging),
    *(worker_cnn.decoding, worker_cnn.dicom_pixels),
)
"""Modules that decide which pixels come out."""


def folders(given: Sequence[str]) -> Root:
    """Read what commands take as --images: one FOLDER, or DATASET=FOLDER any number of times.

    Raises:
        ValueError: it is neither.
    """
    if len(given) == 1 and "=" not in given[0]:
        return Path(given[0])
    roots = dict(one.partition("=")[::2] for one in given)
    if not all(roots.values()):
        message = "--images is one FOLDER, or DATASET=FOLDER for each data set"
        raise ValueError(message)
    return {dataset: Path(folder) for dataset, folder in roots.items()}


def file_of(record: Record, root: Root) -> Path:
    """Return where an image lies.

    Raises:
        ValueError: no folder is given for its data set.
    """
    if isinstance(root, Path):
        return root / record.image
    if record.dataset not in root:
        message = f"no folder is given for the images of {record.dataset}, only of: {', '.join(root)}"
        raise ValueError(message)
    return root[record.dataset] / record.image


def square_of(path: Path, size: int) -> NDArray[np.uint8]:
    """Decode a file as the worker does and round its input for the classifier: (size, size) uint8.

    Raises:
        BadInputError: the worker cannot decode it.
    """
    prepared = prepare(path.read_bytes(), name=path.name, size=size)
    square: NDArray[np.uint8] = np.rint(prepared.model_input * 255.0).astype(np.uint8)
    return square


def write_shards(
    records: Sequence[Record], root: Root, *, size: int, cache: Path, processes: int
) -> list[Path]:
    """Make what is missing of the shards, and return all of them in the order of the records.

    Processes that do this at the same time wait for one another, and find the work done.

    Args:
        size: side of the squares in pixels.
        cache: folder for the shards; it is made if need be.
        processes: that decode.

    Raises:
        OSError: the cache cannot be written, or an image's disk fails. An image that is missing, may not be
            read or is broken is no error but a problem of its shard.
    """
    cache.mkdir(parents=True, exist_ok=True)
    groups = [records[start : start + SHARD] for start in range(0, len(records), SHARD)]
    files = [[file_of(record, root) for record in group] for group in groups]
    shards = [cache / f"{_digest(*pair, size=size)}.npy" for pair in zip(groups, files, strict=True)]
    if all(shard.is_file() for shard in shards):
        return shards
    with _alone(cache):
        missing = [i for i, shard in enumerate(shards) if not shard.is_file()]
        with _progress() as bar, _decoder(processes) as decode:
            task = bar.add_task("Decoding images", total=sum(len(groups[i]) for i in missing))
            for i in missing:
                names = [record.image for record in groups[i]]
                _write_shard(
                    shards[i], names, files[i], size=size, decode=decode, said=lambda: bar.advance(task)
                )
    return shards


def problems_of(shard: Path) -> dict[int, tuple[str, str]]:
    """Return what of a shard could not be read: its place -> the image's name and the reason."""
    kept = json.loads(_problems_file(shard).read_text(encoding="utf-8"))
    return {int(place): (name, reason) for place, (name, reason) in kept.items()}


_Decode: TypeAlias = Callable[[Path, int], "NDArray[np.uint8] | str"]
"""Gives the square, or why there is none."""


def _write_shard(
    shard: Path,
    names: Sequence[str],
    files: Sequence[Path],
    *,
    size: int,
    decode: tuple[ThreadPoolExecutor, _Decode],
    said: Callable[[], None],
) -> None:
    squares = np.zeros((len(files), size, size), np.uint8)
    problems: dict[int, tuple[str, str]] = {}
    threads, one = decode
    for place, found in enumerate(threads.map(lambda file: one(file, size), files)):
        if isinstance(found, str):
            problems[place] = (names[place], found)
        else:
            squares[place] = found
        said()
    with _whole(_problems_file(shard)) as unfinished:
        unfinished.write_text(json.dumps(problems), encoding="utf-8")
    with _whole(shard) as unfinished, unfinished.open("wb") as file:
        np.save(file, squares)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give another name to write to, and rename it at the end."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    yield unfinished
    unfinished.replace(path)


def _problems_file(shard: Path) -> Path:
    return shard.with_suffix(".json")


def _digest(records: Sequence[Record], files: Sequence[Path], *, size: int) -> str:
    digest = hashlib.sha256(f"{size}\n".encode())
    for module in _DECODING:
        assert module.__file__ is not None  # they are files of this project
        digest.update(Path(module.__file__).read_bytes())
    for record, file in zip(records, files, strict=True):
        digest.update(f"{record.dataset}/{record.image}\n{_length(file)}\n".encode())
    return digest.hexdigest()[:24]


def _length(file: Path) -> int:
    """Return a file's length, or -1 where it is missing: when it comes, another shard is made."""
    try:
        return file.stat().st_size
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return -1


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Wait until no other process writes into the cache, and remove what one that was killed has left."""
    with one_at_a_time(cache):
        for left in cache.glob("*.unfinished"):
            left.unlink()
        yield


@contextmanager
def _decoder(processes: int) -> Iterator[tuple[ThreadPoolExecutor, _Decode]]:
    """Give threads, and what each does with a file: have it decoded in a child process."""
    pool = ChildPool(workers=processes, set_up=_set_up_child)

    def decode(file: Path, size: int) -> NDArray[np.uint8] | str:
        try:
            return pool.call(square_of, file, size, file=file.name, terms=Terms(LIMIT))
        except (FileNotFoundError, NotADirectoryError):
            return "the file is missing"
        except (IsADirectoryError, PermissionError) as error:
            return f"the file cannot be read: {error.strerror}"
        except (BadInputError, DecoderKilledError) as error:
            return str(error)

    try:
        # Twice as many threads as processes, so that none waits for the next file.
        with ThreadPoolExecutor(2 * processes) as threads:
            yield threads, decode
    finally:
        pool.stop()


def _set_up_child() -> None:
    cv2.setNumThreads(1)  # the processes are the parallelism


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
