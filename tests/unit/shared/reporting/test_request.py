"""What a report is written from, gathered from a study's images and their findings."""

from shared.domain.findings import ViewPosition, ViewSource
from shared.domain.reports import Language
from shared.reporting.comparison import none_available
from shared.reporting.request import ReportRequest, View, request_of, view_of
from tests.support.builders import a_finding, an_image_record


def test_only_what_the_file_says_of_a_view_is_a_fact():
    def view(position: ViewPosition | None, source: ViewSource | None) -> View:
        return view_of(an_image_record(view=position, view_source=source))

    assert view(ViewPosition.AP, ViewSource.FILE) == View(ViewPosition.AP)
    assert view(ViewPosition.AP, ViewSource.IMAGE) == View(ViewPosition.AP, judged=True)
    assert view(ViewPosition.AP, None) == View(ViewPosition.AP, judged=True)
    assert view(None, None) == view(ViewPosition.UNKNOWN, None) == View(ViewPosition.UNKNOWN)


def test_a_request_has_each_label_once_and_the_views_of_the_images_that_were_used():
    images = [
        an_image_record(used=True, view=ViewPosition.PA, view_source=ViewSource.FILE),
        an_image_record(used=False, view=ViewPosition.LATERAL, view_source=ViewSource.FILE),
    ]
    weak, strong = a_finding("Effusion", probability=0.6), a_finding("Effusion", probability=0.9)
    none = none_available(Language.SPANISH)
    request = request_of(
        images,
        [[weak], [strong]],
        language=Language.SPANISH,
        seed="s",
        critical=("Effusion",),
        comparison=none,
    )
    assert request == ReportRequest(
        "s", (strong,), Language.SPANISH, (View(ViewPosition.PA),), ("Effusion",), none, lateral_given=True
    )
