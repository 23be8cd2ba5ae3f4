"""What fixed places of a picture tell of its lungs, on masks that are drawn."""

import numpy as np
import pytest
from PIL import Image

from training.lung_places import lungs_of, main


def lungs(top: float = 0.1, bottom: float = 0.85, shift: float = 0.0) -> np.ndarray:
    """Return two lungs of a fifth of the width each, as far from the middle as from each other's middle."""
    mask = np.zeros((200, 200), bool)
    for left in (0.25, 0.55):
        mask[
            int(top * 200) : int(bottom * 200), int((left + shift) * 200) : int((left + shift + 0.2) * 200)
        ] = True
    return mask


def test_lungs_that_lie_as_usual_are_taken_for_what_they_are():
    found = lungs_of(lungs())
    assert found is not None
    assert (found.top, found.bottom, found.middle) == (0.1, 0.85, 0.5)
    assert (found.right_side, found.right_zone) == (1.0, 1.0)


def test_lungs_that_lie_elsewhere_are_taken_for_others():
    found = lungs_of(lungs(top=0.3, bottom=0.9, shift=0.1))
    assert found is not None
    assert found.middle == pytest.approx(0.6)
    assert found.right_side == pytest.approx(0.875), (
        "a quarter of the one lung lies beyond the picture's middle"
    )
    # Their thirds end at 0.5 and 0.7, the picture's at 0.35 and 0.6: 0.05 + 0.1 + 0.2 of 0.6.
    assert found.right_zone == pytest.approx(0.35 / 0.6, abs=0.01)


def test_what_is_not_two_lungs_side_by_side_is_left_out():
    one = lungs()
    one[:, 100:] = False
    assert lungs_of(one) is None
    assert lungs_of(np.zeros((20, 20), bool)) is None
    above_each_other = np.zeros((200, 200), bool)
    above_each_other[20:80, 50:150] = above_each_other[120:180, 50:150] = True
    assert lungs_of(above_each_other) is None


def test_the_command_says_what_all_masks_say(tmp_path, capsys):
    for number, mask in enumerate((lungs(), lungs(shift=0.1), np.zeros((20, 20), bool))):
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f"{number}.png")
    main([str(tmp_path)])
    said = capsys.readouterr().out
    assert "2 masks" in said
    assert "1 others left out." in said
    assert "lungs on the side that is meant     0.9375" in said


def test_masks_without_lungs_are_an_error(tmp_path, capsys):
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / "empty.png")
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path)])
    assert end.value.code == 1
    assert "two lungs" in capsys.readouterr().err
