"""The command on whole trees; `main` is called in this process, as `python -m` calls it."""

import csv

import numpy as np
import pytest
from PIL import Image

from tests.support.dataset_trees.chexpert import chexpert
from tests.support.dataset_trees.mimic_cxr import mimic_cxr
from tests.support.dataset_trees.nih import nih
from training.data import main
from training.datasets import READERS
from training.describing.counts import count
from training.table import read

pytestmark = pytest.mark.real_data


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def root(tmp_path, pictures):
    return nih(tmp_path / "nih", pictures)


def status(*arguments) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def rows(text: str) -> list[list[str]]:
    """Return the cells of all tables that were printed."""
    return [
        [cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line
    ]


def test_counts_stand_beside_the_published_ones(root, capsys):
    main(["describe", "nih", str(root)])
    printed = rows(capsys.readouterr().out)
    for row in (
        ["images", "5", "112,120"],
        ["patients", "4", "30,805"],
        ["studies", "5", "not stated"],
        ["images with boxes", "1", ""],
        ["train", "3", "2"],
        ["test", "2", "2"],
        ["PA", "3", "60.0%"],
        ["F", "2", "40.0%"],
        ["50 to 59", "2", "40.0%"],
        ["not stated", "1", "20.0%"],
        ["Cardiomegaly", "2", "3", "0", "0", "40.0%"],
        ["No_Finding", "2", "3", "0", "0", "40.0%"],
    ):
        assert row in printed


def test_uncertain_and_not_labelled_are_counted_apart(tmp_path, pictures):
    reader = READERS["chexpert"]
    counts = count(reader.read(chexpert(tmp_path, pictures)).records, reader.labels)
    consolidation = counts.labels["Consolidation"]
    assert (consolidation.present, consolidation.absent) == (0, 1)
    assert (consolidation.uncertain, consolidation.not_labelled) == (3, 3)
    assert consolidation.share == 0
    assert counts.labels["Pleural_Other"].share == 0
    assert counts.labellers == {"text mining": 6, "radiologists": 1}


def test_a_sound_set_has_no_faults(root, capsys):
    main(["describe", "nih", str(root)])
    printed = capsys.readouterr().out
    for line in ("Problems: none", "Duplicates: none", "Patients in several splits: none"):
        assert line in printed


def test_duplicates_of_several_patients_and_a_leak_are_shown(root, capsys):
    images = root / "images_006" / "images"
    (images / "00005567_000.png").write_bytes((root / "images_001/images/00000001_000.png").read_bytes())
    lists = root / "train_val_list.txt"
    lists.write_text(lists.read_text().replace("00000001_001.png\n", ""))
    with (root / "test_list.txt").open("a") as names:
        names.write("\n00000001_001.png\n")
    main(["describe", "nih", str(root)])
    printed = capsys.readouterr().out
    assert "Duplicates: 1 group of equal files; of several patients: 1; in several splits: 1" in printed
    assert "images_001/images/00000001_000.png, images_006/images/00005567_000.png" in printed
    assert "Patients in several splits: 1\n  nih:1: test, train" in printed


def test_files_of_one_size_but_different_bytes_are_no_duplicates(root, capsys):
    for image in root.rglob("*.png"):
        with image.open("ab") as file:
            file.write(b"\0" * (200_000 - image.stat().st_size))
    main(["describe", "nih", str(root)])
    assert "Duplicates: none" in capsys.readouterr().out


def test_plots_are_pictures(root, tmp_path, capsys):
    main(["describe", "nih", str(root), "--plots", str(tmp_path / "plots")])
    drawn = sorted((tmp_path / "plots").iterdir())
    assert [path.name for path in drawn] == ["ages.png", "labels.png", "views.png"]
    assert sorted(capsys.readouterr().out.splitlines()[-3:]) == [str(path) for path in drawn]
    for path in drawn:
        with Image.open(path) as plot:
            assert len(np.unique(np.asarray(plot.convert("L")))) > 10


def test_verify_accepts_a_sound_set_with_an_rgba_image(root):
    main(["verify", "nih", str(root), "--decode"])
    with Image.open(root / "images_001" / "images" / "00000002_000.png") as image:
        assert image.mode == "RGBA"


def test_verify_names_every_missing_file(root, capsys):
    missing = ["00000001_000.png", "00030805_000.png"]
    for name in missing:
        next(root.rglob(name)).unlink()
    assert status("verify", "nih", root) == 1
    assert capsys.readouterr().out.splitlines() == [f"{name}: the image is not there" for name in missing]


def test_verify_names_every_missing_column(root, capsys):
    table = root / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace("Patient ID", "Patient").replace("Follow-up #", "Visit"))
    assert status("verify", "nih", root) == 1
    assert "lacks the columns Follow-up #, Patient ID; it has Image Index, " in capsys.readouterr().err


