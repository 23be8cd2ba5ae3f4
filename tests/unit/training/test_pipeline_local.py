"""The Kubeflow pipeline run whole by Kubeflow's own local runner: from a data set to a measured bundle."""

import csv
import subprocess
import sys
from pathlib import Path

from shared.bundles import load_bundle
from tests.support.services import ROOT
from tests.support.trained import LABELS, draw_dataset, write_recipe
from training.table import State, read

KFP_PYTHON = ROOT / ".venv" / "kfp" / "bin" / "python"
PATIENTS = 120
COLUMNS = (
    *("Image Index", "Finding Labels", "Follow-up #", "Patient ID"),
    *("Patient Age", "Patient Gender", "View Position"),
)


def write_nih(folder: Path) -> Path:
    """Write drawn pictures in the layout of ChestX-ray14, without its official lists."""
    (folder / "images").mkdir(parents=True)
    with (folder / "Data_Entry_2017_v2020.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number, record in enumerate(read(draw_dataset(folder / "drawn", PATIENTS))):
            name = f"{number + 1:08}_000.png"
            (folder / "drawn" / record.image).rename(folder / "images" / name)
            found = [label for label, state in record.labels.items() if state is State.PRESENT]
            rows.writerow([name, "|".join(found) or "No Finding", 0, number + 1, 50, "F", "PA"])
    return folder


def test_the_whole_pipeline_makes_a_bundle_and_measures_it(tmp_path: Path):
    folder = write_nih(tmp_path / "nih")
    recipe = write_recipe(
        tmp_path / "tiny.toml", "simple_cnn", data={"datasets": ["nih"]}, run={"epochs": 1, "batch": 16}
    )
    out = tmp_path / "out"
    command: list[str | Path] = [KFP_PYTHON, "training/kubeflow/local.py", "nih", folder, recipe]
    done = subprocess.run(
        [*command, "--python", sys.executable, "--out", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (run,) = out.iterdir()
    bundle = load_bundle(run / "register" / "bundle")
    assert [label.id for label in bundle.card.labels] == list(LABELS)
    scores = list(csv.DictReader((run / "evaluate" / "scores").read_text().splitlines()))
    assert 0 < len(scores) < PATIENTS
    assert set(LABELS) <= scores[0].keys()
    assert "<html" in (run / "evaluate" / "report").read_text()


def test_a_step_that_fails_stops_the_pipeline_and_says_why(tmp_path: Path):
    command: list[str | Path] = [KFP_PYTHON, "training/kubeflow/local.py", "nih", tmp_path, "simple_cnn"]
    done = subprocess.run(
        [*command, "--python", sys.executable, "--out", tmp_path / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Data_Entry_2017" in done.stdout
    assert "ingest" in done.stderr.splitlines()[-1]
