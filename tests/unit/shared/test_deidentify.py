"""De-identification: no byte of the result says whose the radiograph was, and what research needs stays."""

import base64
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from shared.dicom.deidentify.files import deidentify
from shared.dicom.deidentify.pseudonyms import Pseudonyms
from shared.dicom.deidentify.table import ACTIONS, OPTIONS, Action
from shared.errors import BadInputError, UnsupportedImageError
from tests.support.dicom_readers import complaints
from tests.support.dicoms import a_dicom, a_picture, a_png, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
NAMES = Pseudonyms(b"k" * 32, project="one")
MARK = "ZZSECRETZZ"
DAY, UID, AGE = "19870417", "1.2.3.987654321", "097Y"
_PLANTED: dict[str, Any] = {
    **dict.fromkeys(("AE", "LO", "LT", "SH", "ST", "UC", "UT"), MARK),
    "PN": f"{MARK}^{MARK}",
    "UR": f"http://{MARK}",
    "CS": MARK.lower(),
    "AS": AGE,
    "UI": UID,
    "DA": DAY,
    "DT": f"{DAY}101112",
    "UN": MARK.encode(),
    "OB": MARK.encode(),
    "OW": MARK.encode(),
}
"""One value of each kind that can say who somebody is; in small letters, since a coded word has none."""
_TRACES = [
    *(
        trace.encode(code)
        for trace in (MARK, MARK.lower(), DAY, UID, AGE)
        for code in ("latin-1", "utf-16-le")
    ),
    base64.b64encode(MARK.encode())[:12],
]
_ITS_OWN = {"SOPClassUID", "PixelData", "PhotometricInterpretation", "SpecificCharacterSet", "Modality"}
_KEPT = {
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "CodingSchemeVersion",
    "CodingSchemeDesignator",
}
_LUTS = {"OW"}
"""Numbers, which a picture cannot be shown without; see the last of the attributes' tests."""


def everything() -> Dataset:
    """Return a data set with every attribute that the dictionary knows; in its sequences some again."""
    known = {
        tag: kind
        for tag, (kinds, _, _, _, keyword) in DicomDictionary.items()
        if (kind := kinds.split(" or ")[0]) in {*_PLANTED, "SQ"}
        and tag >> 16 >= 8
        and keyword not in _ITS_OWN
        and kind not in _LUTS
    }
    plain = [tag for tag, kind in known.items() if kind != "SQ"]
    made, sequences = Dataset(), 0
    for tag, kind in known.items():
        if kind != "SQ":
            made.add_new(tag, kind, _PLANTED[kind])
            continue
            # All of them are in one sequence or another.
        sequences += 1
        item = Dataset()
        for inner in plain[sequences % 397 :: 397]:
            item.add_new(inner, known[inner], _PLANTED[known[inner]])
        deeper = Dataset()
        deeper.PatientName = MARK
        item.ReferencedSeriesSequence = Sequence([deeper])
        item.private_block(0x0009, MARK, create=True).add_new(1, "LO", MARK)
        made.add_new(tag, "SQ", Sequence([item]))
    for group in (0x0009, 0x0029):
        made.private_block(group, f"{MARK} CREATOR", create=True).add_new(1, "LO", MARK)
    return made


def in_a_radiograph(more: Dataset) -> bytes:
    image = dcmread(BytesIO(a_dicom(np.full((64, 64), 9, np.uint16))))
    for element in more:
        if element.keyword not in image or element.VR == "UI":
            image[element.tag] = element
    for group in (0x5000, 0x6000, 0x6002):
        image.add_new(group << 16 | 0x3000, "OW", MARK.encode())
        image.add_new(group << 16 | 0x0022, "LO", MARK)
    image.BurnedInAnnotation = "NO"
    return written(image)


def deidentified(content: bytes, names: Pseudonyms = NAMES) -> Dataset:
    return dcmread(BytesIO(deidentify(content, name="a.dcm", pseudonyms=names).content))


def test_no_byte_of_the_result_holds_a_value_of_a_header_that_is_full():
    content = in_a_radiograph(everything())
    assert all(trace.encode() in content for trace in (MARK, MARK.lower(), DAY, UID, AGE))

    made = deidentify(content, name="a.dcm", pseudonyms=NAMES)

    # What is kept on purpose is taken out first: which device it was, and whose software.
    kept: set[str] = set()

    def take_out(dataset: Dataset, element: DataElement) -> None:
        device = ACTIONS.get(element.tag) is Action.KEEP and element.VR not in {"SQ", "AS"}
        if device or element.keyword in _KEPT:
            kept.add(element.keyword)
            del dataset[element.tag]

    rest = dcmread(BytesIO(made.content))
    rest.walk(take_out)
    assert [trace for trace in _TRACES if trace in written(rest)] == []
    assert {"Manufacturer", "DeviceSerialNumber", "StationName"} <= kept
    assert not {word for word in kept if word.startswith(("Patient", "Institution", "Physician", "Operator"))}


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLSLossless, RLELossless],
    ids=lambda one: one.name,
)
def test_the_picture_stays_as_it_is_in_every_encoding(syntax: Any):
    pixels = a_picture(96, 80)
    made = deidentified(a_dicom(pixels, transfer_syntax=syntax, PatientName="DOE^JANE"))
    assert (made.pixel_array == pixels).all()
    assert made.PatientName != "DOE^JANE"


