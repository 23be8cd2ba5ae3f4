"""BRAX, from "Data Description" on its pages (PhysioNet, 1.0.0 and 1.1.0) and RadHarmony's page on it.

Labels are 1, 0, -1 or blank; sex is M, F or O; ages are groups of five years. 1.0.0 has DICOM files without
an ending, and called its table master_spreadsheet.csv.
"""

from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

_HEADER = (
    "DicomPath,PngPath,PatientID,PatientSex,PatientAge,AccessionNumber,StudyDate,No Finding,"
    "Enlarged Cardiomediastinum,Cardiomegaly,Lung Lesion,Lung Opacity,Edema,Consolidation,Pneumonia,"
    "Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices,ViewPosition,Rows,"
    "Columns,Manufacturer"
)
_ROWS = [
    ("a1", "Study_1.1", "Series_1.1.1", "F,60-64,9001,20050101,1,,,,,,,,,,,,,,PA,2000,1800,1"),
    ("a1", "Study_1.1", "Series_1.1.2", "F,60-64,9001,20050101,1,,,,,,,,,,,,,,LL,2000,1800,1"),
    ("b2", "Study_2.1", "Series_2.1.1", "M,85 or more,9002,20060101,,,1,,,-1,,0,,,,,,1,AP,2000,1800,2"),
    ("c3", "Study_3.1", "Series_3.1.1", "O,20-24,9003,20070101,,,,,,,,,,,1.0,,,,RLD,2000,1800,2"),
]


def brax(root: Path, pictures: Pictures, *, images: str = "png", version: str = "1.1.0") -> Path:
    """Write the tree of a version with its "png" or "dicom" images; the table names both."""
    first = version == "1.0.0"
    lines = [_HEADER]
    for patient, study, series, rest in _ROWS:
        stem = f"id_{patient}/{study}/{series}/image-{series.removeprefix('Series_')}.9"
        png, dicom = f"images/{stem}.png", f"Anonymized_DICOMs/{stem}.dcm"
        lines.append(f"{dicom},{png},id_{patient},{rest}")
        on_disk = dicom.removesuffix(".dcm") if first else dicom
        pictures.write(root / (png if images == "png" else on_disk))
    table = "master_spreadsheet.csv" if first else "master_spreadsheet_update.csv"
    (root / table).write_text("\n".join(lines) + "\n")
    return root
