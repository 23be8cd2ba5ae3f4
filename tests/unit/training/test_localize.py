"""Where maps point: the pure figures, and the command on a bundle whose "Effusion" is brightness."""

import csv
import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from PIL import Image

from shared.bundles import CAM_WEIGHTS, CARD, GRAPH, digest_of, load_bundle
from shared.domain.findings import ViewPosition
from tests.support.bundles import write_tiny_bundle
from training.localize import main
from training.scoring.pointing import Pointed, figures, outlined, pointed
from training.table import Mask, Record, Region, Split, State, read, write
from worker_cnn.runtime import FEATURE_MAP

CORNER = np.zeros((4, 4), np.float32)
CORNER[3, 3] = 1.0
"""A map whose one hot cell is at the lower right."""


def record(image: str = "a.png", **places) -> Record:
    patient = f"p:{image}"
    return Record("drawn", image, patient, patient, ViewPosition.PA, {"Effusion": State.PRESENT}, **places)


def test_a_box_and_a_mask_of_the_label_are_outlined_and_no_others():
    of_both = record(
        boxes=(Region("Effusion", 0.5, 0.0, 1.0, 0.5), Region("Mass", 0.0, 0.0, 1.0, 1.0)),
        masks=(Mask("Effusion", 2, 4, (1, 1, 6)), Mask("heart", 2, 4, (0, 8))),
    )
    shown = outlined(of_both, "Effusion", rows=4, columns=8)
    assert shown is not None
    expected = np.zeros((4, 8), bool)
    expected[:2, 4:] = expected[2:, :2] = True
    np.testing.assert_array_equal(shown, expected)
    assert outlined(of_both, "Nodule", rows=4, columns=8) is None


def test_of_a_polygon_only_what_it_holds_is_outlined():
    triangle = Region("Effusion", 0.0, 0.0, 1.0, 1.0, ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    shown = outlined(record(boxes=(triangle,)), "Effusion", rows=8, columns=8)
    assert shown is not None
    assert shown[0, :7].all()
    assert not shown[4:, 5:].any()


def test_the_smallest_box_is_still_a_pixel():
    shown = outlined(
        record(boxes=(Region("Effusion", 0.5, 0.5, 0.5001, 0.5001),)), "Effusion", rows=4, columns=4
    )
    assert shown is not None
    assert np.argwhere(shown).tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("box", "hit"), [((slice(256, 512), slice(256, 512)), True), ((slice(256), slice(256)), False)]
)
def test_a_hit_is_the_maximum_inside_and_the_overlap_is_by_area(box, hit):
    shown = np.zeros((512, 512), bool)
    shown[box] = True
    found, overlap = pointed(CORNER, shown)
    assert found is hit
    assert (overlap > 0.1) is hit
    assert 0 <= overlap < 1


def test_a_map_that_is_its_outline_overlaps_wholly_and_one_that_says_nothing_misses():
    shown = np.zeros((512, 512), bool)
    shown[100:300, 50:400] = True
    assert pointed(shown.astype(np.float32), shown) == (True, 1.0)
    assert pointed(np.zeros((4, 4), np.float32), np.ones((512, 512), bool)) == (False, 0.0)


def test_figures_are_means_with_intervals_over_patients():
    found = [
        Pointed(
            "Effusion", f"{k}.png", f"p:{k // 2}", called=k < 2, hit=k % 2 == 0, overlap=k / 10, chance=0.25
        )
        for k in range(8)
    ]
    said = figures(found)
    assert (said.images, said.called, said.chance) == (8, 2, 0.25)
    assert (said.hits.value, said.hits_called and said.hits_called.value) == (0.5, 0.5)
    assert said.hits.low == said.hits.high == 0.5, "each patient has one hit and one miss"
    assert said.overlap.low < said.overlap.value == 0.35 < said.overlap.high
    assert figures(found[2:]).hits_called is None


