"""Run a gate: is it a frontal chest radiograph, which way up, which view?

    squares (N, 1, S, S) in [0, 1] --network--> embedding (N, D) --heads--> one `Verdict` an image

    view      (N,)    logit of AP against PA
    turned    (N, 5)  logits: upright, 90, 180, 270 degrees clockwise, inverted
    chest     (N,)    logit of a chest radiograph against anything else
    distance  (N,)    how far the picture lies from real chests, about 1 for one

    squares --mirror--> mirrored (N,): logit of a picture whose left is on the right. It changes its sign with
                        the picture: by construction, a mirrored picture's is the negative of its own

An embedding is an average over the picture, of a trunk that learnt from mirrored pictures too: it hardly
holds which side is which. So the mirror is a small network of its own, which sees the picture itself.

A classifier that offers the embedding that the heads read has done the network's work; then the heads alone
are run, on what it gave. Any other classifier has the whole gate before it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from shared.bundles import GRAPH, Bundle, BundleError
from shared.gates import HEADS, MIRROR, GateBundle
from shared.zero_shot import Runtime
from worker_cnn.runtime import EMBEDDING, Array, Graph, ImageOutput, Model, load_model, open_graph

VERDICT: Final = ("view", "turned", "chest", "distance")
MIRRORED: Final = "mirrored"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says about one image; the shapes are the module's, without the N.

    Attributes:
        mirrored: 0 of a gate without a mirror.
    """

    view: float
    turned: Array
    chest: float
    distance: float
    mirrored: float = 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of an image once the gate has seen it.

    Attributes:
        output: the classifier's, where that was run for its embedding; None where it has not run yet.
    """

    verdict: Verdict
    output: ImageOutput | None


class GateHeads:
    """The loaded heads of a gate. `run` may be called from many threads."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def run(self, embeddings: Array) -> list[Verdict]:
        """Judge (N, D) embeddings."""
        view, turned, chest, distance = self._graph.run(embeddings, VERDICT)
        return [
            Verdict(float(view[i]), turned[i], float(chest[i]), float(distance[i]))
            for i in range(len(embeddings))
        ]


class Models:
    """A classifier with the gate before it, loaded. May be used from many threads.

    Attributes:
        shares: whether the gate reads the classifier's embedding, so that one run serves both.
    """

    def __init__(
        self, classifier: Model | None, network: Graph | None, heads: GateHeads, mirror: Graph | None = None
    ) -> None:
        """Take what was loaded.

        Args:
            classifier: None where it runs elsewhere.
            network: the gate's own; None where it reads the classifier's embedding.
        """
        self._classifier, self._network, self._heads, self._mirror = classifier, network, heads, mirror
        self.shares = network is None

    def judge(self, squares: Array) -> list[Judged]:
        """Run the gate over (N, S, S) squares of its input's size; the classifier too, where both share."""
        if self._network is not None:
            (embeddings,) = self._network.run(squares[:, np.newaxis], [EMBEDDING])
            return [Judged(verdict, None) for verdict in self._verdicts(squares, embeddings)]
        outputs = self.classify(squares)
        verdicts = self._verdicts(squares, np.stack([_embedding(output) for output in outputs]))
        return [Judged(verdict, output) for verdict, output in zip(verdicts, outputs, strict=True)]

    def _verdicts(self, squares: Array, embeddings: Array) -> list[Verdict]:
        verdicts = self._heads.run(embeddings)
        if self._mirror is None:
            return verdicts
        (mirrored,) = self._mirror.run(squares[:, np.newaxis], [MIRRORED])
        return [replace(one, mirrored=float(logit)) for one, logit in zip(verdicts, mirrored, strict=True)]

    def classify(self, squares: Array) -> list[ImageOutput]:
        """Run the classifier over (N, S, S) squares of its input's size."""
        if self._classifier is None:
            message = "the classifier runs elsewhere: it has no graph to run here"
            raise BundleError(message)
        return self._classifier.run(squares)


def load_models(bundle: Bundle, gate: GateBundle, *, device: str, threads: int, batch: int = 1) -> Models:
    """Load a classifier's graph, if it has one, and its gate.

    The gate's own network is loaded only where the classifier has not done its work.

    Raises:
        DeviceError: the device cannot be used here.
        BundleError: a graph cannot be loaded, or is not what its card says.
    """
    is_here = bundle.card.runtime is Runtime.ONNX
    classifier = load_model(bundle, device=device, threads=threads, batch=batch) if is_here else None
    opened = partial(_gate_graph, gate, device=device, threads=threads, batch=batch)
    heads = GateHeads(opened(HEADS, VERDICT))
    # The same numbers come of the same square alone.
    shares = is_here and (bundle.card.embedding, bundle.card.input_size) == (
        gate.card.embedding,
        gate.card.input_size,
    )
    network = None if shares else opened(GRAPH, (EMBEDDING,))
    mirror = opened(MIRROR, (MIRRORED,)) if gate.card.gate.mirrored_from is not None else None
    return Models(classifier, network, heads, mirror)


def _gate_graph(
    gate: GateBundle, name: str, outputs: Collection[str], *, device: str, threads: int, batch: int
) -> Graph:
    graph = open_graph(gate.folder / name, device=device, threads=threads, batch=batch)
    missing = set(outputs) - graph.outputs.keys()
    if missing:
        message = f"{name} of the gate {gate.folder.name!r} lacks the outputs {sorted(missing)}"
        raise BundleError(message)
    return graph


def _embedding(output: ImageOutput) -> Array:
    if output.embedding is None:
        message = "the classifier gave no embedding, although its card names one"
        raise BundleError(message)
    return output.embedding
