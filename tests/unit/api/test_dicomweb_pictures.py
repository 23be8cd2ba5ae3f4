"""A window and a viewport on a preview."""

import io

import numpy as np
from PIL import Image

from api.dicomweb.pictures import PNG, Preview, rendered, shown_by


def preview(*, inverted: bool = False) -> Preview:
    """Return 256 levels of gray that stand for the stored values 0 to 2,550."""
    content = io.BytesIO()
    levels = np.arange(256, dtype=np.uint8)[None, :]
    Image.fromarray(255 - levels if inverted else levels).save(content, "PNG")
    return Preview(content.getvalue(), 256, (0.0, 2550.0), is_inverted=inverted)


def grays(of: Preview, **asked: str) -> list[int]:
    with Image.open(io.BytesIO(rendered(of, shown_by(asked), PNG))) as picture:
        return np.asarray(picture)[0].tolist()


def test_a_window_is_on_the_stored_values():
    shown = grays(preview(), window="1000.5,1001,linear")
    # PS3.3 C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white past c - 0.5 + (w - 1) / 2.
    assert shown[50] == 0
    assert shown[150] == 255
    assert shown[100] == round(0.5 * 255)
    assert shown[75] == round(0.25 * 255)


def test_a_window_on_an_inverted_picture_stays_inverted():
    straight = grays(preview(), window="1000.5,1001,linear")
    assert grays(preview(inverted=True), window="1000.5,1001,linear") == [255 - gray for gray in straight]


def test_a_region_is_in_pixels_of_the_instance():
    half = Preview(preview().content, 512, (0.0, 2550.0))
    assert grays(half, viewport="100,1,20,0,200,0") == list(range(10, 110))
