from pathlib import Path

from training.scoring.image_folder import find_images


def found(folder: Path, files: list[str], names: list[str]) -> dict[str, str]:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return {name: str(path.relative_to(folder)) for name, path in find_images(folder, names).items()}


def test_a_path_under_the_folder_goes_first(tmp_path):
    assert found(tmp_path, ["a/x.png", "b/x.png"], ["a/x.png"]) == {"a/x.png": "a/x.png"}


def test_a_bare_name_is_found_in_any_sub_folder(tmp_path):
    assert found(tmp_path, ["images_001/images/x.png"], ["x.png"]) == {"x.png": "images_001/images/x.png"}


def test_folders_above_the_one_that_is_named_do_not_matter(tmp_path):
    names = ["nih/x.png", "C:\\films\\sub\\y.png", "/mnt/z/z.png"]
    assert found(tmp_path, ["x.png", "sub/y.png", "z.png"], names) == dict(
        zip(names, ["x.png", "sub/y.png", "z.png"], strict=True)
    )


def test_the_ending_may_be_missing_or_another(tmp_path):
    assert found(tmp_path, ["x.dcm", "sub/y.jpg", "1.2.840.png"], ["x", "y.png", "1.2.840"]) == {
        "x": "x.dcm",
        "y.png": "sub/y.jpg",
        "1.2.840": "1.2.840.png",
    }


def test_a_uid_is_no_name_with_an_ending(tmp_path):
    assert found(tmp_path, ["1.2.3.dcm"], ["1.2.4"]) == {}


def test_a_name_that_fits_several_files_is_no_file(tmp_path):
    assert found(tmp_path, ["a/x.png", "b/x.png"], ["x.png"]) == {}


def test_the_file_with_the_most_folders_in_common_is_meant(tmp_path):
    files = ["train/p1/study1/view1.jpg", "train/p2/study1/view1.jpg"]
    assert found(tmp_path, files, ["Set-v1/train/p2/study1/view1.jpg"]) == {
        "Set-v1/train/p2/study1/view1.jpg": "train/p2/study1/view1.jpg"
    }


def test_another_patient_s_image_of_the_same_name_is_not_taken(tmp_path):
    names = ["p1/study1/view1.jpg", "p2/study1/view1.jpg", "p3/study1/view1.jpg"]
    assert found(tmp_path, ["p2/study1/view1.jpg"], names) == {"p2/study1/view1.jpg": "p2/study1/view1.jpg"}
