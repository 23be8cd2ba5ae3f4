"""CheXpert Plus, from its page (Stanford AIMI), the README of Stanford-AIMI/chexpert-plus, and RadHarmony's
page on it (docs/wiki/datasets/chexpert_plus.md); the table's columns in the order in which a user's script
lists them.

path_to_image ends in .jpg, the files in .png. A label is 1.0, 0.0, -1.0 or null. The texts are made up.
"""

import csv
import json
from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

_COLUMNS = [
    "path_to_image",
    "path_to_dcm",
    "frontal_lateral",
    "ap_pa",
    "deid_patient_id",
    "patient_report_date_order",
    "report",
    "section_narrative",
    "section_clinical_history",
    "section_history",
    "section_comparison",
    "section_technique",
    "section_procedure_comments",
    "section_findings",
    "section_impression",
    "section_end_of_impression",
    "section_summary",
    "section_accession_number",
    "age",
    "sex",
    "race",
    "ethnicity",
    "interpreter_needed",
    "insurance_type",
    "recent_bmi",
    "deceased",
    "split",
]
_REPORT = 'RADIOGRAPHIC EXAMINATION OF THE CHEST.\n\nIMPRESSION:\n1. Small left pleural effusion, "new".'
_ROWS: list[dict[str, str]] = [
    {
        "path_to_image": "train/patient00001/study1/view1_frontal.jpg",
        "frontal_lateral": "Frontal",
        "ap_pa": "AP",
        "deid_patient_id": "patient00001",
        "report": _REPORT,
        "section_clinical_history": "Cough, question of pneumonia.",
        "section_impression": '1. Small left pleural effusion, "new".',
        "age": "68.0",
        "sex": "Female",
        "race": "Other",
        "split": "train",
    },
    {
        "path_to_image": "train/patient00001/study1/view2_lateral.jpg",
        "frontal_lateral": "Lateral",
        "deid_patient_id": "patient00001",
        "report": _REPORT,
        "age": "68.0",
        "sex": "Female",
        "split": "train",
    },
    {
        "path_to_image": "valid/patient64541/study1/view1_frontal.jpg",
        "frontal_lateral": "Frontal",
        "ap_pa": "PA",
        "deid_patient_id": "patient64541",
        "section_findings": "The lungs are clear.",
        "age": "73.0",
        "sex": "Male",
        "split": "valid",
    },
]
_NAMES = [
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
]


def chexpert_plus(root: Path, pictures: Pictures, *, images: str = "PNG", labels: str = "impression") -> Path:
    """Write the tree with the images in "PNG", or as DICOM files in "DICOM/Uncompressed"."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "df_chexpert_plus_240401.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS, restval="")
        writer.writeheader()
        for row in _ROWS:
            stem = row["path_to_image"].removesuffix(".jpg")
            writer.writerow(row | {"path_to_dcm": f"{stem}.dcm"})
            pictures.write(root / images / f"{stem}{'.png' if images == 'PNG' else '.dcm'}")
    said = [{"Pleural Effusion": 1.0, "Pneumonia": -1.0}, {"Pleural Effusion": 1.0}, {"No Finding": 1.0}]
    lines = [
        json.dumps({"path_to_image": row["path_to_image"]} | dict.fromkeys(_NAMES) | some)
        for row, some in zip(_ROWS, said, strict=True)
    ]
    (root / "chexbert_labels").mkdir()
    (root / "chexbert_labels" / f"{labels}_fixed.json").write_text("\n".join(lines) + "\n")
    return root
