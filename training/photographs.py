"""The random changes that networks for photographs are trained with: crops, RandAugment, erased rectangles.

timm's own, in the order of its `create_transform`; SwinCheX uses it (rohban-lab/SwinCheX, data/build.py).
They draw from Python's and NumPy's generators, which are seeded for one batch and put back afterwards.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import torch
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from timm.data.random_erasing import RandomErasing
from timm.data.transforms import RandomResizedCropAndInterpolation
from torch import Tensor

_MEAN, _DEVIATION = 0.449, 0.226
"""ImageNet's over its channels: RandAugment fills with the mean, an erased rectangle is noise of both."""
_TRANSLATION: Final = 0.45
"""Largest move of RandAugment, as a share of the side (timm's `create_transform`)."""


def change(images: Tensor, *, seed: int, crop: float, rand_augment: str, erase: float) -> Tensor:
    """Change a batch, each image by itself, on the CPU.

    Args:
        images: (N, 1, S, S) float32 in [0, 1].
        seed: all that is drawn hangs on it alone.
        crop: smallest share of the area that a crop keeps, which is resized to the whole; 0 crops nothing.
        rand_augment: timm's description ("rand-m9-mstd0.5-inc1"); "" for none.
        erase: share of images of which a rectangle becomes noise.

    Returns:
        (N, 1, S, S); noise may lie outside of [0, 1].
    """
    side = images.shape[-1]
    steps = []
    if crop:
        steps.append(RandomResizedCropAndInterpolation(side, scale=(crop, 1.0), interpolation="bicubic"))
    if rand_augment:
        hints = {"translate_const": int(_TRANSLATION * side), "img_mean": round(255 * _MEAN)}
        steps.append(
            rand_augment_transform(rand_augment, hints | {"interpolation": Image.Resampling.BICUBIC})
        )
    with _seeded(seed):
        changed = images.cpu()
        if steps:
            pictures = np.rint(changed[:, 0].numpy() * 255.0).clip(0, 255).astype(np.uint8)
            made = []
            for pixels in pictures:
                picture = Image.fromarray(pixels)
                for step in steps:
                    picture = step(picture)
                made.append(np.asarray(picture, np.float32) / 255.0)
            changed = torch.from_numpy(np.stack(made))[:, None]
        if erase:
            erasing = RandomErasing(erase, mode="pixel", max_count=1, device="cpu")
            changed = erasing((changed - _MEAN) / _DEVIATION) * _DEVIATION + _MEAN
    return changed.to(images.device)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generators that timm draws from, and put them back."""
    plain, tensors = random.getstate(), torch.get_rng_state()
    arrays = np.random.get_state()  # noqa: NPY002  # timm's choice
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)  # noqa: NPY002
        torch.set_rng_state(tensors)
