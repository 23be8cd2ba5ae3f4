"""Makes the samples again: `python -m samples.make --data DIR`.

DIR is laid out as `labels.csv` (columns file, view, labels, patient_id) beside `images/nih/`. Only
normal postero-anterior films of NIH ChestX-ray14 are read, one a patient, since their licence allows
what is learnt from them to be given on. On one machine the same films give the same samples, byte for byte.
"""

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from samples.synthesis import SIDE, Film, align, cut, draw, learn, nearest

_NAMESPACE: Final = UUID("6f1d1f0e-0d0b-4f4c-9a55-3c1b8f0a7c11")
_STORED_BLACK: Final = 200
_STORED_WHITE: Final = 3800
_PICTURE_COMMENT: Final = "Synthetic, belongs to no patient"
_COMMENT: Final = "Synthetic chest radiograph of no patient; made by samples/make.py"


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to make: which draw, and how it is stored."""

    file: str
    seed: int
    transfer_syntax: UID | None = None
    monochrome1: bool = False


SAMPLES: Final = (
    Sample("chest-1.png", 4),
    Sample("chest-2-16bit.png", 5),
    Sample("chest-3.jpg", 2),
    Sample("chest-4.dcm", 10, ExplicitVRLittleEndian),
    Sample("chest-4-rle.dcm", 10, RLELossless),
    Sample("chest-5-monochrome1-jpegls.dcm", 11, JPEGLSLossless, monochrome1=True),
    Sample("chest-6-jpeg2000.dcm", 1, JPEG2000Lossless),
)


def main() -> int:
    """Make all samples, say how near each is to the nearest film, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of NIH ChestX-ray14 images")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where the samples go")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)  # the sums of a parallel loop depend on how it was cut
    films = read_films(arguments.data)
    aligned = align(films)
    model = learn(aligned)
    sys.stdout.write(f"{len(films)} films, {len(aligned.films)} aligned\n")
    for sample in SAMPLES:
        film = draw(model, sample.seed)
        write(arguments.out / sample.file, mark(film), sample)
        likeness = nearest(film, aligned.films)
        sys.stdout.write(f"{sample.file}: gray {likeness.gray:.3f}, texture {likeness.texture:.3f}\n")
    others = range(len(aligned.films))
    real = [
        nearest(cut(aligned.films[one]), aligned.films[[other for other in others if other != one]])
        for one in list(others)[:20]
    ]
    sys.stdout.write(
        f"real films with each other: gray {np.median([each.gray for each in real]):.3f}, "
        f"texture {np.median([each.texture for each in real]):.3f}\n"
    )
    return 0


def read_films(data: Path) -> list[Film]:
    """Read the films to learn from: (SIDE, SIDE) in [0, 1] each, the middle square of the image."""
    with (data / "labels.csv").open(newline="", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["file"].startswith("nih/")]
    first = {
        row["patient_id"]: row["file"]
        for row in reversed(rows)
        if row["view"] == "PA" and row["labels"] == "No Finding"
    }
    films = []
    for file in sorted(first.values()):
        gray = np.asarray(Image.open(data / "images" / file).convert("L"))
        side = min(gray.shape)
        top, left = (gray.shape[0] - side) // 2, (gray.shape[1] - side) // 2
        square = gray[top : top + side, left : left + side]
        small = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        films.append(np.asarray(small, np.float32) / np.float32(255))
    return films


def mark(film: Film) -> Film:
    """Burn SYNTHETIC into the lower left corner, white on black."""
    label = np.zeros((22, 112), np.uint8)
    cv2.putText(label, "SYNTHETIC", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    marked = film.copy()
    marked[-28:-6, 6:118] = label / np.float32(255)
    return marked


def write(path: Path, film: Film, sample: Sample) -> None:
    """Write a picture in the form that its sample asks for."""
    if sample.transfer_syntax is not None:
        _dicom(film, sample).save_as(path, enforce_file_format=True)
        return
    if "16bit" in sample.file:
        picture = Image.fromarray(_twelve_bits(film) << 4)  # 12 bits of values in 16, as from a detector
    else:
        picture = Image.fromarray(np.rint(film * 255).astype(np.uint8))
    note = PngInfo()
    note.add_text("Comment", _PICTURE_COMMENT)
    picture.save(path, quality=92, pnginfo=note, comment=_PICTURE_COMMENT)  # each format takes its own


def _twelve_bits(film: Film) -> NDArray[np.uint16]:
    stored: NDArray[np.uint16] = np.rint(
        _STORED_BLACK + film.astype(np.float64) * (_STORED_WHITE - _STORED_BLACK)
    ).astype(np.uint16)
    return stored


def _dicom(film: Film, sample: Sample) -> FileDataset:
    uids = {what: UID(f"2.25.{uuid5(_NAMESPACE, f'{what} {sample.file}').int}") for what in _UIDS}
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uids["SOPInstanceUID"]
    meta.ImplementationClassUID = UID(f"2.25.{_NAMESPACE.int}")
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    for keyword, uid in uids.items():
        setattr(dataset, keyword, uid)
    for keyword, value in _TAGS.items():
        setattr(dataset, keyword, value)
    stored = _twelve_bits(film)
    dataset.PhotometricInterpretation = "MONOCHROME1" if sample.monochrome1 else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if sample.monochrome1 else "IDENTITY"
    if sample.monochrome1:
        stored = np.uint16(_STORED_BLACK + _STORED_WHITE) - stored
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelData = stored.astype("<u2").tobytes()
    if sample.transfer_syntax not in {None, ExplicitVRLittleEndian}:
        dataset.compress(sample.transfer_syntax, generate_instance_uid=False)
    return dataset


_UIDS: Final = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_TAGS: Final[dict[str, object]] = {
    "ImageType": ["DERIVED", "PRIMARY"],
    "PatientName": "SYNTHETIC^Chest",
    "PatientID": "SYNTHETIC",
    "PatientSex": "O",
    "PatientAge": "050Y",
    "PatientComments": _COMMENT,
    "ImageComments": _COMMENT,
    "DerivationDescription": _COMMENT,
    "BurnedInAnnotation": "YES",  # the word SYNTHETIC
    "StudyDate": "20260101",
    "StudyTime": "120000",
    "StudyID": "1",
    "AccessionNumber": "",
    "SeriesNumber": 1,
    "InstanceNumber": 1,
    "Modality": "DX",
    "PresentationIntentType": "FOR PRESENTATION",
    "Manufacturer": "CXR Reporter",
    "BodyPartExamined": "CHEST",
    "ViewPosition": "PA",
    "ImageLaterality": "U",
    "PatientOrientation": ["L", "F"],
    "ImagerPixelSpacing": [0.75, 0.75],
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1,
    "RescaleIntercept": 0,
    "RescaleSlope": 1,
    "RescaleType": "US",
    "LossyImageCompression": "00",
    "SamplesPerPixel": 1,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": (_STORED_BLACK + _STORED_WHITE) / 2,
    "WindowWidth": _STORED_WHITE - _STORED_BLACK,
}


if __name__ == "__main__":
    sys.exit(main())
