"""PadChest-GR, from its page (BIMCV), arXiv 2411.05085, and inventories of whole downloads by others.

The table has a row a study and label. A sentence that is not abnormal lacks the keys of boxes, labels and
places. Images are unpacked into Padchest_GR_files/; earlier ones lie in a folder of their own.
"""

import json
from pathlib import Path
from typing import Any

from tests.support.dataset_trees.candid_ptx import write_csv
from tests.support.dataset_trees.pictures import Pictures

REPORTS = "grounded_reports_20240819.json"
_COLUMNS = (
    "StudyID,ImageID,label,boxes_count,extra_boxes_count,locations,prior_study,"
    "progression_status,prior_imageID,sentence_en,sentence_es,study_is_benchmark,"
    "study_is_validation,split,PatientID,patient_is_benchmark,PatientBirth,PatientSex_DICOM,"
    "StudyDate_DICOM,StudyDate,PatientAge,label_group,Year"
)
_HEADER = _COLUMNS.split(",")
_STUDIES: list[dict[str, Any]] = [
    {
        "StudyID": "s1",
        "ImageID": "s1_a.png",
        "PreviousStudyID": "s0",
        "PreviousImageID": "s0_a.png",
        "findings": [
            {
                "sentence_en": "Right pleural effusion, improved.",
                "sentence_es": "Derrame pleural derecho, mejorado.",
                "abnormal": True,
                "boxes": [[0.125, 0.5, 0.375, 0.875], [0.5, 0.5, 0.625, 0.75]],
                "extra_boxes": [[0.1, 0.5, 0.4, 0.9]],
                "labels": ["pleural effusion"],
                "locations": ["right"],
                "progression": "improved",
            },
            {
                "sentence_en": "Scoliosis.",
                "sentence_es": "Escoliosis.",
                "abnormal": True,
                "boxes": [[0.25, 0.0, 0.5, 1.0]],
                "extra_boxes": [],
                "labels": ["scoliosis"],
                "locations": [],
                "progression": None,
            },
            {"sentence_en": "No pneumothorax.", "sentence_es": "No hay neumotórax.", "abnormal": False},
        ],
    },
    {
        "StudyID": "s2",
        "ImageID": "s2_a.png",
        "PreviousStudyID": None,
        "PreviousImageID": None,
        "findings": [
            {"sentence_en": "No abnormality.", "sentence_es": "Sin alteraciones.", "abnormal": False},
        ],
    },
    {
        "StudyID": "s3",
        "ImageID": "s3_a.png",
        "PreviousStudyID": None,
        "PreviousImageID": None,
        "findings": [
            {
                "sentence_en": "Pacemaker.",
                "sentence_es": "Marcapasos.",
                "abnormal": True,
                "boxes": [],
                "labels": ["pacemaker"],
                "locations": [],
                "progression": None,
            },
        ],
    },
]
_ROWS = [
    ("s1", "s1_a.png", "pleural effusion", "train", "p1", "F", "61"),
    ("s1", "s1_a.png", "scoliosis", "train", "p1", "F", "61"),
    ("s2", "s2_a.png", "Normal", "validation", "p2", "M", "69"),
    ("s3", "s3_a.png", "pacemaker", "test", "p3", "F", "90"),
]


def padchest_gr(root: Path, pictures: Pictures, *, images: str = "Padchest_GR_files/PadChest_GR") -> Path:
    """Write the tree, its images in the folder that an unpacking made."""
    for study in _STUDIES:
        pictures.write(root / images / study["ImageID"], "I;16")
    pictures.write(root / "PadChest_GR_progression_prior_studies" / "s0_a.png", "I;16")
    (root / REPORTS).write_text(json.dumps(_STUDIES, ensure_ascii=False), encoding="utf-8")
    names = ("StudyID", "ImageID", "label", "split", "PatientID", "PatientSex_DICOM", "PatientAge")
    rows = [dict.fromkeys(_HEADER, "") | dict(zip(names, row, strict=True)) for row in _ROWS]
    write_csv(root / "master_table.csv", [_HEADER, *([row[name] for name in _HEADER] for row in rows)])
    return root
