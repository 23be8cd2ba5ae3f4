from pathlib import Path

import pytest

from tests.support.made_up_reports import made_up_table
from training import score_reports
from training.reports.open_i import RealReport
from training.score_reports import CHEXPERT5, ScoreError, read_texts, read_truth, scored

_TEXTS = {
    "s1": "The heart is enlarged. No pneumothorax.",
    "s2": "There is a left pleural effusion. A nodule lies in the right apex.",
    "s3": "The lungs are clear.",
}


def _table(path: Path, head: str, rows: list[str]) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def _reports(folder: Path, *, times: int = 1) -> Path:
    rows = [f"{name}-{again},{text}" for again in range(times) for name, text in _TEXTS.items()]
    return _table(folder / "reports.csv", "study_id,report", rows)


def test_texts_are_read_from_one_column_or_from_two_sections(tmp_path):
    assert read_texts(_reports(tmp_path))["s3-0"] == "The lungs are clear."
    sections = _table(tmp_path / "sections.csv", "uid,findings,impression", ["7,Clear lungs.,Normal."])
    assert read_texts(sections) == {"7": "Clear lungs. Normal."}


def test_labels_stand_in_columns_by_any_data_set_s_names(tmp_path):
    truth = read_truth(
        _table(
            tmp_path / "labels.csv",
            "study_id,Pleural Effusion,Cardiomegaly,Nodule,No Finding",
            ["s1,,1.0,0,0", "s2,1,-1,1,0", "s3,0,0,0,1"],
        )
    )
    assert truth["s1"] == {"Effusion": False, "Cardiomegaly": True, "Lung_Lesion": False, "No_Finding": False}
    assert truth["s2"] == {"Effusion": True, "Lung_Lesion": True, "No_Finding": False}
    assert truth["s3"]["No_Finding"]


def test_the_labels_of_people_s_reports_are_read_as_those_of_the_writer_s(tmp_path):
    truth = read_truth(_reports(tmp_path))
    assert {label for label, shown in truth["s2-0"].items() if shown} == {"Effusion", "Lung_Lesion"}
    assert {label for label, shown in truth["s3-0"].items() if shown} == {"No_Finding"}


def test_reports_that_say_what_is_true_score_one_and_those_that_say_nothing_zero(tmp_path, capsys):
    reports = _reports(tmp_path, times=6)
    score_reports.main([str(reports), "--truth", str(reports)])
    printed = capsys.readouterr().out
    assert "18 reports, of 18 with a text and 18 with labels." in printed
    assert printed.count("| mean of the labels (macro) |  |  |  | 1.000 (1.000 to 1.000) |") == 2
    silent = _table(tmp_path / "silent.csv", "id,text", [f"s2-{number},Rotated." for number in range(6)])
    score_reports.main([str(silent), "--truth", str(reports)])
    fourteen, five = capsys.readouterr().out.split("F1-5:")
    assert "| Lung_Lesion | 6 | none affirmed | 0.000" in fourteen
    assert "macro) |  |  |  | 0.000" in five


def test_open_i_s_folder_is_a_truth(tmp_path):
    folder = made_up_table(tmp_path / "open_i", times=6)
    reports = read_texts(folder / "openi_reports.csv")
    truth = read_truth(folder)
    assert truth["2"]["Cardiomegaly"]
    assert set(truth) < set(reports)
    assert set(CHEXPERT5) <= truth["1"].keys()


@pytest.mark.parametrize(
    ("head", "row", "said"),
    [
        ("report", "clear", "no column of ids"),
        ("id,words", "1,clear", "no column of texts"),
        ("id,report", None, "has no rows"),
    ],
)
def test_a_table_of_reports_that_is_none(tmp_path, head, row, said):
    with pytest.raises(ScoreError, match=said):
        read_texts(_table(tmp_path / "reports.csv", head, [row] if row else []))


@pytest.mark.parametrize(
    ("head", "row", "said"),
    [
        ("id,colour", "s1-0,red", "neither a column a label nor one of texts"),
        ("id,Edema", "s1-0,perhaps", "none of 1, 0, -1 and blank"),
        ("id,Edema", "another,1", "no id is in both"),
    ],
)
def test_a_truth_that_is_none_ends_the_command_with_the_reason(tmp_path, head, row, said, capsys):
    truth = _table(tmp_path / "truth.csv", head, [row])
    with pytest.raises(SystemExit):
        score_reports.main([str(_reports(tmp_path)), "--truth", str(truth)])
    assert said in capsys.readouterr().err


def test_a_label_of_which_the_truth_says_nothing_is_in_no_figure(tmp_path):
    reports = read_texts(_reports(tmp_path))
    told = [
        RealReport(name, text, "", (), {"Cardiomegaly": name.startswith("s1")})
        for name, text in reports.items()
    ]
    printed = "\n".join(scored(told * 6))
    assert "Cardiomegaly" in printed
    assert "Effusion" not in printed
