"""Lets a codec notice that a JPEG ends early, and read one that lacks nothing but its end marker.

libjpeg (both of them) completes a frame that is cut off from nothing, without a word: where the bits end or
the end marker comes too soon, it goes on with zeros. So the end marker is taken off, and what is put in its
place is code words that no JPEG may have: a decoder that needs none of them has all that it wants.
Other codecs are strict, and only have to be given the end marker that a frame lacks.
"""

from io import BytesIO
from typing import Final

from libjpeg.utils import decode
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from shared.dicom.codestreams import jpeg_end, jpeg_is_one_scan

_END: Final = b"\xff\xd9"
_NO_CODE: Final = b"\xff\0" * 8
"""64 one-bits, their bytes stuffed: no Huffman code is all ones (ISO 10918-1 C.2). As many as libjpeg-turbo
reads ahead, and as few, since it makes up to two blocks of them and stumbles only when there are no more."""


def sealed(frame: bytes, transfer_syntax: UID) -> bytes:
    """Return a frame of a DICOM file of which the codec sees whether it is whole.

    Raises:
        Exception: it is a progressive JPEG that ends early.
    """
    if transfer_syntax in JPEGTransferSyntaxes:
        return sealed_jpeg(frame)
    if transfer_syntax in (*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes):
        return frame if _has_end(frame) else frame + _END
    return frame


def sealed_jpeg(frame: bytes) -> bytes:
    """Return a JPEG of which the codec sees whether it is whole.

    Raises:
        Exception: it is a progressive one that ends early.
    """
    if jpeg_is_one_scan(BytesIO(frame)):
        return _picture(frame) + _NO_CODE
    if _has_end(frame) or jpeg_end(BytesIO(frame)) is not None:
        return frame
    # Of several scans libjpeg-turbo reads nothing before it has seen the end; the other one judges. A scan
    # that refines others takes some thousand bits as they come.
    decode(frame + 1000 * _NO_CODE)
    return frame + _END


def _has_end(frame: bytes) -> bool:
    return frame[-8:].rstrip(b"\0").endswith(_END)


def _picture(frame: bytes) -> bytes:
    """Return a JPEG up to its end marker, without the 0xFF that may fill the space before it."""
    end = frame.rindex(_END) if _has_end(frame) else jpeg_end(BytesIO(frame))
    return frame[:end].rstrip(b"\xff")
