"""CLIP's loss, and that it is the same however many processes share a batch."""

import socket

import pytest
import torch
from torch.multiprocessing.spawn import start_processes

from training.losses.contrastive import contrast

PAIRS = 6


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(PAIRS, 5, generator=generator), torch.randn(PAIRS, 5, generator=generator)


def loss_of(layer: torch.nn.Linear, scale: torch.Tensor, rows: slice) -> torch.Tensor:
    images, texts = (torch.nn.functional.normalize(layer(part[rows]), dim=1) for part in drawn())
    return contrast(images, texts, scale)


def made() -> tuple[torch.nn.Linear, torch.Tensor]:
    torch.manual_seed(0)
    return torch.nn.Linear(5, 4), torch.tensor(10.0, requires_grad=True)


def one_of_two(rank: int, port: int) -> None:
    """Do what a process of DDP does with its half, and compare with one process that has all."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    layer, scale = made()
    half = PAIRS // 2
    loss = loss_of(layer, scale, slice(rank * half, (rank + 1) * half))
    torch.autograd.backward(loss)
    found = []
    for parameter in (layer.weight, layer.bias, scale):
        assert parameter.grad is not None
        torch.distributed.all_reduce(parameter.grad)
        found.append(parameter.grad / 2)
    torch.distributed.destroy_process_group()
    whole, its_scale = made()
    expected = loss_of(whole, its_scale, slice(None))
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        found, list(torch.autograd.grad(expected, [whole.weight, whole.bias, its_scale]))
    )


def test_two_processes_have_the_gradients_of_one_with_the_whole_batch():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not by fork: a process in which torch has computed gradients before cannot be copied so.
    start_processes(one_of_two, (port,), nprocs=2, start_method="spawn")


def test_it_is_lowest_when_each_image_is_nearest_to_its_own_text():
    features = torch.eye(4)
    scale = torch.tensor(20.0)
    assert contrast(features, features, scale) == pytest.approx(0.0, abs=1e-6)
    assert contrast(features, features.roll(1, 0), scale) > 10.0
