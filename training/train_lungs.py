r"""Train the U-Net of the lungs: `python -m training.train_lungs --images DIR --csv FILE.csv --out FILE.pt`.

    python -m training.train_lungs --images covid-chestxray-dataset/images \
        --csv covid-chestxray-dataset/metadata.csv --out runs/lungs/unet.pt

Masks are files named like their images, in a folder or a zip, white where there is lung; without --masks
those that torchxrayvision ships, of Cohen's COVID-19 images (arXiv 2003.11597). The CSV says whose each image
is, so that no patient is both learnt from and measured: its columns are `filename` or `file`, and `patientid`
or `patient_id`.

V7 Labs drew those masks (CC BY 4.0), often with the lung behind the heart as lung. The images have licences
of their own, many of them non-commercial: this project ships no weights that learnt from them.
"""

import argparse
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final

import torch
from rich.console import Console
from rich.progress import track
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, grid_sample

from training.architectures.unet import UNet, save
from training.command import above_zero, stop
from training.lung_masks import Pair, dice, read_pairs, shipped_masks, squares_of
from training.table import Split

_BATCH: Final = 16
_RATE: Final = 2e-3
_ERRORS: Final = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train, print the Dice of patients kept apart."""
    options = _parser().parse_args(arguments)
    masks = options.masks or shipped_masks()
    try:
        pairs = read_pairs(options.images, masks, options.csv)
        parts = {split: _squares(pairs, split, options.csv) for split in Split}
    except (OSError, ValueError) as error:
        stop(str(error))
    network = fit(parts[Split.TRAIN], parts[Split.VALIDATION], epochs=options.epochs, seed=options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save(options.out, network)
    patients = {split: len({pair.patient for pair in pairs if pair.split is split}) for split in Split}
    for split, (images, wanted) in parts.items():
        overlaps = dice(outline(network, images), wanted)
        print(
            f"{split.value}: Dice {float(overlaps.mean()):.3f}, worst {float(overlaps.min()):.3f} "
            f"({len(images)} images of {patients[split]} patients)"
        )


def fit(
    training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], *, epochs: int, seed: int
) -> UNet:
    """Train a U-Net on the sum of cross entropy and Dice; returns it as it was after its best epoch.

    Args:
        training: images and masks, each (N, 1, S, S) in [0, 1].
        validation: likewise; their Dice chooses the epoch.
    """
    torch.manual_seed(seed)
    generator = Generator().manual_seed(seed)
    images, masks = training
    network, best, reached = UNet(), UNet(), -1.0
    steps = -(-len(images) // _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    for _ in track(range(epochs), "Training", console=_ERRORS, transient=True):
        network.train()
        for chosen in torch.split(torch.randperm(len(images), generator=generator), _BATCH):
            seen, wanted = changed(images[chosen], masks[chosen], generator)
            logits = network(seen)
            entropy = binary_cross_entropy_with_logits(logits, wanted)
            loss = entropy + 1.0 - dice(torch.sigmoid(logits), wanted).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            schedule.step()
        overlap = float(dice(outline(network, validation[0]), validation[1]).mean())
        if overlap > reached:
            best, reached = deepcopy(network), overlap
    return best.eval()


@torch.no_grad()
def outline(network: UNet, images: Tensor) -> Tensor:
    """Return (N, 1, S, S) masks of 0 and 1; afterwards the network is in evaluation mode."""
    network.eval()
    return torch.cat([(network(part) > 0.0).float() for part in torch.split(images, 64)])


def changed(images: Tensor, masks: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Turn, scale, move and mirror images and their masks alike, and re-expose the images."""
    count = len(images)

    def each(low: float, high: float) -> Tensor:
        return torch.empty(count).uniform_(low, high, generator=generator)

    angle, zoom = each(-0.25, 0.25), torch.exp(each(-0.2, 0.2))
    mirror = torch.where(each(0.0, 1.0) < 0.5, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = (
        torch.stack([cosine * mirror, -sine, each(-0.15, 0.15)], 1),
        torch.stack([sine * mirror, cosine, each(-0.15, 0.15)], 1),
    )
    grid = affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved, wanted = (grid_sample(part, grid, align_corners=False) for part in (images, masks))
    gamma, contrast, light = (
        part[:, None, None, None]
        for part in (torch.exp(each(-0.5, 0.5)), torch.exp(each(-0.3, 0.3)), each(-0.1, 0.1))
    )
    exposed = (moved.clamp_min(1e-4) ** gamma - 0.5) * contrast + 0.5 + light
    return exposed.clamp(0.0, 1.0), wanted.round()


def _squares(pairs: Sequence[Pair], split: Split, csv: Path) -> tuple[Tensor, Tensor]:
    chosen = [pair for pair in pairs if pair.split is split]
    if not chosen:
        message = f"{csv}: no image with a mask is left for {split.value}; there must be more patients"
        raise ValueError(message)
    shown = track(chosen, f"Reading for {split.value}", console=_ERRORS, transient=True)
    images, masks = zip(*(squares_of(pair) for pair in shown), strict=True)
    return torch.stack(images), torch.stack(masks)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.train_lungs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="radiographs, anywhere below it")
    add("--csv", type=Path, required=True, metavar="FILE.csv", help="whose each image is")
    add("--masks", type=Path, metavar="DIR_OR_ZIP", help="named like the images; torchxrayvision's")
    add("--out", type=Path, required=True, metavar="FILE.pt", help="the U-Net, for the recipe anatomy_xnet")
    add("--epochs", type=above_zero, default=60, help="%(default)s")
    add("--seed", type=int, default=0, help="%(default)s")
    return parser


if __name__ == "__main__":
    main()
