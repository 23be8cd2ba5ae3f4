"""Open-I, the Indiana University chest X-rays: 7,470 images with 3,955 reports, coded by hand in MeSH.

Demner-Fushman et al. 2016, "Preparing a collection of radiology examinations for distribution and
retrieval", J Am Med Inform Assoc 23(2), doi 10.1093/jamia/ocv080. Layout: the FAQ of Open-i (NLM),
"collection"; elements checked on the published archive of reports, which torchxrayvision carries
(NLMCXR_reports.tgz).

    ecgen-radiology/1.xml ... 3999.xml       one report each; 104 of them have no image
    NLMCXR_png/CXR1_1_IM-0001-3001.png       or loose in the folder, or in images/
    1/1_IM-0001-3001.dcm                     the DICOM archive instead, also in NLMCXR_dcm/

One report is one patient and one study. XXXX stands where something was taken out; it is kept.

A report has terms that people chose ("major", such as "Opacity/lung/base/left") and terms that a program
found ("automatic"); labels come from the first kind alone, by their heading, or heading and first
qualifier, as a whole. A label that is not named is absent, with two exceptions that leave it unlabelled:
"No Indexing" (95 reports) says nothing of any, and a heading that may be of another organ ("Nodule/thorax")
nothing of its own.

The view is not in the reports. It is read from torchxrayvision's copy of the DICOM headers, as these state
it: 2,586 of them do not (UNKNOWN), and torchxrayvision warns that others are wrong.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from shared.domain.findings import ViewPosition
from shared.labels import LABELS
from training.datasets.base import DatasetError, Problem, Reading
from training.datasets.cells import view_of
from training.datasets.label_names import NAMES
from training.datasets.places import Places
from training.table import Record, State

_REPORTS: Final = ("ecgen-radiology", "NLMCXR_reports/ecgen-radiology")
_IMAGES: Final = ("NLMCXR_png", "images", "NLMCXR_dcm", ".")
_NAMES: Final = NAMES["open-i"]
_NOT_INDEXED: Final = "No Indexing"
_NAMED: Final = frozenset(label for ids in _NAMES.values() for label in ids)


class OpenI:
    """The reader."""

    id: str = "open_i"
    title: str = "Open-I (Indiana University)"
    labels: tuple[str, ...] = tuple(label for label in LABELS if label in _NAMED)
    published: tuple[int | None, int | None, int | None] = (7_470, 3_955, 3_955)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds ecgen-radiology/ and the images."""
        files = _report_files(root)
        places = Places(root, [root / name for name in _IMAGES])
        views = header_views()
        records: list[Record] = []
        problems: list[Problem] = []
        for path in files:
            where = path.relative_to(root).as_posix()
            try:
                report = ElementTree.parse(path).getroot()
                uid = _attribute(report, "uId", "id")
            except (ParseError, DefusedXmlException, ValueError) as error:
                problems.append(Problem(where, f"no report in XML: {error!r}"))
                continue
            _read_report(report, uid, places, views, records, problems)
        return Reading(records, problems)


