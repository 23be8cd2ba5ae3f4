"""A process's control groups, as the kernel shows them, in a folder of a test's own."""

from pathlib import Path


def groups(folder: Path, own: str, limits: dict[str, str]) -> dict[str, Path]:
    """Lay out /proc/self/cgroup and the mounted limits; return the arguments of what reads them."""
    (folder / "own").write_text(own)
    for name, content in limits.items():
        (folder / "mounted" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "mounted" / name).write_text(content)
    return {"groups": folder / "own", "mounted": folder / "mounted"}
