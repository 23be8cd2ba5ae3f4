"""Google's labels of NIH's images: columns and first lines of torchxrayvision's copy of the table, and the
names of the two files that Google Cloud's page gives, whose columns are said to be the same without Set Id.
"""

from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],Fracture,Pneumothorax,Airspace opacity,"
    "Nodule or mass"
)
_ROWS = [
    ("00000013_008.png,No Finding,8,13,60,M,AP,3056,2544,0.139,0.139,NO,NO,YES,NO", "test"),
    ("00000013_026.png,Cardiomegaly|Emphysema,26,13,57,M,AP,2500,2048,0.168,0.168,NO,YES,NO,NO", "test"),
    ("00000211_010.png,Nodule,10,211,58,F,PA,2500,2048,0.168,0.168,YES,NO,NO,YES", "val"),
]


def nih_google(root: Path, pictures: Pictures, *, table: str = "two") -> Path:
    """Write NIH's images and Google's "two" tables, or the "one" that torchxrayvision has."""
    for row, _ in _ROWS:
        pictures.write(root / "images_001" / "images" / row.split(",", 1)[0])
    if table == "one":
        lines = [f"{HEADER},Set Id", *(f"{row},{part}" for row, part in _ROWS)]
        (root / "google2019_nih-chest-xray-labels.csv").write_text("\n".join(lines) + "\n")
        return root
    folder = root / "four_findings_expert_labels"
    folder.mkdir()
    for part, name in (("val", "validation"), ("test", "test")):
        lines = [HEADER, *(row for row, of in _ROWS if of == part)]
        (folder / f"{name}_labels.csv").write_text("\n".join(lines) + "\n")
    return root
