"""Labels one after the other: an LSTM reads the image, then each label before the next (arXiv 1710.10501)."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from training.architectures.base import Batch, Classifier, Criterion, Output
from training.architectures.encoder import Encoder


class Sequence(Classifier):
    """An encoder and an LSTM over the labels in their order; it has no maps."""

    def __init__(self, encoder: Encoder, labels: int, *, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.labels = labels
        self.begin = nn.Linear(encoder.features, 2 * width)
        self.cell = nn.LSTMCell(labels, width)
        self.out = nn.Linear(width, labels)

    def _decode(self, features: Tensor, truth: Tensor | None) -> Tensor:
        """Return (N, L) logits; each step is told `truth` of the labels before, or else its own answers."""
        hidden, memory = torch.tanh(self.begin(features.mean((2, 3)))).chunk(2, 1)
        logits: list[Tensor] = []
        told = torch.zeros_like(features[:, :1, 0, 0]).expand(-1, self.labels)
        for index in range(self.labels):
            hidden, memory = self.cell(told, (hidden, memory))
            logits.append(self.out(hidden)[:, index])
            answer = torch.sigmoid(logits[-1]) if truth is None else truth[:, index]
            place = torch.nn.functional.one_hot(torch.tensor(index), self.labels).to(answer)
            told = told + (2.0 * answer - 1.0)[:, None] * place.to(answer.device)
        return torch.stack(logits, 1)

    @override
    def heads(self) -> list[nn.Module]:
        return [self.begin, self.cell, self.out]

    @override
    def see(self, images: Tensor) -> Output:
        features = self.encoder(images)
        maps = torch.zeros_like(features[:, :1]).expand(-1, self.labels, -1, -1)
        return Output(self._decode(features, None), maps)

    @override
    def loss(self, batch: Batch, criterion: Criterion) -> Tensor:
        """Return the criterion's loss under teacher forcing; an unknown label is told as neither."""
        truth = torch.where(batch.known > 0, batch.targets, 0.5)
        return criterion(self._decode(self.encoder(batch.images), truth), batch.targets, batch.known)
