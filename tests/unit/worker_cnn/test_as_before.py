"""What ships says of the samples what it said when the gate was inside the classifier's graph (1.1.0).

`before_the_split.json` was written with that graph (SHA-256 4fac9a43…): logits, the mean and the maximum of
each label's activation map, and what the gate said. A new training makes it worthless: delete both then.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.bundles import load_bundle
from shared.gates import load_gate
from worker_cnn.decoding import prepare
from worker_cnn.gate import VERDICT, load_models
from worker_cnn.runtime import label_weights

BEFORE = json.loads(Path(__file__).with_name("before_the_split.json").read_bytes())
BUNDLE, GATE = load_bundle("bundled"), load_gate("bundled")
WITHOUT_EMBEDDING = replace(BUNDLE, card=BUNDLE.card.model_copy(update={"embedding": None}))


@pytest.mark.parametrize("bundle", [BUNDLE, WITHOUT_EMBEDDING], ids=["one run", "the gate alone"])
def test_it_says_what_it_said_before(bundle, samples):
    models = load_models(bundle, GATE, device="cpu", threads=1)
    for name, said in BEFORE.items():
        prepared = prepare((samples / name).read_bytes(), name=name, size=GATE.card.input_size)
        (judged,) = models.judge(prepared.model_input[np.newaxis])
        output = judged.output or models.classify(prepared.model_input[np.newaxis])[0]
        assert output.feature_map is not None
        heat = np.einsum("chw,lc->lhw", output.feature_map, label_weights(bundle))
        np.testing.assert_allclose(output.logits, said["logits"], atol=1e-3)
        np.testing.assert_allclose(heat.mean((1, 2)), said["heat"], atol=1e-3)
        np.testing.assert_allclose(heat.max((1, 2)), said["peak"], atol=1e-2)
        for head in VERDICT:
            found = np.ravel(getattr(judged.verdict, head))
            np.testing.assert_allclose(found, said[head], atol=1e-3, err_msg=f"{name}, {head}")
