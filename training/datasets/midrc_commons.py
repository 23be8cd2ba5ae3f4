"""MIDRC Data Commons: radiographs of many sites, with the commons' manifests of cases and series.

MIDRC (data.midrc.org). Layout: the commons' export of its nodes as TSV, and its download client; columns as
MIDRC's own tools (2025) and scripts of others use them.

    case*.tsv                  submitter_id, sex, age_at_index, age_at_index_gt89, covid19_positive
    cr_series*.tsv             series_uid, case_ids; also dx_series*.tsv: one of them is enough
    <any folders>/<any>.dcm    unpacked from the archives, one a series

A file is told by the SeriesInstanceUID in its header, whatever its folders are called. `covid19_positive` is
of a case and its tests: it is the label COVID-19 of each of its images, on a clear film too, which
`labelled_by` says. Ages are those of the index event where the header has none; one above 89 is not given,
and MIDRC's own tools take it as 90. There is no official split. The commons' project TCIA-RICORD holds the
images of MIDRC-RICORD, whose readings `midrc_ricord.py` has: use one of the two.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from training.datasets.base import Problem, Reading
from training.datasets.cells import age_of, sex_of
from training.datasets.csv_tables import find_table, open_table, require
from training.datasets.dicom_headers import Header, headers_below
from training.table import Record, State

_CASES: Final = ("case*.tsv", "*/case*.tsv")
_CASE_COLUMNS: Final = ("submitter_id", "sex", "age_at_index", "covid19_positive")
_SERIES: Final = (("cr_series*.tsv", "*/cr_series*.tsv"), ("dx_series*.tsv", "*/dx_series*.tsv"))
_SERIES_COLUMNS: Final = ("series_uid", "case_ids")
_ATTRIBUTES: Final = ("covid19_positive", "race", "ethnicity")
_LABEL: Final = "COVID-19"
_STATES: Final = {"yes": State.PRESENT, "no": State.ABSENT}
_ABOVE_89: Final = 90.0


class MidrcCommons:
    """The reader."""

    id: str = "midrc_commons"
    title: str = "MIDRC Data Commons"
    labels: tuple[str, ...] = (_LABEL,)
    published: tuple[int | None, int | None, int | None] = (None, None, None)

    def read(self, root: Path) -> Reading:
        """Read a folder that holds the manifests, and the DICOM files anywhere below it."""
        cases, case_of = _manifests(root)
        records = []
        problems: list[Problem] = []
        for file, header in headers_below(root, problems):
            case = case_of.get(header.series, "")
            if case in cases:
                records.append(_record(file, header, cases[case]))
            elif case:
                problems.append(Problem(file, f"the manifest of cases does not have {case}"))
            else:
                problems.append(Problem(file, "no manifest of series has the series of this file"))
        return Reading(records, problems)


def _manifests(root: Path) -> tuple[dict[str, Mapping[str, str]], dict[str, str]]:
    """Return the row of each case, and the case of each series."""
    cases = open_table(root, *_CASES)
    series = [find_table(root, *patterns) for patterns in _SERIES]
    if not any(series):
        open_table(root, *(pattern for patterns in _SERIES for pattern in patterns))
    require([(cases, _CASE_COLUMNS), *((table, _SERIES_COLUMNS) for table in series)])
    return (
        {row.cells["submitter_id"]: row.cells for row in cases.rows()},
        {
            row.cells["series_uid"]: row.cells["case_ids"].strip("[]'\" ")
            for table in series
            if table is not None
            for row in table.rows()
        },
    )


def _record(file: str, header: Header, case: Mapping[str, str]) -> Record:
    patient = f"midrc_commons:{case['submitter_id']}"
    age = _ABOVE_89 if case.get("age_at_index_gt89") == "Yes" else age_of(case["age_at_index"])
    state = _STATES.get(case["covid19_positive"].lower())
    return Record(
        dataset="midrc_commons",
        image=file,
        patient=patient,
        study=f"{patient}/{header.study}",
        view=header.view,
        labels={} if state is None else {_LABEL: state},
        sex=header.sex or sex_of(case["sex"]),
        age_years=age if header.age_years is None else header.age_years,
        labelled_by="" if state is None else "test of the patient",
        attributes={name: case[name] for name in _ATTRIBUTES if case.get(name)},
    )
