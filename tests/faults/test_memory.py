"""Large pictures: how much memory they take, and what becomes of one for which there is no room."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from shared.errors import BrokenImageError, TooLargeError
from tests.support.dicoms import a_dicom, a_jpeg, a_png, a_png_bomb
from worker_cnn import room
from worker_cnn.decoding import DecoderPool
from worker_cnn.room import memory_of_all

SIDE = 4000
MEASURE = """
import sys
from pathlib import Path
from tests.support.dicoms import a_dicom, a_png
import numpy as np
from worker_cnn.decoding import prepare

def peak():
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) * 1024

gray = np.arange(10_000, dtype=np.uint8).reshape(100, 100)
for small in (a_png(gray), a_png(np.dstack([gray] * 3)), a_dicom(gray)):
    prepare(small, name="small", size=288)
data = Path(sys.argv[1]).read_bytes()
before = peak()
prepare(data, name="large", size=288)
print(peak() - before)
"""


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[DecoderPool]:
    """Decode in a container of 1 GiB, where the children have the least there is."""
    monkeypatch.setattr(room, "memory_limit", lambda: 1024**3)
    with DecoderPool(workers=1) as pool:
        yield pool


def gray() -> np.ndarray:
    return np.add.outer(np.arange(SIDE) // 40, np.arange(SIDE) // 50).astype(np.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda: a_png(gray()), 6),
        (lambda: a_png(gray().astype(np.uint16) * 16), 8),
        (lambda: a_png(np.dstack([gray()] * 3)), 10),
        (lambda: a_jpeg(np.dstack([gray()] * 3)), 12),
        (lambda: a_dicom(gray().astype(np.uint16) * 16, WindowCenter=2048, WindowWidth=4096), 8),
    ],
    ids=["png", "16-bit png", "colour png", "colour jpeg", "dicom"],
)
def test_a_large_picture_takes_a_few_bytes_a_pixel(make, most, tmp_path: Path):
    file = tmp_path / "large"
    file.write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert int(done.stdout) / SIDE**2 < most


@pytest.mark.parametrize(
    "data",
    [
        a_png_bomb(10_000, 10_000),
        a_dicom(np.zeros((1000, 1000), np.uint16), transfer_syntax=JPEG2000Lossless, Rows=9000, Columns=9000),
    ],
    ids=["png", "dicom"],
)
def test_a_picture_without_room_is_refused_with_its_size_and_what_to_do(decoders: DecoderPool, data: bytes):
    data = data.replace((1000).to_bytes(4) * 2, (9000).to_bytes(4) * 2)
    with pytest.raises(TooLargeError, match=r"(10000|9000) x \d+ pixels.*fewer pixels") as caught:
        decoders.prepare(lambda: data, name="large", size=288)
    assert caught.value.file == "large"
    assert decoders.prepare(a_dicom, name="small", size=288).rows == 48


def test_a_broken_picture_leaves_its_room_to_the_next(decoders: DecoderPool):
    whole = a_dicom(np.zeros((4600, 4600), np.uint16), transfer_syntax=JPEGLSLossless)
    start = whole.index(b"\xff\xda")
    broken = whole[: start + 4] + b"\x7f" + whole[start + 5 :]
    with pytest.raises(BrokenImageError):
        decoders.prepare(lambda: broken, name="broken", size=288)
    assert decoders.prepare(lambda: whole, name="whole", size=288).rows == 4600


@pytest.mark.parametrize("children", [1, 2, 4])
def test_all_children_and_the_worker_fit_into_the_container(monkeypatch: pytest.MonkeyPatch, children: int):
    for gigabytes in (3, 4, 8, 64):
        monkeypatch.setattr(room, "memory_limit", lambda: gigabytes * 1024**3)  # noqa: B023  called at once
        every = memory_of_all(children) + children * 100 * 1024**2
        assert every + 900 * 1024**2 <= gigabytes * 1024**3
