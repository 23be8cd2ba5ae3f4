"""Builders of DICOM, PNG and JPEG bytes, sound and broken."""

import zlib
from io import BytesIO
from struct import pack
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

Pixels = NDArray[Any]


def a_picture(rows: int = 48, columns: int = 40, *, bits: int = 12) -> NDArray[np.uint16]:
    """Make stored values that differ everywhere, and in every direction."""
    y, x = np.mgrid[:rows, :columns]
    values: NDArray[np.uint16] = ((y * 37 + x * 11 + (x * y) % 7) % 2**bits).astype(np.uint16)
    return values


def a_dicom(
    pixels: Pixels | None = None, *, transfer_syntax: UID = ExplicitVRLittleEndian, **tags: Any
) -> bytes:
    """Make a DX image; `tags` replace what it has by keyword, and None takes a tag out.

    Args:
        pixels: (H, W) or (H, W, 3) stored values, 12 bits unless `tags` say otherwise.
    """
    pixels = a_picture() if pixels is None else pixels
    dataset = _dataset(pixels)
    if transfer_syntax == JPEGBaseline8Bit:
        dataset.file_meta.TransferSyntaxUID = transfer_syntax
        dataset.PixelData = encapsulate([a_jpeg(pixels)])
        dataset["PixelData"].is_undefined_length = True
    elif transfer_syntax.is_encapsulated:
        _set(dataset, {keyword: tags[keyword] for keyword in ("BitsStored", "HighBit") if tags.get(keyword)})
        dataset.compress(transfer_syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = transfer_syntax
        if transfer_syntax == ExplicitVRBigEndian:
            dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    _set(dataset, tags)
    return written(dataset)


def written(dataset: Dataset) -> bytes:
    """Write a data set to bytes, preamble and file meta included."""
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _dataset(pixels: Pixels) -> Dataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    dataset = Dataset()
    dataset.file_meta = meta
    colour = pixels.ndim == 3
    tags: dict[str, Any] = {
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": "2.25.1",
        "StudyInstanceUID": "2.25.2",
        "SeriesInstanceUID": "2.25.3",
        "Modality": "DX",
        "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": 12 if pixels.dtype.itemsize == 2 else pixels.dtype.itemsize * 8,
        "HighBit": 11 if pixels.dtype.itemsize == 2 else pixels.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.astype(pixels.dtype.newbyteorder("<")).tobytes(),
    }
    if colour:
        tags["PlanarConfiguration"] = 0
    _set(dataset, tags)
    return dataset


def _set(dataset: Dataset, tags: dict[str, Any]) -> None:
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)


def a_png(pixels: Pixels) -> bytes:
    """Make a PNG: 8 or 16 bits gray, RGB, or RGBA, by the array's type and shape."""
    return _saved(pixels, "PNG")


def a_jpeg(pixels: Pixels, **options: Any) -> bytes:
    """Make a JPEG of 8-bit pixels, at a quality that changes gray levels by hardly one."""
    return _saved(pixels, "JPEG", quality=100, **options)


def _saved(pixels: Pixels, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def a_png_bomb(rows: int, columns: int) -> bytes:
    """Make a small, sound 1-bit PNG of zeros that unpacks to rows times columns."""
    packer = zlib.compressobj(1)
    line = b"\0" * (1 + (columns + 7) // 8)
    data = b"".join(packer.compress(line) for _ in range(rows)) + packer.flush()
    header = pack(">IIBBBBB", columns, rows, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))
