"""Starts a model's side-car: `python -m docker.side_cars chexagent --weights FOLDER`."""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from docker.side_cars.server import Server
from worker_llm.vision.protocol import ModelVersion

MODELS: Final = {
    "chexagent": "chexagent",
    "cxrmate-2": "cxrmate2",
    "libra": "libra",
    "llava-rad": "llava_rad",
    "radialog": "radialog",
}
"""Name in the catalogue -> the module of its adapter."""
BASES: Final = {"llava-rad": "vicuna-7b-v1.5", "radialog": "llava-v1.5-7b"}
"""Theirs is a LoRA, and this the folder beside it with the weights that it is laid onto."""
_FETCHED: Final = Path(".cache/huggingface/download/config.json.metadata")
"""Where `hf download --local-dir` notes the revision, in the first line."""
_PORT: Final = 8100


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docker.side_cars", description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--weights", type=Path, required=True, help="folder of the model's weights")
    parser.add_argument(
        "--base", type=Path, help="of a LoRA: folder of the weights below it, if not beside it"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=_PORT, help="default: %(default)s")
    given = parser.parse_args(arguments)
    base = given.base or (given.weights.parent / BASES[given.model] if given.model in BASES else None)
    for folder in filter(None, (given.weights, base)):
        if not folder.is_dir():
            parser.error(
                f"{folder} is no folder; docs/how-to/run-a-vision-language-model.md says how to fetch it"
            )
    adapter = import_module(f"docker.side_cars.{MODELS[given.model]}")
    version = ModelVersion(given.model, version_of(given.weights))
    server = Server(version, lambda: adapter.load(given.weights, base), host=given.host, port=given.port)
    print(f"{given.model} {version.version} on {given.host}:{server.port}", file=sys.stderr, flush=True)
    return server.run()


def version_of(weights: Path) -> str:
    """Return the revision of weights: in Hugging Face's cache their folder's name, elsewhere as was noted."""
    names = [weights.resolve().name]
    if (weights / _FETCHED).is_file():
        names += (weights / _FETCHED).read_text(encoding="utf-8").split()[:1]
    return next((name[:12] for name in names if re.fullmatch("[0-9a-f]{40}", name)), "unknown")


if __name__ == "__main__":
    sys.exit(main())
