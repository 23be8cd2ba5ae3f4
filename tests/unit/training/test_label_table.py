import codecs
from pathlib import Path

import pytest

from shared.blanks import Blank
from training.scoring.label_table import LabelTableError, Meaning, merged, names_of, read_table


def table(folder: Path, text: str, *, bom: bool = False) -> Path:
    path = folder / "labels.csv"
    path.write_bytes((codecs.BOM_UTF8 if bom else b"") + text.encode())
    return path


def labels(folder: Path, text: str) -> list[dict[str, bool]]:
    return [dict(row.labels) for row in read_table(table(folder, text)).rows]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("Effusion", ("Effusion",)),
        ("Pleural Effusion", ("Effusion",)),
        ("pleural_thickening", ("Pleural_Thickening",)),
        ("Pleural Thickening", ("Pleural_Thickening",)),
        ("hydropneumothorax", ("Effusion", "Pneumothorax")),
        ("No Finding", ("No_Finding",)),
        ("normal", ("No_Finding",)),
        ("mass", ()),  # PadChest's, of any organ
        ("Aortic enlargement", ()),
        ("pseudonodule", ()),
    ],
)
def test_a_name_means_what_its_data_set_means_by_it(name, ids):
    assert names_of(name).shown == ids


def test_a_name_for_one_of_two_labels_says_neither():
    assert names_of("Nodule/Mass") == Meaning(("Lung_Lesion",), ("Nodule", "Mass"))


@pytest.mark.parametrize("bom", [False, True])
@pytest.mark.parametrize("file", ["file", "filename", "Image Index", "image_id", "Path", "dicom_id"])
def test_the_column_of_files_goes_by_many_names(tmp_path, file, bom):
    (row,) = read_table(table(tmp_path, f"{file},labels\na.png,Mass\n", bom=bom)).rows
    assert row.file == "a.png"


def test_nih_s_own_table_is_read_as_it_is(tmp_path):
    header = "Image Index,Finding Labels,Patient ID,View Position"
    text = f"{header}\n1_0.png, Effusion | Mass ,1,PA\n1_1.png,No Finding,1,AP\n"
    ill, well = read_table(table(tmp_path, text)).rows
    assert (ill.patient, ill.view, dict(ill.labels)) == ("1", "PA", {"Effusion": True, "Mass": True})
    assert dict(well.labels) == {"Effusion": False, "Mass": False}


@pytest.mark.parametrize(
    "cell", ["Pleural Effusion;nodule", "Pleural Effusion|nodule", "['Pleural Effusion', ' nodule']"]
)
def test_one_column_of_labels_is_cut_stripped_and_mapped(tmp_path, cell):
    assert labels(tmp_path, f'file,labels\na,"{cell}"\n')[0] == {"Effusion": True, "Nodule": True}


def test_a_blank_list_of_labels_says_nothing(tmp_path):
    assert labels(tmp_path, "file,labels\na,Mass\nb,\n") == [{"Mass": True}, {}]


def test_one_column_a_label_says_yes_no_nothing_or_maybe(tmp_path):
    text = "Path,Pleural Effusion,Mass,Edema\na,1.0,0,TRUE\nb,false,-1,\nc,0.0,,-1.0\n"
    assert labels(tmp_path, text) == [
        {"Effusion": True, "Mass": False, "Edema": True},
        {"Effusion": False},
        {"Effusion": False},
    ]


def test_no_finding_denies_what_is_left_blank_but_not_what_is_uncertain(tmp_path):
    assert labels(tmp_path, "Path,No Finding,Mass,Edema\na,1,,-1\nb,0,1,\n") == [
        {"Mass": False},
        {"Mass": True},
    ]


def test_no_finding_says_nothing_of_devices_and_chexpert_s_blanks_are_absent_by_policy(tmp_path):
    rows = "a,,1,,\nb,chexpert,,1,\nc,clinic,,1,\nd,chexpert,,,\ne,,,,1\n"
    text = f"Path,source,No Finding,Mass,Support Devices\n{rows}"
    said = [one.labels for one in read_table(table(tmp_path, text), blank=Blank.ZEROS).rows]
    assert said == [
        {"Mass": False},
        {"Mass": True, "Support_Devices": False},
        {"Mass": True},
        {},
        {"Support_Devices": True},
    ]
    assert labels(tmp_path, text)[1] == {"Mass": True}


def test_a_label_under_several_names_is_absent_only_when_all_are(tmp_path):
    text = "file,nodule,multiple nodules\na,0,1\nb,0,0\nc,0,\n"
    assert labels(tmp_path, text) == [{"Nodule": True}, {"Nodule": False}, {}]


def test_nodule_or_mass_teaches_by_its_negatives_alone(tmp_path):
    text = "file,Nodule/Mass\na,1\nb,0\n"
    assert labels(tmp_path, text) == [
        {"Lung_Lesion": True},
        {"Lung_Lesion": False, "Nodule": False, "Mass": False},
    ]


def test_names_are_kept_for_those_that_nothing_answers_to_and_other_columns_are_not_labels(tmp_path):
    text = "image_id,age,Mass,Aortic enlargement,Hernia\na,61,1,0,\nb,40,0,1,\n"
    read = read_table(table(tmp_path, text))
    assert read.names == {"Mass": Meaning(("Mass",)), "Aortic enlargement": Meaning(())}
    assert read.labels == {"Mass"}


def test_semicolons_and_tabs_separate_as_well(tmp_path):
    assert labels(tmp_path, "file;labels\na;Mass|Edema\n") == [{"Mass": True, "Edema": True}]
    assert labels(tmp_path, "file\tMass\na\t1\n") == [{"Mass": True}]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("a,labels\nx,Mass\n", "call it `file`"),
        ("file,age\nx,3\n", "write `labels`"),
        ("file,Mass\nx,0.37\n", "row 2, column Mass: write 1, 0, -1"),
        ("file,labels\n", "no row"),
        ("", "no row"),
    ],
)
def test_what_cannot_be_read_says_in_one_line_what_to_change(tmp_path, text, advice):
    with pytest.raises(LabelTableError, match=advice) as raised:
        read_table(table(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_a_table_that_is_away_or_in_another_encoding_says_so(tmp_path):
    with pytest.raises(LabelTableError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
    path = table(tmp_path, "")
    path.write_bytes("file,labels\na,Ödem\n".encode("latin-1"))
    with pytest.raises(LabelTableError, match="save it as UTF-8"):
        read_table(path)


def test_rows_of_one_file_become_one(tmp_path):
    rows = read_table(table(tmp_path, "file,label\na,Mass\na,Edema\nb,No Finding\nc,Mass\n")).rows
    found = merged(rows, {"a": Path("a.png"), "b": Path("b.png")})
    assert {path.name: dict(row.labels) for path, row in found.items()} == {
        "a.png": {"Mass": True, "Edema": True},
        "b.png": {"Mass": False, "Edema": False},
    }
