"""What all adapters have in common, and the parts that several of them use."""

import gzip
from pathlib import Path

import pytest

from shared.domain.findings import ViewPosition
from shared.labels import LABELS
from tests.support.dataset_trees.brax import brax
from tests.support.dataset_trees.candid_ptx import candid_ptx
from tests.support.dataset_trees.chexpert import chexpert
from tests.support.dataset_trees.chexpert_plus import chexpert_plus
from tests.support.dataset_trees.chexpert_test import chexlocalize, chexpert_test
from tests.support.dataset_trees.kaggle import rsna_pneumonia, siim_acr
from tests.support.dataset_trees.midrc_commons import midrc_commons
from tests.support.dataset_trees.midrc_ricord import midrc_ricord
from tests.support.dataset_trees.mimic_cxr import mimic_cxr, mimic_cxr_test
from tests.support.dataset_trees.nih import nih
from tests.support.dataset_trees.nih_google import nih_google, nih_google_all
from tests.support.dataset_trees.object_cxr import object_cxr
from tests.support.dataset_trees.open_i import open_i
from tests.support.dataset_trees.padchest import padchest
from tests.support.dataset_trees.padchest_gr import padchest_gr
from tests.support.dataset_trees.vindr_cxr import vindr_cxr
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.datasets.cells import age_of, view_of
from training.datasets.csv_tables import open_table
from training.datasets.report_sections import cut
from training.table import read, write

pytestmark = pytest.mark.real_data
TREES = [
    nih,
    nih_google,
    nih_google_all,
    rsna_pneumonia,
    siim_acr,
    chexpert,
    chexpert_test,
    chexlocalize,
    chexpert_plus,
    mimic_cxr,
    mimic_cxr_test,
    open_i,
    brax,
    candid_ptx,
    padchest,
    padchest_gr,
    vindr_cxr,
    midrc_ricord,
    midrc_commons,
    object_cxr,
]


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.__name__)
def test_records_survive_parquet_and_carry_the_reader_s_id_and_labels(tmp_path, pictures, tree):
    reader = READERS[tree.__name__]
    records = list(reader.read(tree(tmp_path / "set", pictures)).records)
    write(tmp_path / "table.parquet", records)
    known = [(record.image, record.labels, record.split, record.sections, record.view) for record in records]
    again = read(tmp_path / "table.parquet")
    assert [
        (record.image, record.labels, record.split, record.sections, record.view) for record in again
    ] == known
    assert {record.dataset for record in records} == {reader.id}
    assert {label for record in records for label in record.labels} <= set(reader.labels)


def test_an_id_names_its_reader_and_labels_are_of_the_vocabulary():
    for name, reader in READERS.items():
        assert reader.id == name
        assert set(reader.labels) <= set(LABELS)


@pytest.mark.parametrize("name", READERS)
def test_a_data_set_has_a_page_that_says_what_was_not_checked(name):
    page = (Path(__file__).parents[4] / "docs" / "datasets" / f"{name}.md").read_text()
    assert f"(`{name}`)" in page.splitlines()[0]
    assert "Not checked" in page


@pytest.mark.parametrize("age", ["", "Y", "121", "414Y", "-3", "young"])
def test_an_age_that_is_not_possible_is_none(age):
    assert age_of(age) is None


@pytest.mark.parametrize(
    ("stated", "view"),
    [
        ("pa", "PA"),
        (" LL ", "LATERAL"),
        ("XTABLE LATERAL", "LATERAL"),
        ("PA LLD", "UNKNOWN"),
        ("", "UNKNOWN"),
    ],
)
def test_a_view_is_frontal_lateral_or_unknown(stated, view):
    assert view_of(stated) is ViewPosition(view)


def test_a_table_may_begin_with_a_byte_order_mark_and_cut_rows_short(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfx,y\r\n 1 ,2\r\n\r\n3\r\n")
    rows = list(open_table(tmp_path, "a.csv", columns=["x", "y"]).rows())
    assert [row.cells for row in rows] == [{"x": "1", "y": "2"}, {"x": "3", "y": ""}]


@pytest.mark.parametrize("content", [b"x,y\n\xff\xfe,1\n", b"x,y\n\x00\n" + b"a" * 200_000])
def test_a_table_that_is_damaged_is_named(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.csv .*get it again"):
        list(open_table(tmp_path, "a.csv").rows())


def test_a_packed_table_that_is_damaged_inside_is_named(tmp_path):
    packed = bytearray(gzip.compress(b"x,y\n" + b"".join(b"%d,%d\n" % (k, k * k) for k in range(2000))))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = bytes(40)
    (tmp_path / "a.csv.gz").write_bytes(packed)
    with pytest.raises(DatasetError, match=r"a\.csv\.gz .*get it again"):
        list(open_table(tmp_path, "a.csv").rows())


def test_headings_that_mean_the_same_get_one_name_and_twice_is_joined():
    text = " HISTORY: cough\n\n CONCLUSION:\n Clear.\n\n NOTIFICATION:  by phone\n\n IMPRESSION: No change."
    assert cut(text) == {
        "report": text.strip(),
        "indication": "cough",
        "impression": "Clear. No change.",
        "notification": "by phone",
    }


def test_a_report_without_headings_is_a_report_only():
    assert cut("Lines and tubes: as before.\n") == {"report": "Lines and tubes: as before."}
    assert cut("  \n") == {}
