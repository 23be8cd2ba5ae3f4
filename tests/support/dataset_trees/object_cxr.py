"""Object-CXR, from the README of the challenge, "Data" and "Annotation".

Rectangles (0), ellipses (1) and polygons (2) in one text, in pixels from the top left; blank without an
object. The column of images was called image_path at first. Images differ in size.
"""

from pathlib import Path

from PIL import Image

from tests.support.dataset_trees.candid_ptx import write_csv
from tests.support.dataset_trees.pictures import SIDE, Pictures

ROWS, COLUMNS = SIDE * 3 // 4, SIDE
"""72 and 96, so that neither is taken for the other."""
_TRAIN = [
    ("00001.jpg", f"0 24 12 48 36;1 0 0 {COLUMNS} 24"),
    ("00002.jpg", ""),
    ("00003.jpg", "2 10 20 30 20 30 60 10 60"),
]
_DEV = [("08001.jpg", "2 90 60 120 60 120 100;")]
_TEST = [("09001.jpg", "1 12 12 24 24"), ("09002.jpg", "")]


def object_cxr(root: Path, pictures: Pictures, *, column: str = "image_name", tested: bool = False) -> Path:
    """Write the tree; `tested` is whether the annotations of the test images are there."""
    for part, rows in (("train", _TRAIN), ("dev", _DEV), ("test", _TEST)):
        for name, _ in rows:
            pictures.write(root / part / name)
            with Image.open(root / part / name) as image:
                lower = image.crop((0, 0, COLUMNS, ROWS))
            lower.save(root / part / name)
        if part != "test" or tested:
            prefix = f"/data/{part}/" if column == "image_path" else ""
            write_csv(
                root / f"{part}.csv",
                [(column, "annotation"), *((prefix + name, text) for name, text in rows)],
            )
    return root