def test_verify_names_every_missing_column_of_several_tables(tmp_path, pictures, capsys):
    root = mimic_cxr(tmp_path, pictures, packed=False)
    for name, column in (("metadata", "ViewPosition"), ("split", "split"), ("chexpert", "Edema")):
        table = root / f"mimic-cxr-2.0.0-{name}.csv"
        table.write_text(table.read_text().replace(f"{column}", f"no {column}", 1))
    assert status("verify", "mimic_cxr", root) == 1
    said = capsys.readouterr().err
    for name, column in (("metadata", "ViewPosition"), ("split", "split"), ("chexpert", "Edema")):
        assert f"mimic-cxr-2.0.0-{name}.csv lacks the columns {column};" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>Access denied</html>", "neither DICOM, PNG nor JPEG"),
        (None, "cut off or corrupt"),
    ],
)
def test_verify_decodes_headers_only_when_told_to(root, capsys, content, reason):
    image = root / "images_001" / "images" / "00000001_000.png"
    image.write_bytes(image.read_bytes()[:20] if content is None else content)
    main(["verify", "nih", str(root)])
    assert status("verify", "nih", root, "--decode") == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("images_001/images/00000001_000.png: ")
    assert reason in line


def test_verify_reads_the_headers_of_dicom_files(tmp_path, pictures):
    mimic_cxr(tmp_path, pictures)
    for image in (tmp_path / "files").rglob("*.jpg"):
        image.unlink()
    mimic_cxr(tmp_path, pictures, release="dicom")
    main(["verify", "mimic_cxr", str(tmp_path), "--decode"])


def test_verify_is_not_content_with_a_set_without_images(root, capsys):
    with (root / "Data_Entry_2017.csv").open(newline="") as file:
        header = next(csv.reader(file))
    (root / "Data_Entry_2017.csv").write_text(",".join(header) + "\n")
    (root / "BBox_List_2017.csv").unlink()
    assert status("verify", "nih", root) == 1
    assert "0 images, 0 problems" in capsys.readouterr().err


def test_the_table_is_written(root, tmp_path, capsys):
    out = tmp_path / "nih.parquet"
    main(["table", "nih", str(root), "--out", str(out)])
    assert [record.patient for record in read(out)] == ["nih:1", "nih:1", "nih:2", "nih:5567", "nih:30805"]
    assert capsys.readouterr().out == f"{out}: 5 images\n"


def test_a_table_of_nothing_is_not_written(root, tmp_path, capsys):
    for image in root.rglob("*.png"):
        image.unlink()
    assert status("table", "nih", root, "--out", tmp_path / "nih.parquet") == 1
    assert not (tmp_path / "nih.parquet").exists()
    assert "no image of NIH ChestX-ray14 is in" in capsys.readouterr().err


def test_an_unknown_data_set_is_a_wrong_command_and_all_ids_are_listed(root, capsys):
    assert status("describe", "nihh", root) == 2
    assert f"there are: {', '.join(READERS)}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["describe", "table"])
def test_a_folder_of_something_else_is_a_wrong_command(tmp_path, capsys, command):
    out = ["--out", tmp_path / "x.parquet"] if command == "table" else []
    assert status(command, "chexpert", tmp_path, *out) == 2
    assert "holds neither train.csv nor valid.csv" in capsys.readouterr().err


def test_a_path_that_is_no_folder_and_an_out_without_one_are_wrong_commands(root, tmp_path, capsys):
    assert status("verify", "nih", root / "nowhere") == 2
    assert status("table", "nih", root, "--out", tmp_path / "nowhere" / "x.parquet") == 2
    assert "make it first" in capsys.readouterr().err


def test_help_teaches_and_lists_the_data_sets(capsys):
    assert status("--help") == 0
    said = capsys.readouterr().out
    assert "python -m training.data verify nih /data/nih --decode" in said
    assert all(f"{name} " in said and reader.title in said for name, reader in READERS.items())
