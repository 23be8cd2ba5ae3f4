"""An exported graph: what it says is what torch says, or it is refused."""

from itertools import count

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from shared.bundles import GRAPH
from tests.support.trained import LABELS as THREE
from tests.support.trained import write_recipe
from training.architectures.registry import create
from training.exporting.graph import PROGRAM, ExportError, write_graphs
from training.exporting.network import Members, network_of
from training.fitting.figures import mean_logits
from training.fitting.run_folder import write_weights
from training.recipe import Model, load_recipe
from worker_cnn.decoding import prepare
from worker_cnn.runtime import Model as Served
from worker_cnn.runtime import open_graph

LABELS = ("Effusion", "Mass")
SIZE = 96


@pytest.fixture(scope="module")
def members():
    torch.set_num_threads(1)
    model = Model(architecture="simple_cnn", start="scratch", options={"widths": [4, 8]})
    made = []
    for seed in range(2):
        torch.manual_seed(seed)
        made.append(create(model, LABELS, size=SIZE).eval().requires_grad_(requires_grad=False))
    return made


@pytest.fixture(scope="module")
def folder(members, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    write_graphs(Members(members).eval(), folder, size=SIZE)
    return folder


@pytest.fixture(scope="module")
def radiograph(samples):
    path = samples / "chest-1.png"
    return prepare(path.read_bytes(), name=path.name, size=SIZE).model_input


def test_an_ensemble_says_the_mean_probability(folder, members, radiograph):
    squares = torch.from_numpy(np.rint(radiograph * 255.0) / 255.0).float()[None, None]
    each = [member(squares).logits.numpy() for member in members]
    served = Served(open_graph(folder / GRAPH, device="cpu", threads=1)).run(radiograph[np.newaxis])[0]
    np.testing.assert_allclose(served.logits, mean_logits(each)[0], atol=1e-4)
    assert not np.allclose(each[0], each[1], atol=1e-3)
    program = torch.export.load(folder / PROGRAM).module()
    logits, maps = program(torch.from_numpy(radiograph)[None, None])
    np.testing.assert_allclose(served.logits, logits[0].numpy(), atol=1e-4)
    assert served.feature_map is not None
    np.testing.assert_allclose(served.feature_map, maps[0].numpy(), atol=1e-4)


_CALLS = count(1)


class _Drifting(nn.Module):
    """Says more at every call, which no graph does: in its logits, or in its maps."""

    def __init__(self, output: str) -> None:
        super().__init__()
        self.output = output

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = images.repeat(1, 2, 1, 1)
        logits, drift = maps.mean((2, 3)), 0.01 * next(_CALLS)
        return (logits + drift, maps) if self.output == "logits" else (logits, maps + drift)


@pytest.mark.parametrize("output", ["logits", "feature_map"])
def test_a_graph_that_says_something_else_is_refused(output, tmp_path):
    with pytest.raises(ExportError, match=f"differ by .* in the {output}"):
        write_graphs(_Drifting(output), tmp_path, size=32)


def test_an_embedding_is_of_the_run_that_answers_and_of_one_network(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path / "a.toml", "bundled"))
    network = create(recipe.model, THREE, size=64).eval()
    files = ["one.safetensors", "two.safetensors"]
    for file in files:
        write_weights(tmp_path / file, network)
    served = network_of(tmp_path, recipe, THREE, files[:1])
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        logits, _, embedding = served(images)
        rounded = torch.round(images * 255.0) / 255.0
        torch.testing.assert_close(logits, network(rounded).logits)
        torch.testing.assert_close(network.get_submodule("head")(embedding[:, -256:]), logits)
    with pytest.raises(ExportError, match="only one network"):
        network_of(tmp_path, recipe, THREE, files)
