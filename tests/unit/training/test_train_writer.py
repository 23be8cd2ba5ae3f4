"""Tuning on real reports: what is learnt, and a run that goes on from where it stopped."""

import json
from random import Random

import pytest

from tests.support.made_up_reports import made_up_table
from training import train_writer
from training.reports.open_i import read_reports
from training.writer.real import draw_real, lessons
from worker_llm.writers.merged import read_adapter


def test_a_lesson_is_what_a_radiologist_wrote_without_what_was_taken_out(tmp_path):
    learnt = {one.request.seed: one for one in lessons(read_reports(made_up_table(tmp_path)))}
    assert set(learnt) == {"open_i:2", "open_i:3", "open_i:4"}  # of nothing found no writer is asked
    assert learnt["open_i:3"].findings == "Patchy opacity in the left base. Small left effusion."
    assert learnt["open_i:3"].impression == "Left basilar opacity. Effusion."


def test_every_lesson_comes_once_before_any_comes_again(tmp_path):
    learnt = lessons(read_reports(made_up_table(tmp_path)))
    drawn = draw_real(learnt, Random(1))
    first, second = ([next(drawn) for _ in learnt] for _ in range(2))
    answers = {one.answer for one in first}
    assert len(answers) == 3
    assert {one.answer for one in second} == answers
    assert "FINDINGS: A nodule lies in the right apex.\nIMPRESSION: Nodule." in answers
    assert all(one.messages[-1]["content"] for one in first)


def test_a_run_goes_on_from_its_checkpoint(tmp_path):
    data, run = made_up_table(tmp_path / "data", times=3), tmp_path / "run"
    words = ["--data", str(data), "--run", str(run), "--threads", "1"]
    train_writer.main([*words, "--steps", "1"])
    checkpoint = (run / "checkpoints" / "optimizer.pt").stat().st_mtime_ns
    train_writer.main([*words, "--steps", "1"])
    assert (run / "checkpoints" / "optimizer.pt").stat().st_mtime_ns == checkpoint  # nothing was left to do
    card = json.loads((run / "adapter" / "card.json").read_text(encoding="utf-8"))
    assert card["licence"].startswith("CC BY-NC-ND 4.0")
    assert card["recipe"]["steps"] == 1
    out = json.loads((run / "split.json").read_text(encoding="utf-8"))["held_out"]
    assert set(out) < {str(number) for number in range(1, 16)}
    assert card["held_out"] == out
    assert (
        len(read_adapter(run / "adapter")) == 7 * 30
    )  # every linear layer of every block, as the worker reads them


def test_a_run_that_began_with_other_reports_is_not_gone_on_from(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "split.json").write_text('{"held_out": ["77"]}\n', encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        train_writer.main(["--data", str(made_up_table(tmp_path, times=3)), "--run", str(run)])
    assert ended.value.code == 2
    assert "began with other reports" in capsys.readouterr().err


def test_reports_of_nothing_found_leave_nothing_to_learn(tmp_path, capsys):
    (tmp_path / "openi_reports.csv").write_text(
        "uid,findings,impression,mesh\n1,Lungs are clear.,Normal.,normal\n", encoding="utf-8"
    )
    with pytest.raises(SystemExit) as ended:
        train_writer.main(["--data", str(tmp_path), "--run", str(tmp_path / "run")])
    assert ended.value.code == 2
    assert "no report shows a label" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_folder_without_reports_ends_the_command(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        train_writer.main(["--data", str(tmp_path)])
    assert ended.value.code == 2
    assert "ecgen-radiology" in capsys.readouterr().err
