"""Libra: one frontal picture and the one before it, by the package's own function.

Map: `load` -> `Libra` -> `query_of`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from docker.side_cars.adapter import LONGEST, as_said, frontal, given, sampling
from worker_llm.vision.protocol import Asked, Said
from worker_llm.vision.slots import objections_in_words

_QUERY: Final = "Provide a detailed description of the findings in the radiology image."
_NAMES: Final = ("libra-v1.0-7b", "libra-v1.0-3b")
"""The package learns from a model's name what it is, and our folder is named otherwise."""


class Libra:
    """Writes the findings with Libra."""

    def __init__(self, loaded: tuple[Any, ...], evaluate: Callable[..., str]) -> None:
        """Keep what the package needs.

        Args:
            loaded: tokenizer, model, image processor and context length, as it returns them.
            evaluate: its `libra_eval`.
        """
        self._loaded, self._evaluate = loaded, evaluate

    def report(self, asked: Asked, pictures: Sequence[Path]) -> Said:
        """Write the findings; see `Adapter.report`."""
        shown = filter(None, (frontal(asked, pictures), frontal(asked, pictures, earlier=True)))
        text = self._evaluate(
            libra_model=self._loaded,
            image_file=[str(path) for path in shown],
            query=query_of(asked),
            temperature=sampling(asked.attempt).get("temperature", 0),
            max_new_tokens=LONGEST,
        )
        return as_said(text)


def query_of(asked: Asked) -> str:
    """Return the question, with what is known of why the picture was taken."""
    known = {
        "Indication": given(asked.indication),
        "Comparison": given(asked.comparison),
        "Technique": given(asked.technique),
    }
    context = " ".join(f"{name}: {words.rstrip('.')}." for name, words in known.items() if words)
    parts = [_QUERY, f"Following clinical context: {context}" if context else "", objections_in_words(asked)]
    return " ".join(filter(None, parts))


def load(weights: Path, base: Path | None) -> Libra:
    """Load the model of a folder."""
    from libra.eval.run_libra import libra_eval  # noqa: PLC0415 - the server answers before this is read
    from libra.model.builder import load_pretrained_model  # noqa: PLC0415

    name = next((name for name in _NAMES if name in str(weights)), _NAMES[0])
    return Libra(load_pretrained_model(str(weights), base and str(base), name), libra_eval)
