"""Random changes to a batch of radiographs that leave its findings as they are.

Everything works on (N, 1, S, S) float32 in [0, 1] and draws from the generator that it is given.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

_CONTRAST = 0.25
_BRIGHTNESS = 0.08
_GAMMA = 1.4


def augment(
    images: Tensor,
    generator: Generator,
    *,
    flip: float,
    degrees: float = 10.0,
    zoom: float = 0.12,
    shift: float = 0.08,
    exposure: bool = True,
    blurred: float = 0.15,
) -> Tensor:
    """Move, flip, re-expose and now and then blur a batch; the defaults are those of the recipe `bundled`.

    Args:
        generator: of the CPU, wherever the images are, so that a seed means the same on every device.
        flip: share of images that are mirrored.
        degrees: largest rotation.
        zoom: largest logarithm of the scale.
        shift: largest move, as a share of the half side.
        exposure: whether contrast, brightness and gamma vary.
        blurred: share that loses resolution, so that sharpness does not tell the source.
    """
    if flip or degrees or zoom or shift:
        matrices = moves(len(images), generator, flip=flip, degrees=degrees, zoom=zoom, shift=shift)
        grid = functional.affine_grid(matrices.to(images.device), list(images.shape), align_corners=False)
        images = functional.grid_sample(images, grid, align_corners=False)
    if exposure:
        images = _expose(images, generator)
    return _blur(images, generator, share=blurred) if blurred else images


def moves(
    count: int, generator: Generator, *, flip: float, degrees: float, zoom: float, shift: float
) -> Tensor:
    """Return (count, 2, 3) matrices: from where in the old image each point of the new one comes.

    It is what `augment` draws first: a generator of the same seed draws the same.
    """
    angle = _uniform(count, -math.radians(degrees), math.radians(degrees), generator)
    scale = torch.exp(_uniform(count, -zoom, zoom, generator))
    mirror = torch.where(_uniform(count, 0.0, 1.0, generator) < flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift_x, shift_y = (_uniform(count, -shift, shift, generator) for _ in range(2))
    return torch.stack(
        [torch.stack([cosine * mirror, -sine, shift_x], 1), torch.stack([sine * mirror, cosine, shift_y], 1)],
        1,
    )


def mix(images: Tensor, targets: Tensor, generator: Generator, *, alpha: float) -> tuple[Tensor, Tensor]:
    """Blend each image and its targets with another's (mixup, Zhang 2017, arXiv 1710.09412)."""
    if alpha <= 0.0:
        return images, targets
    # A symmetric Beta from two Gammas: torch's Beta takes no generator.
    draws = torch._standard_gamma(torch.full((2, len(images)), alpha), generator=generator)  # noqa: SLF001 - see above
    share = (draws[0] / draws.sum(0).clamp_min(1e-6)).clamp(0.0, 1.0).to(images.device)
    order = torch.randperm(len(images), generator=generator).to(images.device)
    wide = share[:, None, None, None]
    return (
        images * wide + images[order] * (1 - wide),
        targets * share[:, None] + targets[order] * (1 - share[:, None]),
    )


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return torch.empty(count).uniform_(low, high, generator=generator)


def _expose(images: Tensor, generator: Generator) -> Tensor:
    def each(low: float, high: float) -> Tensor:
        return _uniform(len(images), low, high, generator)[:, None, None, None].to(images.device)

    gamma = torch.exp(each(-math.log(_GAMMA), math.log(_GAMMA)))
    changed = images.clamp_min(1e-4) ** gamma
    mean = changed.mean((1, 2, 3), keepdim=True)
    contrast, brightness = torch.exp(each(-_CONTRAST, _CONTRAST)), each(-_BRIGHTNESS, _BRIGHTNESS)
    return ((changed - mean) * contrast + mean + brightness).clamp(0.0, 1.0)


def _blur(images: Tensor, generator: Generator, *, share: float) -> Tensor:
    chosen = torch.nonzero(_uniform(len(images), 0.0, 1.0, generator) < share)[:, 0].to(images.device)
    if len(chosen) == 0:
        return images
    size = images.shape[-1]
    small = functional.interpolate(images[chosen], scale_factor=0.4, mode="area")
    blurred = images.clone()
    blurred[chosen] = functional.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)
    return blurred
