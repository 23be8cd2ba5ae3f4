"""Score reports by what they say: `python -m training.score_reports REPORTS.csv --truth TRUTH`.

    REPORTS.csv    an id, and the text in `report`, or in `findings` and `impression`
    TRUTH          a CSV with the same ids and a column a label, or with reports of people, whose labels are
                   then read as those of REPORTS are; or a folder of Open-I's reports, whose ids are numbers

It prints micro and macro F1 of CheXpert's 14 observations and of the five that Irvin et al. compare, as
papers on report writers do. NegEx reads the texts, as it reads real reports in training
(docs/decisions/0029): a hedge affirms, and what is not named is absent.

Map: `read_texts`, `read_truth` -> `scored`.
"""

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from shared.labels import CHEXPERT14, NO_FINDING
from training.command import stop
from training.reports.labellers import affirmed, compared
from training.reports.open_i import RealReport, labelled, read_reports
from training.reports.prose import read_prose
from training.reports.tables import labeller_table
from training.scoring.label_table import names_of

CHEXPERT5: Final = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion")
"""Irvin et al. 2019, arXiv 1901.07031."""
_OBSERVATIONS: Final = {
    "Mass": "Lung_Lesion",
    "Nodule": "Lung_Lesion",
    "Infiltration": "Lung_Opacity",
    "Pleural_Thickening": "Pleural_Other",
    **{label: label for label in CHEXPERT14},
}
"""Our labels, as observations of CheXpert's labeller; what is not here it does not know."""
_IDS: Final = ("id", "uid", "study_id", "study", "dicom_id", "file", "path")
_TEXTS: Final = ("report", "text", "generated_report")
_SECTIONS: Final = ("findings", "impression")
_SHOWN: Final = {"1": True, "1.0": True, "0": False, "0.0": False, "": False, "-1": None, "-1.0": None}
"""What stands in the column of a label; a blank is not named, so absent; None is uncertain, in no figure."""

Truth = Mapping[str, bool]


class ScoreError(ValueError):
    """A table cannot be used; the message says what to change, in one line."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says."""
    options = _parser().parse_args(arguments)
    try:
        texts, truth = read_texts(options.reports), read_truth(options.truth)
        reports = _both(texts, truth)
    except (OSError, ValueError) as error:
        stop(str(error))
    print(f"{len(reports)} reports, of {len(texts)} with a text and {len(truth)} with labels.")
    print(*scored(reports), sep="\n")


def read_texts(path: Path) -> dict[str, str]:
    """Return each report's text by its id.

    Raises:
        ScoreError: no column holds ids, or none texts.
    """
    rows = _rows(path)
    key = _key(rows[0], path)
    columns = _columns_of_text(rows[0])
    if not columns:
        message = f"{path} has no column of texts: {', '.join(_TEXTS)}, or findings and impression"
        raise ScoreError(message)
    return {row[key].strip(): " ".join(row[name] for name in columns).strip() for row in rows}


def read_truth(path: Path) -> dict[str, Truth]:
    """Return which observations each report should state, by its id.

    Raises:
        ScoreError: the table has neither a column a label nor one of texts.
        DatasetError: the folder holds no reports of Open-I.
    """
    if path.is_dir():
        return {one.uid: _as_observations(one.labels) for one in labelled(read_reports(path))}
    rows = _rows(path)
    if _columns_of_text(rows[0]):
        return {key: _said(text) for key, text in read_texts(path).items()}
    key = _key(rows[0], path)
    columns = {name: names_of(name).shown for name in rows[0] if names_of(name).shown}
    if not columns:
        message = f"{path} has neither a column a label nor one of texts"
        raise ScoreError(message)
    return {row[key].strip(): _as_observations(_stated(row, columns, path)) for row in rows}


def scored(reports: Sequence[RealReport]) -> Iterator[str]:
    """Yield a table of the fourteen observations, and one of the five."""
    for observations in (CHEXPERT14, CHEXPERT5):
        told = [replace(one, labels=_only(one.labels, observations)) for one in reports]
        yield f"\nF1-{len(observations)}:\n"
        yield from labeller_table(compared(told, _observed))


def _both(texts: Mapping[str, str], truth: Mapping[str, Truth]) -> list[RealReport]:
    reports = [RealReport(uid, text, "", (), dict(truth[uid])) for uid, text in texts.items() if uid in truth]
    if not reports:
        message = f"no id is in both: reports have {_some(texts)}, labels {_some(truth)}"
        raise ScoreError(message)
    return reports


def _some(names: Mapping[str, object]) -> str:
    return ", ".join(map(repr, list(names)[:3])) or "none"


def _observed(text: str) -> frozenset[str]:
    return frozenset(label for label, shown in _said(text).items() if shown)


def _said(text: str) -> dict[str, bool]:
    said = affirmed(read_prose(text))
    return _as_observations({label: label in said for label in _OBSERVATIONS if label != NO_FINDING})


def _as_observations(labels: Mapping[str, bool]) -> dict[str, bool]:
    """Return CheXpert's observations, "No Finding" among them: nothing is there, devices aside."""
    found: dict[str, bool] = {}
    for label, shown in labels.items():
        if observation := _OBSERVATIONS.get(label):
            found[observation] = found.get(observation, False) or shown
    if found and NO_FINDING not in found:
        found[NO_FINDING] = not any(shown for label, shown in found.items() if label != "Support_Devices")
    return found


def _only(labels: Truth, observations: Sequence[str]) -> dict[str, bool]:
    return {label: labels[label] for label in observations if label in labels}


def _stated(row: Mapping[str, str], columns: Mapping[str, tuple[str, ...]], path: Path) -> dict[str, bool]:
    stated: dict[str, bool] = {}
    for name, labels in columns.items():
        if row[name].strip() not in _SHOWN:
            message = f"{path}: {name} has {row[name]!r}, which is none of 1, 0, -1 and blank"
            raise ScoreError(message)
        shown = _SHOWN[row[name].strip()]
        if shown is not None:
            stated |= dict.fromkeys(labels, shown)
    return stated


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = [{name: value or "" for name, value in row.items() if name} for row in csv.DictReader(lines)]
    if not rows:
        message = f"{path} has no rows"
        raise ScoreError(message)
    return rows


def _key(row: Mapping[str, str], path: Path) -> str:
    found = next((name for wanted in _IDS for name in row if name.lower() == wanted), None)
    if found is None:
        message = f"{path} has no column of ids: {', '.join(_IDS)}"
        raise ScoreError(message)
    return found


def _columns_of_text(row: Mapping[str, str]) -> list[str]:
    whole = [name for name in row if name.lower() in _TEXTS]
    return whole[:1] or [name for name in row if name.lower() in _SECTIONS]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.score_reports",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reports", type=Path, metavar="REPORTS.csv")
    parser.add_argument(
        "--truth", type=Path, required=True, metavar="TRUTH", help="CSV, or folder of Open-I's"
    )
    return parser


if __name__ == "__main__":
    main()
