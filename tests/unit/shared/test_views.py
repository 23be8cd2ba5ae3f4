"""What files say of their view, in the strings that devices and people write."""

from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset

from shared.dicom.attributes import Attributes
from shared.dicom.checks import check_header
from shared.dicom.views import Place, ViewDoubt, projections_in, projections_of_code
from shared.domain.findings import ViewPosition
from tests.support.dicoms import a_dicom

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
"""Devices write what the standard does not allow."""

PA, AP, LATERAL, UNKNOWN = (
    ViewPosition.PA,
    ViewPosition.AP,
    ViewPosition.LATERAL,
    ViewPosition.UNKNOWN,
)


def read(**tags: Any) -> Attributes:
    without: dict[str, Any] = {"ViewPosition": None}
    content = a_dicom(**(without | tags))
    return check_header(BytesIO(content), name="a.dcm", max_pixels=10_000).attributes


def a_code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


@pytest.mark.parametrize(
    ("text", "view"),
    [
        *((text, LATERAL) for text in ("LAT", "L", "LL", "RL", "LL ERECT", "LATERAL", "LATERAL RIGHT")),
        *(
            (text, LATERAL)
            for text in ("lateral", " LL ", "LLAT", "Lt Lat", "LAT_L", "LEFT LATERAL", "R LAT")
        ),
        *((text, PA) for text in ("PA", "pa", "PA ERECT", "P.A.", "P-A", "PA_STANDING", " PA ")),
        *((text, AP) for text in ("AP", "AP SUPINE", "AP ERECT", "A/P", "AP PORTABLE", "ap")),
        *(
            (text, UNKNOWN)
            for text in ("", "LLO", "RLO", "LLD", "RLD", "LAO", "RPO", "OBL", "AP/PA", "R", "CC")
        ),
    ],
)
def test_a_view_position_is_read_in_every_spelling(text: str, view: ViewPosition):
    assert read(ViewPosition=text).view is view


@pytest.mark.parametrize(
    "text",
    [
        *("CHEST LAT", "Chest lateral", "W033 Chest lat", "ThoraxLat", "CHEST_LATERAL", "Thorax lat."),
        *("Lungs lateral", "Chest, Lateral ->", "XR CHEST 1V LATERAL", "Rad Chest LAT_L", "CHEST 2 VW LAT"),
        *("Thorax seitlich", "Thorax seitl.", "Thorax links anliegend", "Tórax Lateral", "TORAX L LAT"),
        *("TORAX PERFIL", "Tórax perfil esquerdo", "Thorax de profil", "Poumons profil gauche"),
        *("Torace LL", "RX torace latero-laterale", "Torace laterale"),
    ],
)
@pytest.mark.parametrize(
    ("keyword", "place"),
    [
        ("SeriesDescription", Place.SERIES),
        ("AcquisitionDeviceProcessingDescription", Place.PROCESSING),
        ("ProtocolName", Place.PROTOCOL),
    ],
)
def test_a_lateral_view_is_read_from_what_describes_the_image(text: str, keyword: str, place: Place):
    attributes = read(**{keyword: text})
    assert (attributes.view, attributes.view_place) == (LATERAL, place)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        *(("CHEST PA", PA), ("Chest p.a.", PA), ("THORAX pa", PA), ("Tórax póstero-anterior", PA)),
        *(("XR CHEST AP PORTABLE", AP), ("Thorax a.p. liegend", AP), ("Thorax antéro-postérieur", AP)),
        *(
            ("Torace antero posteriore", AP),
            ("Torax decúbito supino AP", AP),
            ("Thorax de face", UNKNOWN),
        ),
        *(("CHEST PA AND LAT", UNKNOWN), ("CHEST 2 VIEWS PA/LAT", UNKNOWN), ("Thorax pa/seitlich", UNKNOWN)),
        *(("BILATERAL RIBS", UNKNOWN), ("Chest collateral flow", UNKNOWN), ("Platelet Palate", UNKNOWN)),
        *(("No Finding", UNKNOWN), ("CHEST PORT X-WISE GRID", UNKNOWN), ("Chest", UNKNOWN)),
    ],
)
def test_other_words_are_no_lateral_view(text: str, view: ViewPosition):
    attributes = read(SeriesDescription=text)
    assert (attributes.view, attributes.view_doubts) == (view, ())


