"""One question about one picture, by what every package of the LLaVA family has.

Map: `Package` -> `Llava`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from docker.side_cars.adapter import LONGEST, sampling


@dataclass(frozen=True)
class Package:
    """What a package of the family gives beside its model.

    Attributes:
        conversation: the template of a chat, which is copied for each.
        tokenize: its `tokenizer_image_token`.
        image_token: its `IMAGE_TOKEN_INDEX`.
        stopping: its `KeywordsStoppingCriteria`.
    """

    conversation: Any
    tokenize: Callable[..., Any]
    image_token: int
    stopping: Callable[..., Any]


class Llava:
    """Asks a model of the family."""

    def __init__(self, model: Any, tokenizer: Any, package: Package) -> None:  # noqa: ANN401 - their own classes
        self.model, self._tokenizer, self._package = model, tokenizer, package

    def answer(self, question: str, picture: Any, attempt: int) -> str:  # noqa: ANN401 - a tensor
        """Return what the model says of a picture, a batch of one as it wants it."""
        chat = self._package.conversation.copy()
        chat.append_message(chat.roles[0], question)
        chat.append_message(chat.roles[1], None)
        ids = self._package.tokenize(
            chat.get_prompt(), self._tokenizer, self._package.image_token, return_tensors="pt"
        )
        ids = ids.unsqueeze(0).to(self.model.device)
        stop = self._package.stopping(["</s>"], self._tokenizer, ids)
        output = self.model.generate(
            ids,
            images=picture,
            use_cache=True,
            max_new_tokens=LONGEST,
            stopping_criteria=[stop],
            **sampling(attempt),
        )
        text = self._tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
        return str(text).strip().removesuffix("</s>").strip()
