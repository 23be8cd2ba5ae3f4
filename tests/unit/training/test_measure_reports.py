import pytest

from tests.support.made_up_reports import made_up_table
from training import measure_reports


def test_the_labellers_figures_are_printed_label_by_label(tmp_path, capsys):
    measure_reports.main(["labeller", "--data", str(made_up_table(tmp_path, times=6))])
    printed = capsys.readouterr().out
    assert "24 reports; the grammar reads " in printed
    assert printed.count("| label | reports | precision | recall | F1 |") == 3
    assert (
        "| Nodule | 6 | 1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) |" in printed
    )


@pytest.mark.parametrize("what", ["labeller", "writers"])
def test_a_folder_without_reports_ends_the_command(tmp_path, what, capsys):
    with pytest.raises(SystemExit) as ended:
        measure_reports.main([what, "--data", str(tmp_path)])
    assert ended.value.code == 2
    assert "ecgen-radiology" in capsys.readouterr().err


def test_an_adapter_that_has_seen_a_report_is_not_measured_on_it(tmp_path, capsys):
    rows = "".join(f"{n},A nodule {n} {n + 100} {n + 200}.,Nodule {n}.,Nodule/lung\n" for n in range(60))
    (tmp_path / "openi_reports.csv").write_text(f"uid,findings,impression,mesh\n{rows}", encoding="utf-8")
    for card in (None, '{"id": "told nothing"}', '{"held_out": ["1"]}'):
        if card is not None:
            (tmp_path / "card.json").write_text(card, encoding="utf-8")
        with pytest.raises(SystemExit) as ended:
            measure_reports.main(["writers", "--data", str(tmp_path), "--adapter", str(tmp_path)])
        assert ended.value.code == 2
        assert "does not say that it was tuned without these reports" in capsys.readouterr().err


def test_reports_without_a_finding_leave_writers_nothing_to_write(tmp_path, capsys):
    rows = "".join(f"{number},Lungs are clear.,Normal.,normal\n" for number in range(40))
    (tmp_path / "openi_reports.csv").write_text(f"uid,findings,impression,mesh\n{rows}", encoding="utf-8")
    with pytest.raises(SystemExit):
        measure_reports.main(["writers", "--data", str(tmp_path)])
    assert "none of the held-out reports shows a label" in capsys.readouterr().err
