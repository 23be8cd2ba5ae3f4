"""CheXpert's test set: 668 radiographs of 500 studies of 500 patients, each study read by radiologists.

Irvin et al. 2019, arXiv 1901.07031: eight radiologists read each study, and the majority of five of them is
the truth that the papers' figures on CheXpert's test set are against. The labels are released apart, in
rajpurkarlab/cheXpert-test-set-labels (its README and `groundtruth.csv` were read); the images come with
CheXlocalize, or from Stanford AIMI's page.

    groundtruth.csv     a row a study: Study ("CheXpert-v1.0/test/patient64741/study1"), 14 columns, 1 or 0
    test_labels.csv     or CheXlocalize's copy, a row an image: Path, and the same 14
    test/patient64741/study1/view1_frontal.jpg      beside the table, or in CheXpert*/

A study's label is each image's: what the study shows may not be seen on every view, so the papers take the
largest probability of a study's images. Whether a frontal image is PA or AP is not published, so its view is
UNKNOWN. There is no sex and no age. Every image is TEST.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from shared.domain.findings import ViewPosition
from shared.labels import CHEXPERT14
from training.datasets.base import DatasetError, Problem, Reading
from training.datasets.cells import states_of
from training.datasets.chexpert import patient_and_study
from training.datasets.csv_tables import Row, find_table, require
from training.datasets.label_names import NAMES
from training.datasets.places import Places
from training.table import Mask, Record, Split, State

_STUDIES: Final = "groundtruth.csv"
_IMAGES: Final = "test_labels.csv"
_NAMES: Final = tuple(NAMES["chexpert"])


class CheXpertTest:
    """The reader."""

    id: str = "chexpert_test"
    title: str = "CheXpert, test set"
    labels: tuple[str, ...] = CHEXPERT14
    published: tuple[int | None, int | None, int | None] = (668, 500, 500)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds a table and the images; where both tables are there, that of studies."""
        studies = find_table(root, _STUDIES, f"*/{_STUDIES}")
        images = find_table(root, *tables_of("test"))
        if studies is None and images is None:
            message = (
                f"{root} holds no {_STUDIES} (rajpurkarlab/cheXpert-test-set-labels) and no {_IMAGES} "
                "(CheXlocalize): put either beside the folder test/"
            )
            raise DatasetError(message)
        require([(studies, ("Study", *_NAMES)), (images, ("Path", *_NAMES))])
        problems: list[Problem] = []
        places = Places(root, folders_of(root))
        files: Iterator[tuple[Row, str]] = iter(())
        if studies is not None:
            files = _files_of_studies(studies.rows(), places, problems)
        elif images is not None:
            files = files_of_images(images.rows(), "test", places, problems)
        return Reading(list(records_of("chexpert_test", Split.TEST, files, problems)), problems)


def tables_of(half: str) -> tuple[str, ...]:
    """Return where CheXlocalize's table of a half's images may lie: "val" or "test"."""
    return f"{half}_labels.csv", f"*/{half}_labels.csv", f"*/*/{half}_labels.csv"


def folders_of(root: Path) -> list[Path]:
    """Return the folders that test/ may lie in."""
    return [root, *sorted(root.glob("CheXpert*")), *sorted(root.glob("*/CheXpert*"))]


def files_of_images(
    rows: Iterable[Row], half: str, places: Places, problems: list[Problem]
) -> Iterator[tuple[Row, str]]:
    """Give each row of a table of images with the image's file; one that is missing becomes a problem."""
    for row in rows:
        path = row.cells["Path"]
        below = path.split("patient", 1)[-1]
        file = places.find(path, f"{half}/patient{below}", f"valid/patient{below}")
        if file is None:
            problems.append(Problem(path or row.where, "the image is not there"))
        else:
            yield row, file


def records_of(
    dataset: str,
    split: Split,
    files: Iterable[tuple[Row, str]],
    problems: list[Problem],
    *,
    masks: Mapping[str, tuple[Mask, ...]] | None = None,
) -> Iterator[Record]:
    """Give the record of each image.

    Args:
        files: a row of labels, and the file.
        masks: by CheXlocalize's name of an image: "patient64541_study1_view1_frontal".
    """
    for row, file in files:
        ids = patient_and_study(file)
        if ids is None:
            problems.append(Problem(row.where, f"{file!r} names no patient and study"))
            continue
        try:
            labels = states_of(row.cells, NAMES["chexlocalize"])
        except ValueError as error:
            problems.append(Problem(row.where, str(error)))
            continue
        if State.UNCERTAIN in labels.values() or len(labels) < len(CHEXPERT14):
            problems.append(Problem(row.where, "a label is neither 1 nor 0: it is another table"))
            continue
        lateral = "lateral" in PurePosixPath(file).name
        yield Record(
            dataset=dataset,
            image=file,
            patient=ids[0],
            study=ids[1],
            view=ViewPosition.LATERAL if lateral else ViewPosition.UNKNOWN,
            labels=labels,
            split=split,
            masks=(masks or {}).get(name_of(file), ()),
            labelled_by="radiologists",
            attributes={"Frontal/Lateral": "Lateral" if lateral else "Frontal"},
        )


def name_of(file: str) -> str:
    """Return what CheXlocalize calls an image: "patient64541_study1_view1_frontal"."""
    return "_".join(PurePosixPath(file).with_suffix("").parts[-3:])


def _files_of_studies(
    rows: Iterable[Row], places: Places, problems: list[Problem]
) -> Iterator[tuple[Row, str]]:
    """Give the row of a study with each of its images, which no table lists: those in the study's folder."""
    for row in rows:
        study = row.cells["Study"]
        files = places.files_in(study, "test/patient" + study.split("patient", 1)[-1])
        if not files:
            problems.append(Problem(study or row.where, "no image of this study is there"))
        for file in files:
            yield row, file
