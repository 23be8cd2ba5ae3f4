"""The command that trains the lungs' U-Net, on drawn chests, and on real ones where they are given."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from training.architectures import unet
from training.lung_masks import dice, read_pairs, shipped_masks, squares_of
from training.splits import split_of
from training.table import Split
from training.train_lungs import main


@pytest.fixture
def chests(tmp_path) -> Path:
    """Bright bodies with two dark lungs each: 4 patients to learn from, 2 and 2 to measure."""
    wanted = {Split.TRAIN: 4, Split.VALIDATION: 2, Split.TEST: 2}
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    rows = ["file,patient_id"]
    for patient in range(200):
        split = split_of(f"p{patient}")
        if not wanted[split]:
            continue
        wanted[split] -= 1
        body, lungs = Image.new("L", (120, 100), 180), Image.new("L", (120, 100))
        top = int(random.integers(10, 30))
        for left in (20, 70):
            box = (left, top, left + 30, top + 60)
            ImageDraw.Draw(body).ellipse(box, fill=int(random.integers(20, 70)))
            ImageDraw.Draw(lungs).ellipse(box, fill=255)
        body.save(tmp_path / "images" / f"{patient}.jpg")
        lungs.save(tmp_path / "masks" / f"{patient}.png")
        rows.append(f"{patient}.png,p{patient}")
    (tmp_path / "patients.csv").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def options(folder: Path, **changed: Path) -> list[str]:
    paths = {"images": folder / "images", "masks": folder / "masks", "csv": folder / "patients.csv"} | changed
    return [part for name, path in paths.items() for part in (f"--{name}", str(path))]


def test_it_learns_lungs_and_says_how_well(chests, capsys):
    torch.set_num_threads(1)
    out = chests / "runs" / "unet.pt"
    main([*options(chests), "--out", str(out), "--epochs", "15"])
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["train", "validation", "test"]
    assert "(2 images of 2 patients)" in said[2]
    network = unet.load(out).eval()
    pairs = read_pairs(chests / "images", chests / "masks", chests / "patients.csv")
    images, masks = zip(*(squares_of(pair) for pair in pairs if pair.split is Split.TEST), strict=True)
    with torch.no_grad():
        overlaps = dice((network(torch.stack(images)) > 0.0).float(), torch.stack(masks))
    assert float(overlaps.mean()) > 0.8
    assert f"Dice {float(overlaps.mean()):.3f}" in said[2]


def test_a_mask_of_another_shape_is_left_out(chests):
    first, *others = sorted((chests / "masks").iterdir())
    Image.new("L", (100, 100)).save(first)
    pairs = read_pairs(chests / "images", chests / "masks", chests / "patients.csv")
    assert {pair.image.stem for pair in pairs} == {path.stem for path in others}


def test_masks_may_lie_in_a_zip(chests):
    with zipfile.ZipFile(chests / "masks.zip", "w") as archive:
        for path in (chests / "masks").iterdir():
            archive.write(path, f"inside/{path.name}")
    zipped = read_pairs(chests / "images", chests / "masks.zip", chests / "patients.csv")
    assert zipped == read_pairs(chests / "images", chests / "masks", chests / "patients.csv")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("patients.csv", b"name,patient_id\n", "needs the columns filename or file, and patientid"),
        ("patients.csv", b"file,patient_id\nother.png,p1\n", "matched by the file's name"),
        ("masks.zip", b"no zip", "neither a folder nor a zip"),
        ("patients.csv", b"file,patient_id\n0.png,p0\n", "there must be more patients"),
    ],
)
def test_what_cannot_be_used_is_named(chests, capsys, name, content, says):
    (chests / name).write_bytes(content)
    if b"p0" in content:  # whichever patients were drawn, let one remain
        stem = next((chests / "images").iterdir()).stem
        (chests / name).write_text(f"file,patient_id\n{stem}.png,p{stem}\n", encoding="utf-8")
    changed = {"masks": chests / name} if name == "masks.zip" else {}
    with pytest.raises(SystemExit):
        main([*options(chests, **changed), "--out", str(chests / "unet.pt")])
    assert says in capsys.readouterr().err
    assert not (chests / "unet.pt").exists()


def test_the_shipped_masks_fit_the_real_images(test_data, chests):
    """Without real data the drawn chests take their place, so that the check is never empty."""
    if test_data is None:
        pairs = read_pairs(chests / "images", chests / "masks", chests / "patients.csv")
    else:
        pairs = read_pairs(test_data / "images" / "cohen", shipped_masks(), test_data / "labels.csv")
        assert len(pairs) > 300
    for pair in pairs[:: max(1, len(pairs) // 8)]:
        image, mask = squares_of(pair)
        assert image.shape == mask.shape == (1, unet.SIDE, unet.SIDE)
        # Lungs are darker than what is around them inside the film.
        assert 0.05 < float(mask.mean()) < 0.6
        assert float(image[mask > 0].mean()) < float(image[(mask == 0) & (image > 0.02)].mean())