def read_texts(root: Path) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Yield of each report, with images or without: its uid, its sections, and its major terms.

    Raises:
        DatasetError: the folder holds no reports, or one that is no report in XML.
    """
    for path in _report_files(root):
        try:
            report = ElementTree.parse(path).getroot()
            uid = _attribute(report, "uId", "id")
        except (ParseError, DefusedXmlException, ValueError) as error:
            message = f"{path}: no report in XML: {error!r}"
            raise DatasetError(message) from error
        yield uid, _sections(report), _major_terms(report)


def labels_of(terms: list[str]) -> dict[str, State]:
    """Return the states of `OpenI.labels` that a report's major terms speak of.

    Args:
        terms: "Opacity/lung/base/left": a heading and its qualifiers.
    """
    if not terms or _NOT_INDEXED in terms:
        return {}
    shown: set[str] = set()
    doubtful: set[str] = set()
    for term in terms:
        heading = term.partition("/")[0]
        ids = labels_named(term)
        shown |= ids
        if not ids and _NAMES.get(heading) == ():
            begun = (names for name, names in _NAMES.items() if name.startswith(f"{heading}/"))
            doubtful |= {label for names in begun for label in names}
    return {
        label: State.PRESENT if label in shown else State.ABSENT
        for label in OpenI.labels
        if label in shown or label not in doubtful
    }


def header_views() -> dict[str, ViewPosition]:
    """Return the View Position of the DICOM headers by image id ("CXR1_IM-0001-3001")."""
    # Its module is not imported: that loads torch, and hides all warnings of the process.
    path = distribution("torchxrayvision").locate_file("torchxrayvision/data/nlmcxr_dicom_metadata.csv.gz")
    with gzip.open(str(path), "rt", encoding="utf-8", newline="") as lines:
        return {row["imageid"]: view_of(row["View Position"]) for row in csv.DictReader(lines)}


def labels_named(term: str) -> frozenset[str]:
    """Return the labels that one major term says are present, maybe none."""
    heading, *qualifiers = term.split("/")
    return frozenset(label for name in _asked(heading, qualifiers) for label in _NAMES.get(name, ()))


def _report_files(root: Path) -> list[Path]:
    folder = next((root / name for name in _REPORTS if (root / name).is_dir()), None)
    files = sorted(folder.glob("*.xml"), key=lambda path: (len(path.name), path.name)) if folder else []
    if not files:
        message = f"{root} holds no ecgen-radiology/*.xml: unpack NLMCXR_reports.tgz into it"
        raise DatasetError(message)
    return files


def _major_terms(report: Element) -> list[str]:
    return [(node.text or "").strip() for node in report.findall("MeSH/major")]


def _asked(heading: str, qualifiers: list[str]) -> list[str]:
    return [heading, f"{heading}/{qualifiers[0]}"] if qualifiers else [heading]


def _read_report(
    report: Element,
    uid: str,
    places: Places,
    views: Mapping[str, ViewPosition],
    records: list[Record],
    problems: list[Problem],
) -> None:
    terms = _major_terms(report)
    automatic = [(node.text or "").strip() for node in report.findall("MeSH/automatic")]
    sections = _sections(report)
    labels = labels_of(terms)
    for image in report.findall("parentImage"):
        name = image.get("id", "")
        plain = _without_repeated_number(name)
        number, _, rest = plain.removeprefix("CXR").partition("_")
        file = places.find(f"{name}.png", f"{number}/{number}_{rest}.dcm")
        if file is None:
            problems.append(Problem(name, "the image is not there, neither as PNG nor as DICOM"))
            continue
        said = {
            "mesh": "; ".join(terms),
            "mesh_automatic": "; ".join(automatic),
            "caption": (image.findtext("caption") or "").strip(),
        }
        records.append(
            Record(
                dataset="open_i",
                image=file,
                patient=f"open_i:{uid}",
                study=f"open_i:{uid}",
                view=views.get(name) or views.get(plain, ViewPosition.UNKNOWN),
                labels=labels,
                sections=sections,
                language="en" if sections else "",
                labelled_by="people, from the report" if labels else "",
                attributes={key: value for key, value in said.items() if value},
            )
        )


def _without_repeated_number(name: str) -> str:
    """Return "CXR1_IM-0001-3001" for "CXR1_1_IM-0001-3001", as report 1 alone writes it."""
    number = name.removeprefix("CXR").partition("_")[0]
    return name.replace(f"CXR{number}_{number}_", f"CXR{number}_", 1)


def _sections(report: Element) -> dict[str, str]:
    """Return the sections that are not empty, by name in small letters, and all of them as "report"."""
    found = {
        node.get("Label", "").lower(): " ".join((node.text or "").split())
        for node in report.iter("AbstractText")
    }
    sections = {name: text for name, text in found.items() if name and text}
    if sections:
        sections["report"] = "\n".join(f"{name.upper()}: {text}" for name, text in sections.items())
    return sections


def _attribute(report: Element, path: str, name: str) -> str:
    node = report.find(path)
    value = None if node is None else node.get(name)
    if not value:
        message = f"it has no {path}"
        raise ValueError(message)
    return value
