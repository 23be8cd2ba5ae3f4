"""CXRMate-2: its processor takes every section that is known, and several pictures with their views.

No date crosses the wire, so the study before is of an unknown time: the model was trained on such ones too.

Map: `load` -> `CxrMate2`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from docker.side_cars.adapter import as_said, given, sampling
from worker_llm.vision.protocol import Asked, Said
from worker_llm.vision.slots import LONGEST_REPORT

_NOW: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Of the study and its pictures: any time will do, since only differences are looked at."""


class CxrMate2:
    """Writes both sections with CXRMate-2, by its own processor."""

    def __init__(self, model: Any, processor: Any, generation: Any) -> None:  # noqa: ANN401 - their own classes
        self._model, self._processor, self._generation = model, processor, generation

    def report(self, asked: Asked, pictures: Sequence[Path]) -> Said:
        """Write findings and impression; see `Adapter.report`."""
        pairs = sorted(zip(asked.images, pictures, strict=True), key=lambda pair: pair[0].earlier)
        # Of more than it takes its processor would choose by lot.
        pairs = pairs[: self._processor.max_train_images_per_study]
        before = given(asked.prior_report, LONGEST_REPORT)
        inputs = self._processor(
            images=[[str(path) for _, path in pairs]],
            views=[[None if image.view == "UNKNOWN" else image.view for image, _ in pairs]],
            image_datetime=[[None if image.earlier else _NOW for image, _ in pairs]],
            study_datetime=[_NOW],
            indication=given(asked.indication),
            technique=given(asked.technique),
            comparison=given(asked.comparison),
            prior_findings=before,
            prior_study_datetime=[[None]] if before else None,
        ).to(self._model.device)
        ids = self._model.generate(**inputs, generation_config=self._generation, **sampling(asked.attempt))
        (findings,), (impression,) = self._processor.split_and_decode_sections(ids)
        return as_said(findings, impression)


def load(weights: Path, base: Path | None) -> CxrMate2:  # noqa: ARG001 - the others have one
    """Load the model of a folder, with the code that lies in it."""
    import torch  # noqa: PLC0415 - the server answers before this has been read
    from transformers import AutoModelForCausalLM, AutoProcessor, GenerationConfig  # noqa: PLC0415

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(weights, trust_remote_code=True).to(device)
    processor = AutoProcessor.from_pretrained(weights, trust_remote_code=True)
    return CxrMate2(model.eval(), processor, GenerationConfig.from_pretrained(weights))
