"""MIMIC-CXR and MIMIC-CXR-JPG, from "Data Description" on the pages of both (PhysioNet, 2.1.0).

Folders and ids are those of the page's own example patient. A report begins with FINAL REPORT and has
headings in capitals; blanks are ___. One study has no row of labels; one image has no ViewPosition. The
texts are made up.
"""

import gzip
from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

LABELS = (
    "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,"
    "Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
)
_METADATA = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,"
    "StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning"
)
IMAGES = [
    ("10000032", "50414267", "02aa804e-bde0afdd-112c0b34-7bc16630-4e384014", "PA", "train"),
    ("10000032", "50414267", "174413ec-4ec4c1f7-34ea26b7-c5f994f8-79ef1962", "LATERAL", "train"),
    ("10000032", "53189527", "2a2277a9-b0ded155-c0de8eb9-c124d10e-82c5caab", "", "train"),
    ("11000011", "51029426", "6ad03ed1-97ee17ee-9cf8b320-f7011003-cd93b42d", "AP", "validate"),
    ("12000012", "57000001", "e084de3b-be89b11e-20fe3f9f-9c8d8dfe-4cfd202c", "LL", "test"),
]
_REPORT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___F with new cough  // eval for infection

 TECHNIQUE:  Chest PA and lateral

 COMPARISON:  None.

 FINDINGS:

 The lungs are clear of focal consolidation. There is
 a small left pleural effusion.

 IMPRESSION:

 Small left pleural effusion: new since ___.
"""


def mimic_cxr(root: Path, pictures: Pictures, *, release: str = "jpg", packed: bool = True) -> Path:
    """Write the tree of a release: "jpg" has the tables, "dicom" the reports and the list of records."""
    root.mkdir(parents=True, exist_ok=True)
    for subject, study, dicom, _, _ in IMAGES:
        folder = root / "files" / f"p{subject[:2]}" / f"p{subject}"
        pictures.write(folder / f"s{study}" / f"{dicom}.{'jpg' if release == 'jpg' else 'dcm'}")
        if release == "dicom":
            (folder / f"s{study}.txt").write_text(_REPORT)
    if release == "dicom":
        paths = [f"files/p{s[:2]}/p{s}/s{t}/{d}.dcm" for s, t, d, _, _ in IMAGES]
        rows = [f"{s},{t},{d},{path}" for (s, t, d, _, _), path in zip(IMAGES, paths, strict=True)]
        _table(root / "cxr-record-list.csv", "subject_id,study_id,dicom_id,path", rows, packed=packed)
        return root
    metadata = [
        f"{d},{s},{t},CHEST (PA AND LAT),{view},3056,2544,21800506,213014.531,CHEST (PA AND LAT),,Erect"
        for s, t, d, view, _ in IMAGES
    ]
    _table(root / "mimic-cxr-2.0.0-metadata.csv", _METADATA, metadata, packed=packed)
    splits = [f"{d},{t},{s},{split}" for s, t, d, _, split in IMAGES]
    _table(root / "mimic-cxr-2.0.0-split.csv", "dicom_id,study_id,subject_id,split", splits, packed=packed)
    labels = [
        "10000032,50414267,,,,,,,,-1.0,,1.0,,0.0,,",
        "11000011,51029426,,,,,,,,,1.0,,,,,",
        "12000012,57000001,,1.0,,,,,,1.0,,,,,,",
    ]
    for labeller in ("chexpert", "negbio"):
        name = f"mimic-cxr-2.0.0-{labeller}.csv"
        _table(root / name, f"subject_id,study_id,{LABELS}", labels, packed=packed)
    return root


def radiologist_labels(root: Path) -> None:
    """Add the table of 2.1.0, which is published unpacked: no subject_id, two names of labels differ."""
    names = LABELS.replace("Lung Opacity", "Airspace Opacity").replace("No Finding", "No Findings")
    row = "57000001,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0,-1.0,0.0,0.0,0.0,1.0"
    (root / "mimic-cxr-2.1.0-test-set-labeled.csv").write_text(f"study_id,{names}\n{row}\n")


def mimic_cxr_test(root: Path, pictures: Pictures) -> Path:
    """Write the JPG release with the radiologist's table."""
    mimic_cxr(root, pictures)
    radiologist_labels(root)
    return root


def _table(path: Path, header: str, rows: list[str], *, packed: bool) -> None:
    content = "\n".join([header, *rows]).encode() + b"\n"
    if packed:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
    else:
        path.write_bytes(content)
