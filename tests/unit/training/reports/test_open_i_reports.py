import pytest

from shared.domain.findings import Place, Side, Zone
from tests.support.made_up_reports import made_up_archive, made_up_table
from training.datasets.base import DatasetError
from training.reports.open_i import labelled, place_of, read_reports


def test_the_archive_and_the_table_give_the_same_reports(tmp_path):
    table = read_reports(made_up_table(tmp_path / "table"))
    assert read_reports(made_up_archive(tmp_path / "archive")) == table
    assert [report.uid for report in table] == ["1", "2", "3", "4", "5"]
    assert table[2].present() == ("Effusion", "Lung_Opacity")


def test_what_a_writer_is_told_are_the_terms_with_their_places(tmp_path):
    request = read_reports(made_up_table(tmp_path))[2].request()
    assert request.detected() == ("Effusion", "Lung_Opacity")
    places = {finding.label: finding.place for finding in request.findings}
    assert places["Lung_Opacity"] == Place(Side.LEFT, Zone.BASAL)
    assert places["Effusion"] == Place(Side.LEFT)
    assert places["Pneumonia"] is None
    assert "No_Finding" not in places


@pytest.mark.parametrize(
    ("terms", "place"),
    [
        (["Nodule/lung/apex/right", "Nodule/lung/apex/left"], Place(Side.BOTH, Zone.APICAL)),
        (["Nodule/lung/upper lobe", "Nodule/lung/base"], None),
        (["Nodule/lung"], None),
        (["Opacity/lung/left", "Nodule/lung/lingula"], Place(None, Zone.MIDDLE)),
        (["Nodule/lung/bilateral/hilum"], Place(Side.BOTH, Zone.PERIHILAR)),
    ],
)
def test_a_place_is_what_the_terms_of_the_label_agree_on(terms, place):
    assert place_of("Nodule", terms) == place


def test_a_report_that_was_not_indexed_is_not_labelled(tmp_path):
    reports = read_reports(made_up_table(tmp_path))
    assert {report.uid for report in labelled(reports)} == {"1", "2", "3", "4"}


def test_the_order_of_the_labelled_hangs_on_nothing_but_their_numbers(tmp_path):
    reports = read_reports(made_up_table(tmp_path, times=20))
    assert labelled(reversed(reports)) == labelled(reports)
    assert [report.uid for report in labelled(reports)] != [report.uid for report in reports if report.labels]


def test_a_folder_without_reports_and_a_table_without_columns_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="ecgen-radiology"):
        read_reports(tmp_path)
    (tmp_path / "openi_reports.csv").write_text("uid,findings\n1,clear\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="impression"):
        read_reports(tmp_path)
    (tmp_path / "ecgen-radiology").mkdir()
    (tmp_path / "openi_reports.csv").unlink()
    (tmp_path / "ecgen-radiology" / "1.xml").write_text("<eCitation/>", encoding="utf-8")
    with pytest.raises(DatasetError, match="no report in XML"):
        read_reports(tmp_path)
