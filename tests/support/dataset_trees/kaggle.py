"""The challenges of RSNA and SIIM-ACR on Kaggle: columns and first rows of torchxrayvision's copies of the
two tables of labels, the other files as Kaggle's data pages and loaders of others have them.
"""

import json
from pathlib import Path

from tests.support.dataset_trees.dicom_files import write_dicom
from tests.support.dataset_trees.pictures import Pictures

NAMES = [f"0000{k}cfab-14fd-4e49-80ba-63a80b6bddd6" for k in range(3)]
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
UIDS = [f"1.2.276.0.7230010.3.1.4.8323329.{k}.1517875201.850819" for k in range(3)]


def rsna_pneumonia(root: Path, pictures: Pictures) -> Path:
    """Write the tree of stage 2: a normal image, one with two boxes, one that is neither."""
    (root / "stage_2_train_images").mkdir(parents=True)
    for name, view in zip(NAMES, ("PA", "AP", "AP"), strict=True):
        path = root / "stage_2_train_images" / f"{name}.dcm"
        tags = {"PatientID": name, "ViewPosition": view, "PatientSex": "F", "PatientAge": "058Y"}
        write_dicom(path, pictures, rows=128, columns=128, **tags)
    (root / "stage_2_train_labels.csv").write_text(
        "patientId,x,y,width,height,Target\n"
        f"{NAMES[0]},,,,,0\n"
        f"{NAMES[1]},32.0,16.0,32.0,64.0,1\n"
        f"{NAMES[1]},80.0,16.0,32.0,64.0,1\n"
        f"{NAMES[2]},,,,,0\n"
    )
    classes = ("Normal", "Lung Opacity", "No Lung Opacity / Not Normal")
    rows = [f"{name},{kind}" for name, kind in zip(NAMES, classes, strict=True)]
    (root / "stage_2_detailed_class_info.csv").write_text("\n".join(["patientId,class", *rows]) + "\n")
    files = ("00000013_008.png", "00000013_026.png", "00030805_000.png")
    mapping = [
        {"subset_img_id": name, "img_id": file, "SOPInstanceUID": f"1.2.{k}", "orig_labels": ["Mass"]}
        for k, (name, file) in enumerate(zip(NAMES, files, strict=True))
    ]
    (root / MAPPING).write_text(json.dumps(mapping))
    return root


def siim_acr(root: Path, pictures: Pictures, *, table: str = "train-rle.csv") -> Path:
    """Write the tree: one image without a mask, one with two, one with one; the header has a space."""
    for k, uid in enumerate(UIDS):
        folder = root / "dicom-images-train" / f"1.2.{k}" / f"1.3.{k}"
        folder.mkdir(parents=True)
        write_dicom(
            folder / f"{uid}.dcm",
            pictures,
            rows=1024,
            columns=1024,
            PatientID=f"17d4{k}",
            ViewPosition="PA",
            StudyInstanceUID=f"1.2.{k}",
        )
    rows = [f"{UIDS[0]},-1", f"{UIDS[1]},0 1", f"{UIDS[1]},102600 100 924 100", f"{UIDS[2]},1048575 1"]
    (root / table).write_text("\n".join(["ImageId, EncodedPixels", *rows]) + "\n")
    return root
