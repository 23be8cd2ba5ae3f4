"""Reports in Open-I's two layouts, every word of them made up."""

import csv
from pathlib import Path

ROWS = [
    ("1", "The lungs are clear. There is no effusion.", "No acute disease.", "normal"),
    ("2", "The heart is enlarged. No pneumothorax.", "1. Cardiomegaly.", "Cardiomegaly/mild"),
    (
        "3",
        "Patchy opacity in the left base. Small left effusion. XXXX is seen.",
        "1. Left basilar opacity. 2. Effusion.",
        "Opacity/lung/base/left/patchy;Pleural Effusion/left/small",
    ),
    ("4", "A nodule lies in the right apex.", "Nodule.", "Nodule/lung/apex/right;Nodule/lung/apex/left"),
    ("5", "Two lungs.", "", "No Indexing"),
]
"""Number, findings, impression, terms."""


def made_up_table(folder: Path, *, times: int = 1) -> Path:
    """Write the table, its rows so many times over under numbers of their own; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "openi_reports.csv").open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(("uid", "indication", "findings", "impression", "mesh"))
        for again in range(times):
            for uid, findings, impression, terms in ROWS:
                table.writerow((int(uid) + again * len(ROWS), "cough", findings, impression, terms))
    return folder


def made_up_archive(folder: Path) -> Path:
    """Write the same reports as Open-I's XML; return the folder."""
    reports = folder / "ecgen-radiology"
    reports.mkdir(parents=True)
    for uid, findings, impression, terms in ROWS:
        major = "".join(f"<major>{term}</major>" for term in terms.split(";"))
        (reports / f"{uid}.xml").write_text(
            f'<eCitation><uId id="CXR{uid}"/><Abstract>'
            f'<AbstractText Label="FINDINGS">{findings}</AbstractText>'
            f'<AbstractText Label="IMPRESSION">{impression}</AbstractText>'
            f"</Abstract><MeSH>{major}</MeSH></eCitation>",
            encoding="utf-8",
        )
    return folder
