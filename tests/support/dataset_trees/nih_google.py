"""Google's labels of NIH's images.

Four findings: columns and first lines of torchxrayvision's copy of the table, and the names of the two files
that Google Cloud's page gives, whose columns are said to be the same without Set Id. All findings: columns as
the README beside the table names them, in the order of a copy of the single readers' table.
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


def nih_google(root: Path, pictures: Pictures, *, table: str = "two", prefix: str = "") -> Path:
    """Write NIH's images and Google's "two" tables, or the "one" that torchxrayvision has.

    Args:
        prefix: stands before the names of the two.
    """
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
        (folder / f"{prefix}{name}_labels.csv").write_text("\n".join(lines) + "\n")
    return root


ALL_HEADER = (
    "Image ID,Patient ID,Abnormal,Atelectasis,Cardiomegaly,Effusion,Infiltration,Mass,Nodule,Pneumonia,"
    "Pneumothorax,Consolidation,Edema,Emphysema,Fibrosis,Pleural Thickening,Hernia,Other"
)
_ALL_ROWS = [
    "00000211_006.png,211,YES,YES,YES,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,YES,NO,NO",
    "00029560_000.png,29560,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO",
    "00013625_014.png,13625,1,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,NO,YES",
]


def nih_google_all(root: Path, pictures: Pictures, *, prefix: str = "") -> Path:
    """Write NIH's images and the table of all findings; `prefix` stands before its name."""
    for row in _ALL_ROWS:
        pictures.write(root / "images_001" / "images" / row.split(",", 1)[0])
    folder = root / "all_findings_expert_labels"
    folder.mkdir()
    (folder / f"{prefix}test_labels.csv").write_text("\n".join([ALL_HEADER, *_ALL_ROWS]) + "\n")
    return root
