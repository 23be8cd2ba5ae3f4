"""Studies as a writer that sees is shown them."""

from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shared.domain.findings import FindingStatus, ViewPosition
from shared.domain.reports import Language
from shared.reporting.request import Earlier, Picture, ReportRequest, Sight, View
from tests.support.llm_reports import request_for

NAME = "Doe^Jane"


def a_picture(
    index: int = 0, position: ViewPosition = ViewPosition.PA, *, size: tuple[int, int] = (300, 200)
) -> Picture:
    """Return a slope of grays, in a file that names a patient; a preview of ours does not."""
    said, packed = PngInfo(), BytesIO()
    said.add_text("PatientName", NAME)
    Image.linear_gradient("L").resize(size).save(packed, "PNG", pnginfo=said)
    return Picture(index, View(position), packed.getvalue())


def a_plain_picture(
    index: int = 0,
    position: ViewPosition = ViewPosition.PA,
    *,
    size: tuple[int, int] = (40, 40),
    grays: tuple[int, int] = (10, 200),
) -> Picture:
    """Return a picture of one gray, with another in its first pixel."""
    image, packed = Image.new("L", size, grays[0]), BytesIO()
    image.putpixel((0, 0), grays[1])
    image.save(packed, "PNG")
    return Picture(index, View(position), packed.getvalue())


def a_study(*pictures: Picture, earlier: Earlier | None = None, indication: str | None = None) -> Sight:
    return Sight(pictures or (a_picture(),), indication, earlier)


def a_seeing_request(sight: Sight | None, language: Language = Language.ENGLISH) -> ReportRequest:
    """Return one in which an effusion was found, and no pneumothorax."""
    statuses = {"Effusion": FindingStatus.PRESENT, "Pneumothorax": FindingStatus.ABSENT}
    request = request_for(statuses, language)
    views = tuple(picture.view for picture in sight.pictures) if sight else request.views
    return ReportRequest(seed="s", findings=request.findings, language=language, views=views, sight=sight)
