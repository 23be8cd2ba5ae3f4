"""Open-I's reports as texts with what people coded of them: who is held out, and what a writer is told.

    RealReport    a report, its MeSH terms, and from these the labels and a `ReportRequest`
    read_reports  a folder -> all of them
    labelled      those whose labels are known, in the order of a hash

The licence (CC BY-NC-ND 4.0) lets nothing of these texts ship: no sentence of them stands in this code, and
weights that are tuned on them stay with whoever tuned them.
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.domain.findings import Finding, FindingStatus, Place, Side, Zone
from shared.labels import NO_FINDING
from shared.reporting.request import ReportRequest
from training.datasets.base import DatasetError
from training.datasets.open_i import labels_named, labels_of, read_texts
from training.table import State

_TABLE: Final = "openi_reports.csv"
"""Columns uid, findings, impression, mesh (terms, ";" between): a folder may hold it instead of the XML."""
_COLUMNS: Final = frozenset({"uid", "findings", "impression", "mesh"})
_SIDES: Final = {"left": Side.LEFT, "right": Side.RIGHT, "bilateral": Side.BOTH}
_ZONES: Final = {
    "apex": Zone.APICAL,
    "upper lobe": Zone.UPPER,
    "middle lobe": Zone.MIDDLE,
    "lingula": Zone.MIDDLE,
    "lower lobe": Zone.LOWER,
    "base": Zone.BASAL,
    "hilum": Zone.PERIHILAR,
}
"""A term's lobe is told as the zone that it mostly fills on a frontal view: findings know no lobes."""
_PROBABILITY: Final = {True: 0.95, False: 0.05}
_THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class RealReport:
    """One report, which is one patient.

    Attributes:
        uid: its number in Open-I.
        terms: the MeSH terms that people chose: "Opacity/lung/base/left".
        labels: whether the terms say so, of each label of which they say anything.
    """

    uid: str
    findings: str
    impression: str
    terms: tuple[str, ...]
    labels: dict[str, bool]

    @property
    def text(self) -> str:
        """Both sections."""
        return f"{self.findings} {self.impression}".strip()

    def present(self) -> tuple[str, ...]:
        """Return the labels that are present."""
        return tuple(label for label, shown in self.labels.items() if shown)

    def request(self) -> ReportRequest:
        """Return what a writer is told: the labels, stated or not detected, and where the terms say."""
        return ReportRequest(
            seed=f"open_i:{self.uid}",
            findings=tuple(
                Finding(
                    label,
                    _PROBABILITY[shown],
                    threshold=_THRESHOLD,
                    uncertain_from=_THRESHOLD,
                    status=FindingStatus.PRESENT if shown else FindingStatus.ABSENT,
                    place=place_of(label, self.terms) if shown else None,
                )
                for label, shown in self.labels.items()
            ),
        )


def read_reports(root: Path) -> list[RealReport]:
    """Read all reports of a folder, by their numbers.

    Args:
        root: holds ecgen-radiology/ as Open-I publishes it, or `openi_reports.csv`.

    Raises:
        DatasetError: it holds neither, or no such table.
    """
    if not (root / _TABLE).is_file():
        texts = [
            (uid, found.get("findings", ""), found.get("impression", ""), terms)
            for uid, found, terms in read_texts(root)
        ]
    else:
        with (root / _TABLE).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        if not rows or not rows[0].keys() >= _COLUMNS:
            message = (
                f"{root / _TABLE} has no rows, or lacks one of the columns {', '.join(sorted(_COLUMNS))}"
            )
            raise DatasetError(message)
        texts = [
            (row["uid"], row["findings"], row["impression"], [one.strip() for one in row["mesh"].split(";")])
            for row in rows
        ]
    reports = [_report(*one) for one in texts]
    return sorted(reports, key=lambda report: int(report.uid))


def _report(uid: str, findings: str, impression: str, terms: Sequence[str]) -> RealReport:
    named = [term for term in terms if term]
    states = labels_of(named)
    return RealReport(
        uid=uid.removeprefix("CXR"),
        findings=" ".join(findings.split()),
        impression=" ".join(impression.split()),
        terms=tuple(named),
        labels={label: state is State.PRESENT for label, state in states.items() if label != NO_FINDING},
    )


def labelled(reports: Iterable[RealReport]) -> list[RealReport]:
    """Return the reports with words and known labels, in the order of a hash of their numbers."""
    return sorted((one for one in reports if one.labels and one.text), key=lambda one: _digest(one.uid))


def _digest(uid: str) -> bytes:
    return hashlib.sha256(f"cxr:open_i:{uid}".encode()).digest()


def place_of(label: str, terms: Iterable[str]) -> Place | None:
    """Return where the terms of a label say that it is; None where they do not, or do not agree."""
    sides: set[Side] = set()
    zones: set[Zone] = set()
    for term in terms:
        if label in labels_named(term):
            qualifiers = term.split("/")[1:]
            sides |= {_SIDES[one] for one in qualifiers if one in _SIDES}
            zones |= {_ZONES[one] for one in qualifiers if one in _ZONES}
    side = next(iter(sides)) if len(sides) == 1 else Side.BOTH if sides else None
    zone = next(iter(zones)) if len(zones) == 1 else None
    return Place(side, zone) if side or zone else None
