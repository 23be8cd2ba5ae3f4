"""PadChest, from its page (BIMCV), the README of auriml/Rx-thorax-automatic-captioning, and its real table.

The header is the published one, its first column without a name. Labels are a Python list with spaces inside
the quotes; years of birth are floats; what is missing is "nan", as pandas wrote it. PNG of 16 bits lie in
folders that are numbered like the archives.
"""

import csv
import gzip
from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
_COLUMNS = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,"
    "ViewPosition_DICOM,Projection,MethodProjection,Pediatric,Modality_DICOM,Manufacturer_DICOM,"
    "PhotometricInterpretation_DICOM,PixelRepresentation_DICOM,PixelAspectRatio_DICOM,"
    "SpatialResolution_DICOM,BitsStored_DICOM,WindowCenter_DICOM,WindowWidth_DICOM,Rows_DICOM,"
    "Columns_DICOM,XRayTubeCurrent_DICOM,Exposure_DICOM,ExposureInuAs_DICOM,ExposureTime,"
    "RelativeXRayExposure_DICOM,ReportID,Report,MethodLabel,Labels,Localizations,"
    "LabelsLocalizationsBySentence,labelCUIS,LocalizationsCUIS"
)
_HEADER = _COLUMNS.split(",")
TRUNCATED = "216840111366964012373310883942009152114636712_00-102-045.png"
"""One of the files that are known to be cut off as published."""
_EFFUSION = "['cardiomegaly', ' pleural effusion', '']"
_ROWS = {
    # name: folder, study, patient, birth, sex, projection, method, labels
    "s1_a.png": ("0", "s1", "p1", "1930.0", "F", "PA", "Physician", "['normal']"),
    "s1_b.png": ("0", "s1", "p1", "1930.0", "F", "L", "Physician", "['normal']"),
    "s2_a.png": ("54", "s2", "p2", "1950.0", "M", "AP_horizontal", "RNN_model", _EFFUSION),
    "s3_a.png": ("7", "s3", "p3", "nan", "O", "AP", "RNN_model", "['pseudonodule', 'mass']"),
    "s4_a.png": ("7", "s4", "p4", "1960.0", "F", "PA", "Physician", "['unchanged', ' pneumonia']"),
    "s5_a.png": ("7", "s5", "p5", "1961.0", "F", "PA", "RNN_model", "nan"),
    "s6_a.png": ("7", "s6", "p6", "1962.0", "F", "UNK", "RNN_model", "['normal', 'nodule']"),
    "s7_a.png": ("8", "s7", "p7", "1963.0", "F", "COSTAL", "RNN_model", "['rib fracture']"),
    "s8_a.png": ("8", "s8", "p8", "1964.0", "F", "EXCLUDE", "RNN_model", "['normal']"),
    "s9_a.png": ("8", "s9", "p9", "1965.0", "F", "PA", "RNN_model", "['exclude']"),
    "s10_a.png": ("8", "s10", "p10", "1966.0", "F", "PA", "RNN_model", "['suboptimal study', ' normal']"),
    TRUNCATED: ("8", "s11", "p11", "1967.0", "F", "PA", "RNN_model", "['normal']"),
    "s1_c.png": ("9", "s1", "p12", "1968.0", "M", "PA", "RNN_model", "[' hydropneumothorax']"),
}  # fmt: skip


def padchest(root: Path, pictures: Pictures, *, packed: bool = False, flat: bool = False) -> Path:
    """Write the tree, its table packed or not, its images in numbered folders or all in one."""
    lines = [_HEADER]
    for number, (name, row) in enumerate(_ROWS.items()):
        folder, study, patient, birth, sex, projection, method, labels = row
        pictures.write(root / ("images-224" if flat else folder) / name, "I;16")
        cells = dict.fromkeys(_HEADER, "nan") | {
            "": str(number),
            "ImageID": name,
            "ImageDir": folder,
            "StudyDate_DICOM": "20140915",
            "StudyID": study,
            "PatientID": patient,
            "PatientBirth": birth,
            "PatientSex_DICOM": sex,
            "Projection": projection,
            "Pediatric": "No",
            "Report": "nan" if labels == "nan" else " sin hallazg patolog .",
            "MethodLabel": method,
            "Labels": labels,
        }
        lines.append([cells[name] for name in _HEADER])
    path = root / (f"{TABLE}.gz" if packed else TABLE)
    with gzip.open(path, "wt", newline="") if packed else path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return root
