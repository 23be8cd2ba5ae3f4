"""Lays out what an image would hold, without a container engine: `python -m docker.layout api FOLDER`.

Reads the Dockerfile: the files of its last stage's COPY lines go to FOLDER as they would into the image, and
the packages of the extra that it installs to FOLDER/packages, from the same constraints. uv links them from
its cache, so this takes seconds. What RUN lines do besides is not done, and what the system underneath gives
(libraries, users) is not checked: only a build does that.

Map: `read_image` (a Dockerfile as a value), `copy_files`, `install_packages`.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = ("api", "worker-cnn", "worker-llm", "training")
PACKAGES: Final = "packages"
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(slots=True)
class Image:
    """What a Dockerfile says of the image.

    Attributes:
        extra: of pyproject.toml, whose packages are installed.
        copies: from the repository -> to which path in the image.
        environment: variables of the last stage.
        command: what runs, without a shell.
        user: as USER says.
    """

    name: str
    extra: str = ""
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
    """Read the last stage of a Dockerfile, and the extra that an earlier one installs."""
    image = Image(name)
    for word, rest in _instructions(dockerfile(name).read_text(encoding="utf-8")):
        words = shlex.split(rest)
        if word == "FROM":
            image = Image(name, extra=image.extra)
        elif word == "RUN" and "--extra" in words:
            image.extra = words[words.index("--extra") + 1]
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


def copy_files(image: Image, folder: Path) -> None:
    """Copy the repository's files to where the image would have them, `folder` being its root."""
    for source, target in image.copies.items():
        place = folder / target.lstrip("/")
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, place)


def install_packages(image: Image, folder: Path) -> Path:
    """Install the packages of the image's extra, and return their folder.

    Raises:
        subprocess.CalledProcessError: uv could not; its output says why.
    """
    target = folder / PACKAGES
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv") or "uv"
    subprocess.run(  # noqa: S603 - our own command
        [
            *(uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(target)),
            *(["--system-certs"] if _CERTIFICATES.exists() else []),
            *("--constraint", "constraints.txt", "--requirement", "pyproject.toml", "--extra", image.extra),
        ],
        cwd=ROOT,
        check=True,
    )
    return target


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def main() -> int:
    """Lay out one image, and print its sizes."""
    parser = argparse.ArgumentParser(prog="python -m docker.layout", description=__doc__)
    parser.add_argument("image", choices=IMAGES)
    parser.add_argument("folder", type=Path, help="is made, and must not be there yet")
    arguments = parser.parse_args()
    image = read_image(arguments.image)
    arguments.folder.mkdir(parents=True)
    copy_files(image, arguments.folder)
    print(f"{size_of(arguments.folder) / 1e6:8.1f} MB  files of the repository")
    packages = size_of(install_packages(image, arguments.folder))
    print(f"{packages / 1e6:8.1f} MB  packages of the extra {image.extra}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
