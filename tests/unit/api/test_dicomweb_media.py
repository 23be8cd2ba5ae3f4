"""What Accept says, with parameters and quoted texts."""

import pytest

from api.dicomweb.frames import form_of
from api.dicomweb.media import ranges

NATIVE, JPEG, J2K = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90"


def test_ranges_come_the_best_first_with_their_parameters():
    accept = 'image/png;q=0.5, multipart/related; type="application/dicom"; transfer-syntax=*, text/html;q=0'
    first, second = ranges(accept)
    assert (first.media_type, first.within, first.transfer_syntax) == (
        "multipart/related",
        "application/dicom",
        "*",
    )
    assert (second.media_type, second.quality) == ("image/png", 0.5)
    assert [one.media_type for one in ranges(None)] == ["*/*"]
    assert ranges('multipart/related; type="a/b;c,d"')[0].within == "a/b;c,d"


@pytest.mark.parametrize(
    ("accept", "syntax", "taken"),
    [
        ("*/*", JPEG, True),
        ("application/octet-stream", NATIVE, True),
        ("application/octet-stream", JPEG, False),
        ("multipart/related; type=application/octet-stream; transfer-syntax=*", J2K, True),
        (f"multipart/related; type=application/octet-stream; transfer-syntax={JPEG}", J2K, False),
        ('multipart/related; type="image/jp2"', J2K, True),
        ('multipart/related; type="image/jpeg"', J2K, False),
        ("image/jpeg", NATIVE, False),
        (f"image/jpeg; transfer-syntax={JPEG}", JPEG, True),
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70", JPEG, False),
    ],
)
def test_a_frame_is_given_only_as_it_is_stored(accept: str, syntax: str, *, taken: bool):
    assert (form_of(syntax, ranges(accept)) is not None) is taken
