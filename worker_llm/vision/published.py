"""Weights as their makers publish them: which files they are in, and whether they are those of our model.

Files are read one tensor at a time, and pickled ones without running what is in them. Names are compared
before anything is read: a model never starts with weights that nobody trained.

Map: `files_of` -> `shapes_of`, `tensors_of` · `check`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]

_SINGLE: Final = ("model.safetensors", "pytorch_model.bin")
_NAMED: Final = 4
"""Names that a refusal lists of each kind."""


class WeightsError(ValueError):
    """A folder does not hold the weights that it should; the message says what is wrong with it."""


def files_of(folder: Path) -> tuple[Path, ...]:
    """Return the files that a folder's weights are in, in the order of their names.

    Raises:
        WeightsError: there are none, or the index names one that is not there.
    """
    for single in _SINGLE:
        index = folder / f"{single}.index.json"
        if index.is_file():
            named = {
                str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            }
            files = tuple(folder / Path(name).name for name in sorted(named))
            lost = [file.name for file in files if not file.is_file()]
            if lost:
                message = f"{folder} lacks {', '.join(lost)}, which {index.name} names; fetch the files again"
                raise WeightsError(message)
            return files
        if (folder / single).is_file():
            return (folder / single,)
    looked = ", ".join(f"{single}, {single}.index.json" for single in _SINGLE)
    message = f"{folder} holds no weights; looked for {looked}"
    raise WeightsError(message)


def shapes_of(files: Sequence[Path]) -> Shapes:
    """Return the name and the shape of every tensor; no weights are read."""
    shapes: Shapes = {}
    for file in files:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                shapes |= {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - no mapping
        else:
            shapes |= {name: tuple(tensor.shape) for name, tensor in _unpickled(file).items()}
    return shapes


def tensors_of(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Read one file's tensors, one after the other."""
    if file.suffix == ".safetensors":
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - no mapping
                yield name, opened.get_tensor(name)
    else:
        yield from _unpickled(file).items()


def _unpickled(file: Path) -> Mapping[str, Tensor]:
    """Map a pickled file into memory: tensors and nothing else."""
    held: Mapping[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    return held


def check(found: Mapping[str, Sequence[int]], wanted: Mapping[str, Sequence[int]], *, where: Path) -> None:
    """Raise WeightsError unless the tensors that there are have the names and shapes of those wanted."""
    wrong = {
        "lacks": sorted(wanted.keys() - found.keys()),
        "has, and no such model does,": sorted(found.keys() - wanted.keys()),
        "has in another shape": sorted(
            name for name in wanted.keys() & found.keys() if tuple(wanted[name]) != tuple(found[name])
        ),
    }
    said = [f"it {what} {_listed(names)}" for what, names in wrong.items() if names]
    if said:
        message = f"the weights in {where} are not this model's: {'; '.join(said)}"
        raise WeightsError(message)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
