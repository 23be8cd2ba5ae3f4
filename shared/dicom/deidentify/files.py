"""One file, de-identified: bytes in, bytes out."""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from shared.dicom.attributes import quietly
from shared.dicom.checks import MediaType, check_header
from shared.dicom.deidentify import header, pixels
from shared.dicom.deidentify.pseudonyms import Pseudonyms
from shared.dicom.files import guarded
from shared.errors import UnsupportedImageError

MAX_PIXELS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Deidentified:
    """A file that names nobody.

    Attributes:
        patient: what stands in for its patient.
        uid: its SOP Instance UID, which is another one.
        lines: of letters that were blanked.
    """

    content: bytes
    patient: str
    uid: str
    lines: int


def deidentify(content: bytes, *, name: str, pseudonyms: Pseudonyms) -> Deidentified:
    """Return a radiograph without what says whose it is, uncompressed.

    Args:
        name: the file's name, for errors only.

    Raises:
        BadInputError: it is no DICOM file of a radiograph that is read here, is broken, or has letters in its
            picture that cannot be found.
    """
    checked = check_header(BytesIO(content), name=name, max_pixels=MAX_PIXELS)
    if checked.media_type is not MediaType.DICOM:
        message = "a PNG or JPEG has no header to de-identify; send the DICOM file that it was made of"
        raise UnsupportedImageError(message, file=name)
    with guarded(name), quietly():
        dataset = dcmread(BytesIO(content), force=True)
        dataset.file_meta = getattr(dataset, "file_meta", FileMetaDataset())
        dataset.file_meta.TransferSyntaxUID = checked.transfer_syntax
        patient = header.patient_of(dataset, pseudonyms)
        lines = pixels.clean(dataset, name=name)
        header.clean(dataset, pseudonyms, patient)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta, dataset.preamble = meta, b"\0" * 128
        written = BytesIO()
        dcmwrite(written, dataset, enforce_file_format=True, implicit_vr=False, little_endian=True)
    return Deidentified(written.getvalue(), patient.name, str(dataset.SOPInstanceUID), lines)
