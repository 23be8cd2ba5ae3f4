"""MIDRC-RICORD-1c, from its page (The Cancer Imaging Archive), MD.ai's documentation of exports, and others.

The folders are those of the archive's download tool. Scripts of others give the names of label groups, of
classes and grades (one with two spaces), and the columns and dates of the reader table.
"""

import json
from pathlib import Path
from typing import Any

from tests.support.dataset_trees.candid_ptx import write_csv
from tests.support.dataset_trees.dicom_files import write_dicom
from tests.support.dataset_trees.pictures import Pictures

JSON = "1c_mdai_rsna_project_MwBeK3Nr_annotations_labelgroup_all_2021-01-08-164102.json"
TABLE = "1c_mdai_rsna_project_MwBeK3Nr_annotations_labelgroup_all_2021-01-08-164102_v3.csv"
MILD, SEVERE = "Mild Opacities  (1-2 lung zones)", "Severe Opacities (>4 lung zones)"
TYPICAL, INDETERMINATE, ATYPICAL = (f"{name} Appearance" for name in ("Typical", "Indeterminate", "Atypical"))
NEGATIVE = "Negative for Pneumonia"
_LABELS = (
    TYPICAL,
    INDETERMINATE,
    ATYPICAL,
    NEGATIVE,
    MILD,
    "Moderate Opacities (3-4 lung zones)",
    SEVERE,
    "Invalid Study",
)
ONE, TWO, THREE = "Annotator 1", "Annotator 2", "Annotator 3"
DEFAULT, ADJUDICATION = "Default group", "Adjudication"
_GROUPS = (DEFAULT, ONE, TWO, THREE, "Extra", ADJUDICATION)
_GRADED = [(ONE, TYPICAL), (ONE, MILD), (TWO, TYPICAL), (TWO, SEVERE), (THREE, ATYPICAL), (THREE, SEVERE)]
_ADJUDICATED = [(ONE, TYPICAL), (TWO, TYPICAL), (THREE, NEGATIVE), (ADJUDICATION, NEGATIVE)]
_TORN = [(ONE, TYPICAL), (TWO, ATYPICAL), (THREE, NEGATIVE)]
_OUTSIDE = [
    (ONE, INDETERMINATE),
    (TWO, INDETERMINATE),
    (DEFAULT, NEGATIVE),
    (THREE, TYPICAL),
    (THREE, ATYPICAL),
]
_STUDIES = [
    # UID, patient, date as in the table, and what each group says
    ("1.2.1", "419639-000025", "1/5/2003", _GRADED),
    ("1.2.2", "419639-000025", "01/25/2003", _ADJUDICATED),
    ("1.2.3", "440808-000100", "12/1/2002", _TORN),
    ("1.2.4", "SITE2-000007", "2/2/2003", _OUTSIDE),
    ("1.2.5", "SITE2-000008", "3/2/2003", [(ONE, "Invalid Study")]),
]
_HEADER = [
    "Anon MRN",
    "Anon Study UID",
    "Anon TCIA Study Date",
    "Reader_id",
    "Reader_name",
    "CLASS_labelId",
    "CLASS_label",
    "CLASS_label_description",
    "GRADE_labelId",
    "GRADE_label",
    "GRADE_label_description",
]
_EXAMS = {"419639": "XR CHEST 1 VIEW AP", "440808": "CHEST 1V", "SITE2": "NA"}


def midrc_ricord(root: Path, pictures: Pictures, *, table: bool = False, uids: bool = True) -> Path:
    """Write the tree with MD.ai's export, or with the reader `table`, with the studies' UIDs or without."""
    for uid, patient, date, _ in _STUDIES:
        month, day, year = (f"{int(part):02}" for part in date.split("/"))
        exam = _EXAMS[patient.split("-")[0]]
        home = root / "manifest-1610656454899" / "MIDRC-RICORD-1C" / f"MIDRC-RICORD-1C-{patient}"
        folder = home / f"{month}-{day}-{year}-NA-{exam}-{uid[-5:]}" / "1.000000-AP-10001"
        tags: dict[str, Any] = {
            "PatientID": f"MIDRC-RICORD-1C-{patient}",
            "StudyInstanceUID": uid,
            "StudyDate": f"{year}{month}{day}",
            "ViewPosition": "AP",
            "PatientSex": "M",
            "PatientAge": "061Y",
        }
        write_dicom(folder / "1-1.dcm", pictures, **tags)
        if uid == "1.2.1":
            write_dicom(folder / "1-2.dcm", pictures, **(tags | {"ViewPosition": "LL"}))
    if table:
        _reader_table(root / TABLE, uids=uids)
    else:
        (root / JSON).write_text(json.dumps(_export()))
    return root


def _export() -> dict[str, Any]:
    ids = {(group, name): f"L_{g}{n}" for g, group in enumerate(_GROUPS) for n, name in enumerate(_LABELS)}
    said = [(uid, ids[pair]) for uid, _, _, pairs in _STUDIES for pair in pairs]
    return {
        "labelGroups": [
            {
                "id": f"G_{group}",
                "name": group,
                "labels": [
                    {"id": ids[group, name], "name": name, "scope": "STUDY", "description": ""}
                    for name in _LABELS
                ],
            }
            for group in _GROUPS
        ],
        "datasets": [
            {
                "id": "D_1",
                "name": "RICORD 1c",
                "studies": [{"StudyInstanceUID": uid} for uid, *_ in _STUDIES],
                "annotations": [
                    {
                        "id": f"A_{k}",
                        "StudyInstanceUID": uid,
                        "SeriesInstanceUID": None,
                        "labelId": label,
                        "data": None,
                    }
                    for k, (uid, label) in enumerate(said)
                ],
            }
        ],
    }


def _reader_table(path: Path, *, uids: bool) -> None:
    rows = []
    for uid, patient, date, pairs in _STUDIES:
        for group in dict.fromkeys(group for group, _ in pairs if group != DEFAULT):
            said = [name for who, name in pairs if who == group]
            grades = [name for name in said if "Opacities" in name] or [""]
            rows += [
                [patient, uid, date, f"U_{group}", group, "L_1", name, "", "L_2", grades[0], ""]
                for name in said
                if "Opacities" not in name
            ]
    keep = [k for k, name in enumerate(_HEADER) if uids or name != "Anon Study UID"]
    write_csv(path, [[row[k] for k in keep] for row in (_HEADER, *rows)])
