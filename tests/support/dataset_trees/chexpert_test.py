"""CheXpert's test set and CheXlocalize, from the first lines of the published groundtruth.csv (all of whose
labels are 1 or 0), from the README of rajpurkarlab/cheXlocalize, and from paths of several users.

The texts of the masks were made by pycocotools from arrays of 96 x 96.
"""

import json
from pathlib import Path

from tests.support.dataset_trees.pictures import SIDE, Pictures

_HEADER = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,"
    "Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
_STUDIES = {
    "patient64741/study1": "0,1,1,1,0,0,0,0,0,0,0,0,0,1",
    "patient64742/study1": "0,1,0,1,0,0,0,0,1,0,0,0,0,0",
    "patient64750/study1": "1,0,0,0,0,0,0,0,0,0,0,0,0,0",
}
_TEST = [
    "patient64741/study1/view1_frontal.jpg",
    "patient64741/study1/view2_lateral.jpg",
    "patient64742/study1/view1_frontal.jpg",
    "patient64750/study1/view1_frontal.jpg",
]
_VAL = "val/patient64541/study1/view1_frontal.jpg,0,1,1,1,0,0,0,0,0,0,0,0,0,0"
TWO_BOXES = f"Zl1n0R2{77 * '0'}Xo0TOdQO0000000^m1"
"""Rows 10 to 39 of columns 20 to 59, and rows 50 and 51 of columns 70 to 74."""
NOTHING = "PP9"
_FINDINGS = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Airspace Opacity",
    "Edema",
    "Consolidation",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Support Devices",
)


def chexpert_test(root: Path, pictures: Pictures, *, table: str = "studies", home: str = ".") -> Path:
    """Write the tree.

    Args:
        table: of "studies" as in groundtruth.csv, or of "images" as CheXlocalize has it.
        home: folder that test/ lies in.
    """
    for image in _TEST:
        pictures.write(root / home / "test" / image)
    if table == "studies":
        rows = [f"CheXpert-v1.0/test/{study},{labels}" for study, labels in _STUDIES.items()]
        (root / "groundtruth.csv").write_text("\n".join([f"Study,{_HEADER}", *rows]) + "\n")
    else:
        rows = [f"test/{image},{_STUDIES[image.rpartition('/')[0]]}" for image in _TEST]
        (root / home / "test_labels.csv").write_text("\n".join([f"Path,{_HEADER}", *rows]) + "\n")
    return root


def chexlocalize(root: Path, pictures: Pictures) -> Path:
    """Write the tree of a download: CheXpert/ and CheXlocalize/."""
    chexpert_test(root, pictures, table="images", home="CheXpert")
    pictures.write(root / "CheXpert" / _VAL.split(",", 1)[0])
    (root / "CheXpert" / "val_labels.csv").write_text(f"Path,{_HEADER}\n{_VAL}\n")
    (root / "CheXlocalize").mkdir()
    for half, image, shown in (
        ("val", "patient64541_study1_view1_frontal", "Cardiomegaly"),
        ("test", "patient64741_study1_view1_frontal", "Airspace Opacity"),
    ):
        masks = {
            image: {
                finding: {"size": [SIDE, SIDE], "counts": TWO_BOXES if finding == shown else NOTHING}
                for finding in _FINDINGS
            }
        }
        (root / "CheXlocalize" / f"gt_segmentations_{half}.json").write_text(json.dumps(masks))
    return root
