"""The report as text in sections: Basic Text SR by TID 2000, which every archive and viewer shows."""

from itertools import groupby
from typing import Final

from pydicom.sr.coding import Code
from pydicom.uid import BasicTextSRStorage

from shared.rendering.dicom.kinds import Kind
from shared.rendering.dicom.objects import REPORT_TITLE, file_of
from shared.rendering.dicom.sr_documents import container, context_of, sr_document, text_item
from shared.rendering.dicom.written import Part, written_parts
from shared.rendering.document import ReportDocument

KIND: Final = Kind("basic-sr", BasicTextSRStorage, "SR", 9802, "Report")


def render(document: ReportDocument) -> bytes:
    """Write the text as a Basic Text SR; one that was entered in error says so first.

    Raises:
        NotPossibleError: as `new_object`.
    """

    def heading(part: Part) -> Code:
        return part.heading

    sections = [
        container(name, [text_item(part.name, part.text) for part in parts])
        for name, parts in groupby(written_parts(document), heading)
    ]
    root = container(REPORT_TITLE, [*context_of(document), *sections], template="2000")
    return file_of(sr_document(document, KIND, root))