def test_a_comment_in_the_codestream_is_gone():
    pixels = np.full((64, 64), 90, np.uint8)
    commented = dcmread(BytesIO(a_dicom(pixels, transfer_syntax=JPEGBaseline8Bit)))
    (frame,) = generate_frames(commented.PixelData, number_of_frames=1)
    comment = b"\xff\xfe" + (len(MARK) + 2).to_bytes(2, "big") + MARK.encode()
    commented.PixelData = encapsulate([frame[:2] + comment + frame[2:]])
    content = written(commented)
    assert MARK.encode() in content
    assert MARK.encode() not in deidentify(content, name="a.dcm", pseudonyms=NAMES).content


def test_an_overlay_in_unused_bits_of_the_pixels_is_gone():
    pixels = a_picture(64, 64) | np.uint16(0x8000)
    made = deidentified(a_dicom(pixels))
    assert (made.pixel_array == a_picture(64, 64)).all()
    assert not (np.frombuffer(made.PixelData, "<u2") & 0xF000).any()


def test_signed_values_keep_their_sign():
    pixels = a_picture(64, 64, bits=10).astype(np.int16) - 500
    made = deidentified(a_dicom(pixels))
    assert (made.pixel_array == pixels).all()


def test_what_stands_in_is_the_same_for_the_same_patient_and_nobody_elses():
    tags: dict[str, Any] = {"PatientID": "P 1", "IssuerOfPatientID": "NORTH", "AccessionNumber": "A7"}
    one = deidentified(a_dicom(SOPInstanceUID="1.2.3.1", **tags))
    other = deidentified(a_dicom(SOPInstanceUID="1.2.3.2", PatientName="X", **tags | {"PatientID": "p 1 "}))
    stranger = deidentified(a_dicom(**tags | {"IssuerOfPatientID": "SOUTH"}))
    elsewhere = deidentified(a_dicom(**tags), Pseudonyms(b"k" * 32, project="two"))
    another_key = deidentified(a_dicom(**tags), Pseudonyms(b"K" * 32, project="one"))

    assert one.PatientID == other.PatientID == str(one.PatientName).rstrip("^")
    assert len({one.PatientID, stranger.PatientID, elsewhere.PatientID, another_key.PatientID, "P 1"}) == 5
    assert one.StudyInstanceUID == other.StudyInstanceUID == stranger.StudyInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.AccessionNumber == other.AccessionNumber not in {"A7", ""}


def test_a_key_that_is_too_short_is_none():
    with pytest.raises(ValueError, match="31 bytes"):
        Pseudonyms(b"k" * 31, project="one")


def test_dates_move_by_one_number_of_days_and_times_stay():
    first = deidentified(a_dicom(PatientID="P", StudyDate="20240101", StudyTime="101112"))
    second = deidentified(
        a_dicom(
            PatientID="P", StudyDate="20250301", AcquisitionDateTime="20250301235959.5", ContentDate="2025"
        )
    )
    day = datetime.strptime
    apart = day(second.StudyDate, "%Y%m%d") - day(first.StudyDate, "%Y%m%d")
    assert apart.days == 425
    assert first.StudyDate < "20240101"
    assert first.StudyTime == "101112"
    assert second.AcquisitionDateTime == second.StudyDate + "235959.5"
    assert second.ContentDate == "19000101"  # no date at all: its place is taken


@pytest.mark.parametrize(
    ("said", "kept"), [("045Y", "045Y"), ("089Y", "089Y"), ("103Y", "090Y"), ("006M", "006M")]
)
def test_the_oldest_are_ninety(said: str, kept: str):
    assert deidentified(a_dicom(PatientAge=said)).PatientAge == kept


def test_of_a_description_its_harmless_words_stay():
    made = deidentified(
        a_dicom(
            StudyDescription="XR Chest 2 views, Smith",
            SeriesDescription="W. Smith",
            ProtocolName="Thorax p.a.",
        )
    )
    assert made.StudyDescription == "XR CHEST 2 VIEWS"
    assert "SeriesDescription" not in made
    assert made.ProtocolName == "THORAX"


