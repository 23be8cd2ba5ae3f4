"""CheXpert Plus: the images of CheXpert with their reports, in sections, and who the patients are.

Chambon et al. 2024, "CheXpert Plus: Augmenting a Large Chest X-ray Dataset with Text Radiology Reports,
Patient Demographics and Additional Image Formats", arXiv 2405.19538. Layout: the download page (Stanford
AIMI, "CheXpert Plus"), the README of Stanford-AIMI/chexpert-plus; columns as loaders of others list them,
see `_SECTIONS`.

    df_chexpert_plus_240401.csv                 one row an image
    chexbert_labels/impression_fixed.json       JSON lines, one an image: path_to_image and 14 observations
    chexbert_labels/report_fixed.json, findings_fixed.json
    PNG/train/patient00001/study1/view1_frontal.png     unpacked from chunks; or
    DICOM/Uncompressed/train/patient00001/...dcm        or DICOM/Compressed/

path_to_image ends in .jpg where the disk has .png, and labels are joined by the path without its ending.
Labels are taken from the impression, as CheXpert's own were; users report that those of the whole report
also count what the history mentions, and that those of the findings call nearly all normal. A patient is
the same person as in CheXpert, so the ids of patients and studies are CheXpert's, "chexpert:patient00001".
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.labels import CHEXPERT14
from training.datasets.base import DatasetError, Problem, Reading
from training.datasets.cells import age_of, sex_of, states_of
from training.datasets.chexpert import frontal_or_lateral, patient_and_study
from training.datasets.csv_tables import open_table
from training.datasets.label_names import NAMES
from training.datasets.places import Places
from training.table import Record, Split, State

_TABLE: Final = "df_chexpert_plus_240401.csv"
_SECTIONS: Final = {
    "section_narrative": "narrative",
    "section_clinical_history": "indication",
    "section_history": "indication",
    "section_comparison": "comparison",
    "section_technique": "technique",
    "section_procedure_comments": "procedure comments",
    "section_findings": "findings",
    "section_impression": "impression",
    "section_end_of_impression": "end of impression",
    "section_summary": "summary",
    "report": "report",
}
"""Column -> section. Where a report has both kinds of history, both are the indication."""
_PERSON: Final = ("race", "ethnicity", "interpreter_needed", "insurance_type", "recent_bmi", "deceased")
_NEEDED: Final = (
    "path_to_image",
    "frontal_lateral",
    "ap_pa",
    "age",
    "sex",
    "split",
    "report",
    "section_findings",
    "section_impression",
)
_SPLITS: Final = {"train": Split.TRAIN, "valid": Split.VALIDATION}
_LABELS: Final = ("impression_fixed.json", "report_fixed.json", "findings_fixed.json")
_IMAGES: Final = ("PNG", "PNG/PNG", "PNGs", ".", "DICOM/Uncompressed", "DICOM/Compressed", "DICOM")


class CheXpertPlus:
    """The reader."""

    id: str = "chexpert_plus"
    title: str = "CheXpert Plus"
    labels: tuple[str, ...] = CHEXPERT14
    published: tuple[int | None, int | None, int | None] = (223_228, 64_725, 187_711)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the table; of images and label files one kind is enough."""
        table = open_table(root, _TABLE, columns=_NEEDED)
        problems: list[Problem] = []
        labels, source = _labels(root, problems)
        places = Places(root, [root / folder for folder in _IMAGES])
        records = []
        for row in table.rows():
            path = row.cells["path_to_image"]
            ids = patient_and_study(path)
            if ids is None:
                problems.append(Problem(row.where, f"{path!r} names no patient and study"))
                continue
            key = _key(path)
            file = places.find(f"{key}.png", f"{key}.jpg", row.cells.get("path_to_dcm", ""), f"{key}.dcm")
            if file is None:
                problems.append(Problem(path, "the image is not there, neither as PNG or JPEG nor as DICOM"))
                continue
            records.append(_record(row.cells, file, ids, labels.get(key), source))
        return Reading(records, problems)


def _record(
    cells: Mapping[str, str],
    image: str,
    ids: tuple[str, str],
    labels: Mapping[str, State] | None,
    source: str,
) -> Record:
    sections: dict[str, str] = {}
    for column, name in _SECTIONS.items():
        if text := cells.get(column, ""):
            sections[name] = f"{sections[name]} {text}" if name in sections else text
    known = (*_PERSON, "deid_patient_id", "patient_report_date_order", "frontal_lateral", "ap_pa")
    return Record(
        dataset="chexpert_plus",
        image=image,
        patient=ids[0],
        study=ids[1],
        view=frontal_or_lateral(cells["frontal_lateral"], cells["ap_pa"]),
        labels=labels or {},
        split=_SPLITS.get(cells["split"]),
        sex=sex_of(cells["sex"]),
        age_years=age_of(cells["age"]) or None,
        sections=sections,
        language="en" if sections else "",
        labelled_by="" if labels is None else source,
        attributes={name: cells[name] for name in known if cells.get(name)},
    )


def _labels(root: Path, problems: list[Problem]) -> tuple[dict[str, dict[str, State]], str]:
    """Return the labels by `_key`, and who set them, from the best file that is there."""
    found = [
        path
        for name in _LABELS
        for path in (root / "chexbert_labels" / name, root / name, root / "labels" / name)
        if path.is_file()
    ]
    if not found:
        problems.append(Problem("chexbert_labels", f"no {' or '.join(_LABELS)}: nothing is labelled"))
        return {}, ""
    path = found[0]
    below = path.relative_to(root).as_posix()
    labels: dict[str, dict[str, State]] = {}
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    _read_line(line, labels, f"{below}, line {number}", problems)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read ({error}); get it again"
        raise DatasetError(message) from error
    return labels, f"CheXbert on the {path.stem.removesuffix('_fixed')}"


def _read_line(line: str, labels: dict[str, dict[str, State]], where: str, problems: list[Problem]) -> None:
    try:
        cells = json.loads(line)
        labels[_key(cells["path_to_image"])] = states_of(cells, NAMES["chexpert-plus"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        problems.append(Problem(where, f"no labels of an image: {error!r}"))


def _key(path: str) -> str:
    """Return what all of the files name an image by: "train/patient00001/study1/view1_frontal"."""
    start = max(path.find(f"{split}/patient") for split in _SPLITS)
    return path[max(start, 0) :].rsplit(".", 1)[0]