@pytest.fixture
def folder(tmp_path):
    """Six pictures, each bright at the upper left; four have the box there, two at the lower right."""
    write_tiny_bundle(tmp_path / "bundle")
    records = []
    for k in range(6):
        picture = np.full((64, 64), 40 + k, np.uint8)
        picture[:16, :16] = 250
        Image.fromarray(picture).save(tmp_path / f"{k}.png")
        place = Region("Effusion", *((0.0, 0.0, 0.25, 0.25) if k < 4 else (0.75, 0.75, 1.0, 1.0)))
        records.append(record(f"{k}.png", boxes=(place,), split=Split.TEST if k else Split.TRAIN))
    records.append(record("none.png"))
    write(tmp_path / "table.parquet", records)
    return tmp_path


def run(folder, *more: str) -> None:
    given = ("--bundle", folder / "bundle", "--table", folder / "table.parquet", "--images", folder)
    main([*map(str, given), "--threads", "1", *more])


def test_the_command_counts_hits_by_the_worker_s_own_map(folder, capsys):
    run(folder, "--out", str(folder / "rows.csv"))
    with (folder / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["image"], row["hit"]) for row in rows] == [(f"{k}.png", str(k < 4)) for k in range(6)]
    assert all(float(row["chance"]) == 0.0625 for row in rows)
    assert all((float(row["overlap"]) > 0.3) is (row["hit"] == "True") for row in rows)
    printed = capsys.readouterr().out
    assert "Effusion" in printed
    assert "0.667" in printed
    assert "Mass" not in printed
    assert "| Effusion | 6 | 4 of 6 (0.22 to 0.96) |" in printed, "two of six are boxed on the other side"
    assert load_bundle(folder / "bundle").card.placings is None


def test_the_card_says_how_often_sides_are_right_of_patients_who_chose_no_threshold(folder):
    records = list(read(folder / "table.parquet"))
    write(folder / "table.parquet", [replace(records[0], split=Split.VALIDATION), *records[1:]])
    run(folder, "--write")
    card = load_bundle(folder / "bundle").card
    assert card.placings is not None
    assert (card.placings.not_of, card.placings.table) == (1, "table.parquet")
    effusion, mass = card.labels
    assert effusion.side is not None
    assert effusion.zone is not None
    assert [(one.steps[0].right, one.steps[0].maps) for one in (effusion.side, effusion.zone)] == [(3, 5)] * 2
    assert (effusion.side_from, effusion.zone_from, mass.side) == (None, None, None)
    assert "| Effusion | 5 | 3 of 5" in (folder / "bundle" / "README.md").read_text()


def test_only_a_part_is_measured_and_a_file_that_is_away_is_named(folder, capsys):
    (folder / "1.png").unlink()
    run(folder, "--split", "test", "--out", str(folder / "rows.csv"))
    assert "1.png" in capsys.readouterr().err
    assert len((folder / "rows.csv").read_text().splitlines()) == 1 + 4


def test_a_table_without_outlines_is_refused(folder, capsys):
    write(folder / "table.parquet", [record("0.png")])
    with pytest.raises(SystemExit) as ended:
        run(folder)
    assert ended.value.code == 1
    assert "no box or mask of a label of the bundle" in capsys.readouterr().err


def test_a_bundle_without_a_feature_map_points_nowhere(folder, capsys):
    bundle = folder / "bundle"
    model = onnx.load(bundle / GRAPH)
    model.graph.output.remove(next(one for one in model.graph.output if one.name == FEATURE_MAP))
    onnx.save(model, bundle / GRAPH)
    card = json.loads((bundle / CARD).read_text())
    card["files"] = {GRAPH: digest_of((bundle / GRAPH).read_bytes())}
    (bundle / CARD).write_text(json.dumps(card))
    (bundle / CAM_WEIGHTS).unlink()
    with pytest.raises(SystemExit) as ended:
        run(folder)
    assert ended.value.code == 2
    assert "the bundle 'bundle' has no feature map, so it points nowhere" in capsys.readouterr().err