def test_a_hospitals_own_codes_go_and_public_ones_stay():
    codes = [
        {"CodeValue": "399348003", "CodingSchemeDesignator": "SCT", "CodeMeaning": "antero-posterior"},
        {"CodeValue": "7", "CodingSchemeDesignator": "99NORTH", "CodeMeaning": "as Dr. Smith likes it"},
    ]
    items = []
    for code in codes:
        item = Dataset()
        for keyword, text in code.items():
            setattr(item, keyword, text)
        items.append(item)
    public, own = deidentified(a_dicom(ViewCodeSequence=Sequence(items))).ViewCodeSequence
    assert (public.CodeValue, public.CodeMeaning) == ("399348003", "antero-posterior")
    assert own.CodeMeaning == "REMOVED"
    assert own.CodeValue not in {"7", ""}


def test_it_says_that_it_was_done_and_how():
    made = deidentified(a_dicom())
    assert (made.PatientIdentityRemoved, made.BurnedInAnnotation) == ("YES", "NO")
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    said = [(one.CodeValue, one.CodeMeaning) for one in made.DeidentificationMethodCodeSequence]
    assert tuple(said) == OPTIONS
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID


def letters(text: str, *, level: int = 4000, place: tuple[int, int] = (20, 20), size: int = 28) -> np.ndarray:
    """Draw a text over a soft picture, as a device burns it in."""
    y, x = np.mgrid[:512, :512]
    soft = (1200 + 600 * np.sin(x / 90) * np.cos(y / 120)).astype(np.uint16)
    mask = Image.new("L", (512, 512), 0)
    ImageDraw.Draw(mask).text(place, text, font=ImageFont.load_default(size), fill=255)
    return np.where(np.asarray(mask) > 127, np.uint16(level), soft)


@pytest.mark.parametrize(
    ("photometric", "level", "place"),
    [("MONOCHROME1", 4000, (20, 20)), ("MONOCHROME2", 4000, (150, 460)), ("MONOCHROME2", 0, (20, 20))],
)
def test_letters_in_the_picture_are_blanked_and_the_rest_is_not(
    photometric: str, level: int, place: tuple[int, int]
):
    plain, written_on = letters(""), letters("DOE, JANE 1957", level=level, place=place)
    made = deidentify(
        a_dicom(written_on, BurnedInAnnotation="YES", PhotometricInterpretation=photometric),
        name="a.dcm",
        pseudonyms=NAMES,
    )
    pixels = dcmread(BytesIO(made.content)).pixel_array
    ink = written_on != plain
    filled = pixels[ink][0]
    brighter = plain < filled if photometric == "MONOCHROME1" else plain > filled
    assert made.lines >= 1
    assert (pixels[ink] == filled).mean() > 0.99
    assert brighter.mean() > 0.95
    assert (pixels == plain).mean() > 0.8


def test_letters_that_cannot_be_found_refuse_a_file_that_says_it_has_some():
    with pytest.raises(UnsupportedImageError, match="Burned In Annotation"):
        deidentify(a_dicom(letters(""), BurnedInAnnotation="YES"), name="a.dcm", pseudonyms=NAMES)


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", a_png(np.zeros((9, 9), np.uint8)), a_dicom(Modality="SR"), a_dicom()[:-1000]],
    ids=["empty", "no file", "PNG", "report", "cut off"],
)
def test_what_is_no_whole_radiograph_is_refused(content: bytes):
    with pytest.raises(BadInputError):
        deidentify(content, name="a.dcm", pseudonyms=NAMES)


def a_whole_cr() -> bytes:
    """Make a CR image with all that its IOD wants, and its patient."""
    return a_dicom(
        SOPClassUID=ComputedRadiographyImageStorage,
        Modality="CR",
        PatientName="DOE^JANE",
        PatientID="P1",
        PatientBirthDate="19570314",
        PatientSex="F",
        StudyDate="20240101",
        StudyTime="101112",
        StudyID="7",
        AccessionNumber="A1",
        ReferringPhysicianName="ROE^R",
        SeriesNumber=1,
        InstanceNumber=1,
        Laterality="",
        Manufacturer="ACME",
        PatientOrientation=["L", "F"],
        ImageType=["ORIGINAL", "PRIMARY"],
        AcquisitionDate="20240101",
        ContentDate="20240101",
        ContentTime="101112",
        InstitutionName="NORTH",
        OperatorsName="OP^O",
        DeviceSerialNumber="77",
    )


def test_dciodvfy_finds_nothing_wrong_with_it_that_was_not_wrong_before(tmp_path: Path):
    before, after = tmp_path / "before.dcm", tmp_path / "after.dcm"
    before.write_bytes(a_whole_cr())
    after.write_bytes(deidentify(a_whole_cr(), name="a.dcm", pseudonyms=NAMES).content)
    assert complaints(after) - complaints(before) == set()
