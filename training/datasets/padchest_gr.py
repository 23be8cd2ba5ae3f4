"""PadChest-GR: 4,555 radiographs of PadChest whose reports are cut into sentences, each with its boxes.

Castro et al. 2024, "PadChest-GR: A Bilingual Chest X-Ray Dataset for Grounded Radiology Report Generation",
arXiv 2411.05085. Layout: the download page of BIMCV ("PadChest-GR"); keys and columns as loaders and
inventories of others list them, agreeing with one another.

    grounded_reports_20240819.json      a list: StudyID, ImageID, PreviousImageID, findings
    master_table.csv                    published zipped; one row a study and label: PatientID, split, ...
    Padchest_GR_files/                  PNG of 16 bits, unpacked from one archive that is cut into 37 parts
    PadChest_GR_progression_prior_studies/    earlier images of some patients, without reports: not read

A sentence that is not abnormal lacks the keys of boxes and labels. A sentence with several names does not
say which of its boxes shows which, so each box is of each of them. "extra_boxes" stay beside the sentences,
in `attributes`: they are no part of what is said. A patient is the one of PadChest, and so is a study: the
ids are PadChest's, or the same patient might be trained on and tested on.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from shared.domain.findings import ViewPosition
from training.datasets.base import DatasetError, Problem, Reading, find_one
from training.datasets.cells import age_of, sex_of
from training.datasets.csv_tables import open_table
from training.datasets.label_names import labels_for
from training.datasets.padchest_names import LABELS_OF_PADCHEST, states_of_names
from training.datasets.regions import region_of
from training.table import Record, Region, Sentence, Split

_REPORTS: Final = "grounded_reports_20240819.json"
_TABLE: Final = "master_table.csv"
_COLUMNS: Final = ("StudyID", "ImageID", "PatientID", "split", "PatientSex_DICOM", "PatientAge")
_KEYS: Final = ("StudyID", "ImageID", "findings")
_SPLITS: Final = {"train": Split.TRAIN, "validation": Split.VALIDATION, "test": Split.TEST}
_PRIORS: Final = "PadChest_GR_progression_prior_studies"


class PadChestGr:
    """The reader."""

    id: str = "padchest_gr"
    title: str = "PadChest-GR"
    labels: tuple[str, ...] = LABELS_OF_PADCHEST
    published: tuple[int | None, int | None, int | None] = (4_555, None, 4_555)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the reports; images may be there in part, anywhere below it."""
        rows = _master(root)
        files = {path.name: path for path in sorted(root.rglob("*.png")) if _PRIORS not in path.parts}
        records = []
        problems: list[Problem] = []
        for study in _studies(root):
            image = str(study["ImageID"])
            if image not in rows:
                problems.append(Problem(f"{_REPORTS}, {image}", f"{_TABLE} has no row of this image"))
            elif image not in files:
                problems.append(Problem(image, "the image is not there"))
            else:
                file = files[image].relative_to(root).as_posix()
                records.append(_record(study, rows[image], image=file, problems=problems))
        return Reading(records, problems)


def _master(root: Path) -> dict[str, Mapping[str, str]]:
    """Return the first row of each image: what we read is the same in all rows of one."""
    if not (root / _TABLE).is_file() and (root / f"{_TABLE}.zip").is_file():
        message = f"{root / _TABLE}.zip is packed: unpack it beside itself"
        raise DatasetError(message)
    rows: dict[str, Mapping[str, str]] = {}
    for row in open_table(root, _TABLE, columns=_COLUMNS).rows():
        rows.setdefault(row.cells["ImageID"], row.cells)
    return rows


def _studies(root: Path) -> list[dict[str, Any]]:
    path = find_one(root, _REPORTS, "grounded_reports_*.json")
    try:
        studies = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{path} is no JSON ({error}); get it again"
        raise DatasetError(message) from error
    if not isinstance(studies, list) or not all(map(_is_study, studies)):
        message = f"{path} is no list of studies with the keys {', '.join(_KEYS)}"
        raise DatasetError(message)
    return studies


def _is_study(study: object) -> bool:
    """Tell whether a study has the form that is relied on below."""
    return (
        isinstance(study, dict)
        and all(key in study for key in _KEYS)
        and isinstance(study["findings"], list)
        and all(isinstance(finding, dict) for finding in study["findings"])
    )


def _record(
    study: Mapping[str, Any], cells: Mapping[str, str], *, image: str, problems: list[Problem]
) -> Record:
    where = f"{_REPORTS}, {study['ImageID']}"
    findings: list[dict[str, Any]] = study["findings"]
    sentences = [_sentence(finding, where=where, problems=problems) for finding in findings]
    names = [name for finding in findings if finding.get("abnormal") for name in _listed(finding, "labels")]
    normal = bool(findings) and not any(finding.get("abnormal") for finding in findings)
    extra = {
        str(k): finding["extra_boxes"] for k, finding in enumerate(findings) if finding.get("extra_boxes")
    }
    attributes = {
        "Labels": "|".join(dict.fromkeys(names)),
        "PreviousImageID": study.get("PreviousImageID") or "",
        "extra_boxes": json.dumps(extra) if extra else "",
    }
    patient = f"padchest:{cells['PatientID']}"
    return Record(
        dataset="padchest_gr",
        image=image,
        patient=patient,
        study=f"{patient}/{study['StudyID']}",
        view=ViewPosition.UNKNOWN,
        labels=states_of_names(["normal"] if normal else names),
        split=_SPLITS.get(cells["split"]),
        sex=sex_of(cells["PatientSex_DICOM"]),
        age_years=age_of(cells["PatientAge"]),
        boxes=tuple(region for sentence in sentences for region in sentence.regions),
        sentences=tuple(sentences),
        labelled_by="radiologist",
        attributes={name: value for name, value in attributes.items() if value},
    )


def _sentence(finding: Mapping[str, Any], *, where: str, problems: list[Problem]) -> Sentence:
    texts = {language: str(finding.get(f"sentence_{language}") or "").strip() for language in ("en", "es")}
    regions: list[Region] = []
    for corners in _listed(finding, "boxes"):
        try:
            regions += _regions(_listed(finding, "labels"), corners)
        except (TypeError, ValueError) as error:
            problems.append(Problem(where, f"a box of {texts['en']!r} is left out: {error}"))
    return Sentence(
        text={language: text for language, text in texts.items() if text},
        abnormal=bool(finding.get("abnormal")),
        regions=tuple(regions),
        progression=str(finding.get("progression") or ""),
        labels=tuple(map(str, _listed(finding, "labels"))),
        locations=tuple(map(str, _listed(finding, "locations"))),
    )


def _listed(finding: Mapping[str, Any], key: str) -> list[Any]:
    """Return a list that may be missing, or null."""
    return finding.get(key) or []


def _regions(names: Iterable[str], corners: list[float]) -> list[Region]:
    """Return a box under each of its sentence's names, as labels where there are some that say the same.

    Raises:
        ValueError, TypeError: it is no box.
    """
    if len(corners) != 4:
        message = f"{corners} are not four numbers"
        raise ValueError(message)
    box = region_of("", corners, width=1, height=1)
    shown = [label for name in names for label in labels_for("padchest", name) or (name,)]
    return [replace(box, name=label) for label in dict.fromkeys(shown or [""])]
