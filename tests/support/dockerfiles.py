"""Reads a Dockerfile as a value: read_image("api").user."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.services import ROOT

IMAGES: Final = ("api", "worker-cnn", "worker-llm", "gateway", "training")


@dataclass(slots=True)
class Image:
    """What a Dockerfile says of the image.

    Attributes:
        copies: from the repository -> to which path in the image.
        environment: variables of the last stage.
        command: what runs, without a shell.
        user: as USER says.
    """

    name: str
    workdir: str = "/"
    user: str = ""
    copies: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    instructions: list[tuple[str, str]] = field(default_factory=list)


def dockerfile(name: str) -> Path:
    """Return the Dockerfile of an image."""
    return ROOT / "docker" / f"{name}.Dockerfile"


def read_image(name: str) -> Image:
    """Read the last stage of a Dockerfile."""
    image = Image(name)
    for word, rest in _instructions(dockerfile(name).read_text(encoding="utf-8")):
        words = shlex.split(rest)
        if word == "FROM":
            image = Image(name)
        elif word == "WORKDIR":
            image.workdir = rest
        elif word == "USER":
            image.user = rest
        elif word == "COPY" and not rest.startswith("--from="):
            *sources, target = words
            for source in sources:
                # COPY folder/ target/ copies what is in it; a file goes under its own name.
                end = "" if source.endswith("/") else Path(source).name
                image.copies[source] = str(Path(image.workdir, target, end))
        elif word == "ENV":
            image.environment |= dict(pair.split("=", 1) for pair in words)
        elif word == "CMD":
            image.command = json.loads(rest)
        image.instructions.append((word, rest))
    return image


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    split = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in split]
