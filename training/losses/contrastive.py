"""CLIP's loss: which of the batch's texts belongs to an image, and which image to a text.

    contrast    (N, C) features of images and of texts -> a scalar, over the batches of all processes

Source: Radford 2021, arXiv 2103.00020, figure 3.
"""

import torch
from torch import Tensor
from torch.distributed._functional_collectives import all_gather_single_autograd  # the one with a gradient
from torch.nn.functional import cross_entropy


def contrast(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Return the mean of the cross entropies from images to texts and from texts to images.

    Processes that train together compare all their images with all their texts, so that the loss does not
    hang on how many of them a batch is spread over. Each has the same loss and, after DDP's mean, the same
    gradients as one process with the whole batch.

    Args:
        images: (N, C) of length 1; every process has as many.
        texts: (N, C) of length 1, in the images' order.
        scale: by which a cosine is multiplied.
    """
    images, texts = _of_all(images), _of_all(texts)
    likeness = scale * images @ texts.T
    pairs = torch.arange(len(images), device=likeness.device)
    return (cross_entropy(likeness, pairs) + cross_entropy(likeness.T, pairs)) / 2.0


def _of_all(features: Tensor) -> Tensor:
    """Return the (n, C) features of all processes one after the other: (N, C)."""
    together = torch.distributed
    if not (together.is_available() and together.is_initialized()) or together.get_world_size() == 1:
        return features
    everybody = together.group.WORLD
    assert everybody is not None  # it is initialised
    gathered: Tensor = all_gather_single_autograd(features.contiguous(), 0, everybody)
    return gathered
