"""What can be sent as an image, and what is refused before anything is."""

import io
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr import InputError, calls
from cxr.models import Findings

_GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
_DEEP = (np.arange(12, dtype=np.uint16) * 5000).reshape(3, 4)
_COLOUR = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


def _sent(given) -> list[tuple[str, bytes]]:
    """Return the names and contents of what would be sent, of a second attempt too."""
    call = calls.submit(given)
    attempts = []
    for _ in range(2):
        with ExitStack() as opened:
            attempts.append([(name, file.read()) for _, (name, file) in call.open_files(opened) or []])
    assert attempts[0] == attempts[1]
    return attempts[0]


def test_a_path_bytes_and_an_open_file(tmp_path: Path):
    path = tmp_path / "chest.dcm"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        assert _sent([str(path), path, file]) == [("chest.dcm", b"content")] * 3
    assert _sent([b"content", io.BytesIO(b"more")]) == [("image-1", b"content"), ("image-2", b"more")]
    assert _sent(str(path)) == _sent(path) == [("chest.dcm", b"content")]
    assert _sent(("a.dcm", lambda: io.BytesIO(b"x"))) == [("a.dcm", b"x")]


@pytest.mark.parametrize("pixels", [_GREY, _DEEP, _COLOUR, _DEEP[:, ::2], np.asfortranarray(_GREY)])
def test_an_array_and_a_picture_keep_every_pixel(pixels: np.ndarray):
    for given in (pixels, [pixels], Image.fromarray(pixels)):
        ((name, content),) = _sent(given)
        assert name == "image-1.png"
        with Image.open(io.BytesIO(content)) as image:
            assert np.array_equal(np.asarray(image), pixels)


def test_a_picture_is_sent_as_it_is_shown():
    file = io.BytesIO()
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(_GREY).save(file, "TIFF", exif=turned)
    with Image.open(file) as image:
        ((_, content),) = _sent(image)
    with Image.open(io.BytesIO(content)) as sent:
        assert sent.size == (3, 4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "nothing to send"),
        ((), "nothing to send"),
        (None, "NoneType"),
        ([1], "int"),
        ([b""], "empty"),
        (io.StringIO("text"), "mode 'rb'"),
        (np.zeros((3, 4)), "uint8 or uint16"),
        (np.zeros((2, 3, 4, 1), np.uint8), "uint8 or uint16"),
        (np.zeros((0, 4), np.uint8), "uint8 or uint16"),
        (np.zeros((3, 4), np.int16), "uint8 or uint16"),
        (Image.fromarray(np.zeros((3, 4), np.float32)), "mode F"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_plain_words(given, said: str):
    with pytest.raises(InputError, match=said):
        calls.submit(given)


@pytest.mark.parametrize("its_id", ["12", "", None, "0199…", "../keys"])
def test_an_id_that_is_none_is_refused(its_id):
    for call in (calls.study, calls.report, calls.delete, calls.batch, calls.revoke_key):
        with pytest.raises(InputError, match="is no id"):
            call(its_id)


def test_findings_are_taken_by_their_label():
    finding = {"label": "Pleural_Thickening", "name": "Pleural thickening", "status": "absent"}
    found = Findings.model_validate(
        {
            "study_id": "1",
            "model": {"id": "m", "version": "1"},
            "findings": [{**finding, "probability": 0.1, "threshold": 0.5}],
        }
    )
    assert found["Pleural_Thickening"] is found["pleural thickening"] is found.findings[0]
    with pytest.raises(KeyError):
        found["Effusion"]


def test_neither_numpy_nor_pil_is_needed_or_imported():
    code = (
        "import sys; from cxr import Client, calls; calls.submit([b'x'])\n"
        "assert not {'numpy', 'PIL'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
