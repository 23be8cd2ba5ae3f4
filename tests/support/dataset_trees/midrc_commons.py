"""The MIDRC Data Commons, from the exports of its nodes as its own tools and scripts of others read them.

Each node is a TSV file with the name of the node and of the day or project. `case_ids` is plain in some
exports and a list as Python writes it in others. What the download client fetches is an archive a series.
"""

from pathlib import Path

from tests.support.dataset_trees.dicom_files import write_dicom
from tests.support.dataset_trees.pictures import Pictures

CASES = "case_Open-A1.tsv"
_CASES = [
    "type\tproject_id\tsubmitter_id\tsex\trace\tethnicity\tage_at_index\tage_at_index_gt89\tcovid19_positive",
    "case\tOpen-A1\t10000364-1\tFemale\tWhite\tNot Hispanic or Latino\t63\tNo\tYes",
    "case\tOpen-A1\t10000364-2\tMale\tNot Reported\tNot Reported\t\tYes\tNo",
]
_CR = [
    "type\tproject_id\tsubmitter_id\tcase_ids\tseries_uid\tstudy_uid\tmodality\tview_position\tobject_id\tfile_name",
    "cr_series_file\tOpen-A1\tx\t['10000364-1']\t1.9.1\t1.8.1\tCR\tAP\tdg.MD1R/1\t1.9.1.zip",
]
_DX = [
    _CR[0],
    "dx_series_file\tOpen-A1\ty\t10000364-1\t1.9.2\t1.8.2\tDX\tPA\tdg.MD1R/2\t1.9.2.zip",
    "dx_series_file\tOpen-A1\tz\t10000364-2\t1.9.3\t1.8.3\tDX\tLL\tdg.MD1R/3\t1.9.3.zip",
]
_IMAGES = [("1.8.1", "1.9.1", "AP"), ("1.8.2", "1.9.2", "PA"), ("1.8.3", "1.9.3", "LL")]


def midrc_commons(root: Path, pictures: Pictures, *, tables: str = ".") -> Path:
    """Write the tree, its manifests in a folder of their own or beside the images."""
    for study, series, view in _IMAGES:
        write_dicom(
            root / "images" / series / f"{series}.1.dcm",
            pictures,
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            ViewPosition=view,
        )
    (root / tables).mkdir(exist_ok=True)
    for name, lines in ((CASES, _CASES), ("cr_series_file.tsv", _CR), ("dx_series_file.tsv", _DX)):
        (root / tables / name).write_text("\n".join(lines) + "\n")
    return root
