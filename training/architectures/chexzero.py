"""Image and text side by side: CLIP, trained on radiographs with their reports (CheXzero).

Tiu et al. 2022, doi 10.1038/s41551-022-00936-9; code: rajpurkarlab/CheXzero.

It learns from no labels. Whether an image shows "x" is asked afterwards: is it nearer to "x" or to "no x"?
The probability is the softmax over both cosines as they are (`run_softmax_eval` of their zero_shot.py):
CLIP's learnt scale, which makes the loss sharp, has no part in it, so the mean over networks is theirs too.
"""

from typing import Final, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import AutoTokenizer, CLIPModel
from typing_extensions import override

from shared.domain.reports import Language
from shared.labels import display_name
from training.architectures.base import Batch, Classifier, Criterion, Output
from training.architectures.encoder import Normalise
from training.architectures.hugging_face import fetch, unreadable
from training.datasets.label_names import NAMES
from training.losses.contrastive import contrast

_PROMPTS: Final = ("{}", "no {}")
"""The pair that the authors' `run_zero_shot` is given (rajpurkarlab/CheXzero, notebooks/zero_shot.ipynb)."""
_MEAN, _DEVIATION = 101.48761 / 255.0, 83.43944 / 255.0
"""Of the authors' radiographs (train.py, zero_shot.py), whatever CLIP itself was trained with."""
_WORDS: Final = {label: word for word, (label, *more) in NAMES["chexpert"].items() if not more}
"""Their notebook asks for CheXpert's labels by CheXpert's words."""


class ImageText(Classifier):
    """CLIP with one pair of prompts a label; what these look like is kept, so a graph needs no text encoder.

    Args:
        start: folder or id of a CLIP model with its tokenizer.
        labels: CheXpert's words for them make the prompts, or else their display names.
        size: side of the squares in pixels.
        weights: False where a checkpoint's follow, so that only configuration and tokenizer are read.

    Raises:
        ValueError: `start` cannot be read, or is no CLIP model.
    """

    prompts: Tensor

    def __init__(self, start: str, labels: tuple[str, ...], *, size: int, weights: bool) -> None:
        super().__init__()
        self.clip = fetch(start, weights=weights)
        if not isinstance(self.clip, CLIPModel):
            message = (
                f"{start} is a {type(self.clip).__name__}, no CLIP model: chexzero needs images and texts"
            )
            raise ValueError(message)  # noqa: TRY004  # as all that a recipe may have wrong
        self.normalise = Normalise([_MEAN] * 3, [_DEVIATION] * 3)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(start)
        except (OSError, ValueError) as error:
            raise unreadable(start, error) from error
        self.side = size // int(self.clip.config.vision_config.patch_size)
        names = [_WORDS.get(label) or display_name(label, Language.ENGLISH) for label in labels]
        self.questions = [prompt.format(name) for prompt in _PROMPTS for name in names]
        self.register_buffer("prompts", torch.empty(0), persistent=False)
        self.register_load_state_dict_post_hook(_keep_prompts)  # type: ignore[no-untyped-call]  # torch's
        self.keep_prompts()

    @override
    def heads(self) -> list[nn.Module]:
        return []

    def keep_prompts(self) -> None:
        """Encode the prompts with the weights as they are: (2, L, C), those of "x" before those of "no x"."""
        with torch.no_grad():
            self.prompts = torch.stack(self._say(self.questions).chunk(len(_PROMPTS)))

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if not mode:
            self.keep_prompts()
        return self

    def _say(self, texts: list[str]) -> Tensor:
        """Return (N, C) features of length 1; what a text has beyond the encoder's length is cut off."""
        length = int(self.clip.config.text_config.max_position_embeddings)
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=length, return_tensors="pt"
        ).to(self.clip.device)
        features: Tensor = self.clip.get_text_features(**tokens).pooler_output
        return normalize(features, dim=1)

    def _look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features of length 1: (N, C) of the images and (N, T, C) of their patches."""
        vision = self.clip.vision_model
        states = vision(pixel_values=self.normalise(images), interpolate_pos_encoding=True).last_hidden_state
        # CLIP compares the class token's features; the patches', put through the same layers, say where.
        features = self.clip.visual_projection(vision.post_layernorm(states))
        return normalize(features[:, 0], dim=1), normalize(features[:, 1:], dim=2)

    @override
    def see(self, images: Tensor) -> Output:
        image, patches = self._look(images)
        # The softmax over the pair is the logistic function of this difference.
        against = self.prompts[0] - self.prompts[1]
        maps = torch.einsum("ntc,lc->nlt", patches, against)
        return Output(image @ against.T, maps.reshape(*maps.shape[:2], self.side, self.side))

    @override
    def loss(self, batch: Batch, criterion: Criterion) -> Tensor:
        """Return CLIP's loss over the images and texts of all processes; labels have no say in it.

        Raises:
            ValueError: the batch has no texts.
        """
        if batch.texts is None:
            message = "chexzero learns from reports: set data.texts in the recipe"
            raise ValueError(message)
        image, _ = self._look(batch.images)
        return contrast(image, self._say(list(batch.texts)), self.clip.logit_scale.exp())


def _keep_prompts(network: ImageText, _: object) -> None:
    """Encode the prompts with weights that were just loaded; a function, since a lambda cannot be copied."""
    network.keep_prompts()
