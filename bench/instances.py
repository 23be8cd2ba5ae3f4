"""DICOM instances to send to a PACS, none of them twice: noise, in the headers that a radiograph has."""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

A_STUDY: Final = 2
"""Instances: frontal and lateral."""


def instances(count: int, *, side: int) -> Iterator[bytes]:
    """Yield files of `side` x `side` pixels of 16 bits, uncompressed, two a study."""
    noise = np.random.default_rng(side)
    study = series = ""
    for number in range(count):
        if number % A_STUDY == 0:
            study, series = generate_uid(), generate_uid()
        yield _instance(study, series, noise.integers(0, 4096, (side, side), dtype=np.uint16))


def _instance(study: str, series: str, pixels: "np.ndarray[tuple[int, int], np.dtype[np.uint16]]") -> bytes:
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    one.StudyInstanceUID, one.SeriesInstanceUID = study, series
    one.PatientID, one.PatientName, one.Modality, one.BodyPartExamined = "1", "Nobody^A", "DX", "CHEST"
    one.Rows, one.Columns = pixels.shape
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
    one.PixelData = pixels.tobytes()
    target = BytesIO()
    one.save_as(target, enforce_file_format=True)
    return target.getvalue()
