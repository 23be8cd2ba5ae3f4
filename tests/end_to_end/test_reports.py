"""The language model's own reports, over the whole line: how often they stand, and how they vary."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.stack import FullStack

STUDIES = 50


def varied_radiographs(samples: Path, test_data: Path | None, folder: Path) -> list[Path]:
    """Return fifty different chest radiographs: real ones where there are any, else variants of samples."""
    if test_data is not None:
        real = sorted((test_data / "images" / "nih").iterdir())
        return random.Random(50).sample(real, STUDIES)
    chance = np.random.default_rng(50)
    originals = [samples / name for name in ("chest-1.png", "chest-3.jpg")]
    paths = []
    for number in range(STUDIES):
        with Image.open(originals[number % len(originals)]) as image:
            picture = image.convert("L").rotate(chance.uniform(-6, 6), resample=Image.Resampling.BILINEAR)
        left, top = chance.integers(0, 60, 2)
        right, bottom = np.array(picture.size) - chance.integers(0, 60, 2)
        gamma = chance.uniform(0.6, 1.6)
        pixels = np.asarray(picture.crop((left, top, right, bottom)), np.float32) / 255
        path = folder / f"variant-{number}.png"
        Image.fromarray(np.uint8(255 * pixels**gamma)).save(path)
        paths.append(path)
    return paths


@pytest.mark.timeout(1200)
def test_nine_reports_of_ten_are_the_language_models_own_and_they_vary(
    stack: FullStack, samples: Path, test_data: Path | None, tmp_path: Path
):
    with stack.client() as client:
        ids = [client.submit([path]).id for path in varied_radiographs(samples, test_data, tmp_path)]
        studies = [client.wait(study_id, timeout=800) for study_id in ids]
        reports = [client.report(study.id) for study in studies if study.status == "completed"]
    assert len(reports) >= 0.95 * STUDIES
    # Where nothing was detected there is nothing to write: that has one wording, by rule, after any warning.
    asked = [report for report in reports if "None of the 14 findings" not in report.sections.impression]
    own = [report for report in asked if report.verification and not report.verification.fallback]
    assert len(own) >= 0.9 * len(asked)
    assert "template" not in {report.author.name for report in own}
    texts = {(report.sections.findings, report.sections.impression) for report in reports}
    print(f"{len(own)} of {len(asked)} by the model itself, {len(texts)} different texts")
    assert len(texts) >= 20