@pytest.mark.parametrize(
    ("value", "scheme", "meaning", "view"),
    [
        ("399173006", "SCT", "left lateral", LATERAL),
        ("R-10236", "SRT", "left lateral", LATERAL),
        ("399198007", "SCT", "", LATERAL),
        ("R-10232", "SNM3", "", LATERAL),
        ("399067008", "SCT", "lateral", LATERAL),
        ("272479007", "SCT", "postero-anterior", PA),
        ("R-10214", "SRT", "", PA),
        ("R-10206", "SRT", "antero-posterior", AP),
        ("LAT1", "99VENDOR", "Thorax seitlich", LATERAL),
        ("399182000", "SCT", "oblique", UNKNOWN),
    ],
)
def test_a_view_code_is_read(value: str, scheme: str, meaning: str, view: ViewPosition):
    assert read(ViewCodeSequence=[a_code(value, scheme, meaning)]).view is view


@pytest.mark.parametrize(
    ("orientation", "view"),
    [
        (["A", "F"], LATERAL),
        (["P", "F"], LATERAL),
        (["F", "A"], LATERAL),
        (["L", "F"], UNKNOWN),
        (["A", "R"], UNKNOWN),
    ],
)
def test_rows_that_run_through_the_patient_are_a_lateral_view(orientation: list[str], view: ViewPosition):
    assert read(PatientOrientation=orientation).view is view


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"ViewPosition": "PA", "SeriesDescription": "CHEST LAT"}, PA),
        ({"ViewPosition": "AP", "ViewCodeSequence": [a_code("399173006", "SCT", "left lateral")]}, AP),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, PA),
        ({"ViewPosition": "AP", "StudyDescription": "Thorax lateral"}, AP),
        ({"ViewPosition": "AP", "SeriesDescription": "CHEST PA"}, AP),
        ({"SeriesDescription": "Chest PA", "AcquisitionDeviceProcessingDescription": "CHEST LAT"}, PA),
    ],
)
def test_a_file_that_contradicts_itself_is_doubted(tags: dict[str, Any], view: ViewPosition):
    attributes = read(**tags)
    assert (attributes.view, attributes.view_doubts) == (view, (ViewDoubt.CONTRADICTION,))


def test_a_lateral_view_by_the_first_place_stays_one_whatever_the_later_say():
    attributes = read(ViewPosition="LL", SeriesDescription="CHEST PA", PatientOrientation=["L", "F"])
    assert (attributes.view, attributes.view_place) == (LATERAL, Place.POSITION)


@pytest.mark.parametrize(
    ("tags", "doubts"),
    [
        ({"StudyDescription": "CHEST LATERAL"}, (ViewDoubt.STUDY_SAYS_LATERAL,)),
        ({"PerformedProcedureStepDescription": "Thorax seitlich"}, (ViewDoubt.STUDY_SAYS_LATERAL,)),
        ({"StudyDescription": "CHEST PA AND LAT"}, ()),
        ({"ViewPosition": "PA", "StudyDescription": "CHEST PA AND LAT"}, ()),
        ({"ViewPosition": "PA", "StudyDescription": "Thorax in 2 Ebenen (pa/seitl.)"}, ()),
        ({"ViewPosition": "LLO"}, (ViewDoubt.OBLIQUE,)),
        ({"SeriesDescription": "Thorax schräg"}, (ViewDoubt.OBLIQUE,)),
        ({"ViewPosition": "LLD"}, (ViewDoubt.DECUBITUS,)),
        ({"SeriesDescription": "CHEST LATERAL DECUBITUS AP"}, (ViewDoubt.DECUBITUS,)),
        ({"SeriesDescription": "Tórax en decúbito supino"}, ()),
    ],
)
def test_what_is_no_plain_frontal_view_is_doubted(tags: dict[str, Any], doubts: tuple[ViewDoubt, ...]):
    attributes = read(**tags)
    assert attributes.view is not LATERAL
    assert attributes.view_doubts == doubts


def test_rubbish_says_nothing():
    assert projections_in("\x00\xff" * 500, Place.SERIES) == frozenset()
    assert projections_of_code("", "") == frozenset()
    assert read(ViewCodeSequence=[], PatientOrientation="Z").view is UNKNOWN
