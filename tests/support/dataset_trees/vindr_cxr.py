"""VinDr-CXR, from "Data Description" on its page (PhysioNet, 1.0.0), and the table of Kaggle's competition.

Three readers an image in the training half, one row each; the test half is a consensus without readers. The
last finding is called differently in the two halves. "No finding" has a row without a box.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from tests.support.dataset_trees.candid_ptx import write_csv
from tests.support.dataset_trees.dicom_files import write_dicom
from tests.support.dataset_trees.pictures import Pictures

Table: TypeAlias = Iterable[Iterable[object]]
ROWS, COLUMNS = 200, 160
_FINDINGS = (
    "Aortic enlargement,Atelectasis,Calcification,Cardiomegaly,Clavicle fracture,Consolidation,"
    "Edema,Emphysema,Enlarged PA,ILD,Infiltration,Lung Opacity,Lung cavity,Lung cyst,"
    "Mediastinal shift,Nodule/Mass,Pleural effusion,Pleural thickening,Pneumothorax,"
    "Pulmonary fibrosis,Rib fracture,Other lesion,COPD,Lung tumor,Pneumonia,Tuberculosis,"
    "Other diseases,No finding"
)
NAMES = _FINDINGS.split(",")
_TRAIN = {
    "a" * 32: {
        "R8": {"Cardiomegaly", "Nodule/Mass"},
        "R9": {"Cardiomegaly", "Rib fracture"},
        "R10": {"Clavicle fracture", "Other diseases"},
    },
    "b" * 32: {"R8": {"No finding"}, "R9": {"No finding"}, "R10": {"No finding"}},
    "c" * 32: {"R1": {"Nodule/Mass"}, "R2": {"Nodule/Mass"}, "R3": {"No finding"}},
}
_TEST = {"d" * 32: {"Pleural effusion", "Other diseases"}, "e" * 32: {"No finding"}}
_TRAIN_BOXES = [
    ("a" * 32, "R8", "Cardiomegaly", 40, 100, 120, 150),
    ("a" * 32, "R9", "Cardiomegaly", 36, 100, 124, 152),
    ("a" * 32, "R8", "Nodule/Mass", 10, 10, 20, 20),
    *(("b" * 32, reader, "No finding", "", "", "", "") for reader in ("R8", "R9", "R10")),
    ("c" * 32, "R1", "Nodule/Mass", 80.0, 50.0, 96.0, 70.0),
    ("c" * 32, "R2", "Nodule/Mass", 80.0, 50.0, 168.5, 70.0),
    ("c" * 32, "R3", "No finding", "", "", "", ""),
]
_TEST_BOXES = [("d" * 32, "Pleural effusion", 16, 120, 64, 190), ("e" * 32, "No finding", "", "", "", "")]


def vindr_cxr(root: Path, pictures: Pictures, *, tables: str = "annotations") -> Path:
    """Write the tree of PhysioNet, its tables in a folder of their own, or in "train/" and "test/"."""
    _images(root / "train", pictures, _TRAIN)
    _images(root / "test", pictures, _TEST)
    edges = ("x_min", "y_min", "x_max", "y_max")
    train = [
        [image, reader, *(int(name in said) for name in NAMES)]
        for image, readers in _TRAIN.items()
        for reader, said in readers.items()
    ]
    test = [[image, *(int(name in said) for name in NAMES)] for image, said in _TEST.items()]
    test_names = [name.replace("Other diseases", "Other disease") for name in NAMES]
    labels: dict[str, Table] = {
        "train": [["image_id", "rad_id", *NAMES], *train],
        "test": [["image_id", *test_names], *test],
    }
    boxes: dict[str, Table] = {
        "train": [("image_id", "rad_id", "class_name", *edges), *_TRAIN_BOXES],
        "test": [("image_id", "class_name", *edges), *_TEST_BOXES],
    }
    for half in ("train", "test"):
        folder = root / (half if tables == "beside" else tables)
        folder.mkdir(exist_ok=True)
        write_csv(folder / f"image_labels_{half}.csv", labels[half])
        write_csv(folder / f"annotations_{half}.csv", boxes[half])
    return root


def kaggle(root: Path, pictures: Pictures) -> Path:
    """Write the tree of the competition "VinBigData Chest X-ray Abnormalities Detection"."""
    _images(root / "train", pictures, _TRAIN)
    numbers = {"Cardiomegaly": 3, "Nodule/Mass": 8, "No finding": 14}
    header = ("image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max")
    rows = [(image, name, numbers[name], reader, *box) for image, reader, name, *box in _TRAIN_BOXES]
    write_csv(root / "train.csv", [header, *rows, ("a" * 32, "No finding", 14, "R10", "", "", "", "")])
    return root


def _images(folder: Path, pictures: Pictures, names: Iterable[str]) -> None:
    for name in names:
        write_dicom(
            folder / f"{name}.dicom",
            pictures,
            rows=ROWS,
            columns=COLUMNS,
            PatientSex="M",
            PatientAge="054Y",
            ViewPosition=None,
            PhotometricInterpretation="MONOCHROME1" if name[0] == "b" else "MONOCHROME2",
        )
