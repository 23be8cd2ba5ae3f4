"""RUN_DIR: all that a training leaves behind, and what it goes on from.

    recipe.toml            the recipe as it was run, with what the command line changed
    run.json               digests of the tables, and what else the weights depend on
    JOB/checkpoint.pt      the last state; the same command goes on from it
    JOB/best.safetensors   weights of the epoch that is kept
    JOB/metrics.csv        a row an epoch
    mean/best.safetensors  the mean of the members' weights, where that is what answers
    JOB/done.json          that epoch's figures, once the job is done
    predictions.parquet    logits and labels of all validation and test images
    summary.json           what later commands need: labels, members, figures, counts
    tensorboard/           `tensorboard --logdir RUN_DIR/tensorboard`

A file is written under another name and renamed when it is whole: after kill -9 there is the old or the new.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import tomlkit
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from training.recipe import Recipe, RecipeError, load_recipe

RECIPE: Final = "recipe.toml"
RUN: Final = "run.json"
SUMMARY: Final = "summary.json"
PREDICTIONS: Final = "predictions.parquet"
MEAN: Final = "mean"
TENSORBOARD: Final = "tensorboard"


def begin(folder: Path, recipe: Recipe, depends: Mapping[str, Any]) -> None:
    """Make RUN_DIR, or see that it is of the same run.

    Args:
        depends: on what the weights depend beside the recipe, as JSON.

    Raises:
        RecipeError: the folder holds another run; the message says what differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RECIPE).is_file() and (folder / RUN).is_file():
        before = load_recipe(folder / RECIPE).model_dump(mode="json") | read_json(folder / RUN)
        now = recipe.model_dump(mode="json") | dict(depends)
        different = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if different:
            message = (
                f"{folder} holds a run that differs in {', '.join(different)}; name another "
                "folder with --out, or delete this one"
            )
            raise RecipeError(message)
        return
    write_recipe(folder / RECIPE, recipe)
    write_json(folder / RUN, depends)


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe that `load_recipe` reads."""
    with whole(path) as unfinished:
        content = tomlkit.dumps(recipe.model_dump(mode="json", exclude_none=True))
        unfinished.write_text(content, encoding="utf-8")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give another name to write to; bring it to the disk and rename it at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    yield unfinished
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file.

    Raises:
        RecipeError: it is not there, or no JSON.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {error}; is {path.parent} the --out of a training that has ended?"
        raise RecipeError(message) from error
    return content


def write_rows(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write a CSV file, a row a mapping; all have the keys of the first."""
    with whole(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_weights(path: Path, network: nn.Module) -> None:
    """Write a network's weights and batch norm figures as safetensors."""
    # A copy of each: a part that a network has under two names would share its memory, which is refused.
    tensors = {
        name: value.detach().cpu().clone().contiguous() for name, value in network.state_dict().items()
    }
    with whole(path) as unfinished:
        save_file(tensors, unfinished)


def read_weights(path: Path, network: nn.Module) -> None:
    """Load what `write_weights` wrote."""
    network.load_state_dict(load_file(path))


def write_mean_weights(path: Path, members: Sequence[Path]) -> None:
    """Write the mean of several networks' weights and batch norm figures; of what is counted, the first's."""
    states = [load_file(member) for member in members]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
    with whole(path) as unfinished:
        save_file(mean, unfinished)


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state of tensors and plain values."""
    with whole(path) as unfinished:
        torch.save(dict(state), unfinished)


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """Read a state; None where there is none."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state
