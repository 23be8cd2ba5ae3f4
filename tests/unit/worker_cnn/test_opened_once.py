"""A DICOM file is opened once where it is taken in, and once where it is read."""

import io
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from shared.dicom.files import open_dicom
from shared.intake import files
from shared.intake.files import Limits, SentFile
from tests.support.dicoms import a_dicom
from worker_cnn.decoding import prepare

LIMITS = Limits(images=1, pixels=10**6, file_bytes=10**6, total_bytes=10**6, zip_ratio=100)


def times_opened(work: Callable[[], object]) -> int:
    """Count the calls of `open_dicom`, by whatever name it is called."""
    opened = 0

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal opened
        opened += event == "call" and frame.f_code is open_dicom.__code__

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return opened


@pytest.mark.parametrize(
    "work",
    [
        lambda content: files.check([SentFile("a.dcm", io.BytesIO(content))], LIMITS),
        lambda content: prepare(content, name="a.dcm", size=64),
    ],
    ids=["taken in", "read by the worker"],
)
def test_a_dicom_file_is_opened_once(work: Callable[[bytes], object]):
    content = a_dicom()
    assert times_opened(lambda: work(content)) == 1
