"""The documents of `documents.py` of a study with two radiographs as DICOM, and with pictures of them."""

from dataclasses import replace
from datetime import time
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from shared.domain.findings import Box
from shared.rendering.document import Instance, ReportDocument
from tests.support import documents
from tests.support.documents import DRAFTED, STUDY_UID

COMPUTED: Final = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL: Final = "1.2.840.10008.5.1.4.1.1.1.1"


def png(width: int, height: int, *, heatmap: bool = False) -> bytes:
    """A picture that is darker at the top, so that whoever looks sees which way up it is."""
    picture = Image.fromarray(np.linspace(40, 200, height).astype(np.uint8)[:, None].repeat(width, 1))
    if heatmap:
        picture.putpalette(bytes(range(256)) * 3)
    packed = BytesIO()
    picture.save(packed, "PNG", **({"transparency": bytes(range(256))} if heatmap else {}))
    return packed.getvalue()


PICTURES: Final = {0: png(200, 250), 1: png(100, 125)}


def sent_as_dicom(document: ReportDocument) -> ReportDocument:
    first, second = document.images
    assert first.instance is not None
    shown = replace(first.instance, photometric_interpretation="MONOCHROME2", shown_range=(300.0, 3500.0))
    other = Instance(
        COMPUTED, f"{STUDY_UID}.3.1", f"{STUDY_UID}.3", STUDY_UID, "CR", "MONOCHROME2", (0.0, 1023.0)
    )
    return replace(
        document,
        order=replace(document.order, study_time=time(13, 45, 6)),
        images=[
            replace(first, instance=shown),
            replace(second, used=True, size=(1000, 1250), instance=other),
        ],
        findings=[
            replace(line, image=1, box=Box(0.25, 0.25, 0.5, 0.5)) if line.label == "Nodule" else line
            for line in document.findings
        ],
        pictures=PICTURES,
        heatmaps={(0, "Effusion"): png(205, 256, heatmap=True), (1, "Nodule"): png(205, 256, heatmap=True)},
    )


BARE: Final = replace(
    documents.BARE,
    images=[replace(image, size=(2000, 2500)) for image in documents.BARE.images],
    pictures={0: PICTURES[0]},
)
ALL: Final = {
    name: sent_as_dicom(document) for name, document in documents.ALL.items() if document.images[0].instance
} | {"bare": BARE}
"""Each state; of a study of which everything is known, but of that without a header."""
DOCUMENT: Final = ALL["drafted"]
SIGNED: Final = replace(ALL["signed"], sections=DRAFTED.sections, sentences=DRAFTED.sentences)
"""Signed as it was drafted: the person accepted every finding."""
CHANGED: Final = ALL["signed"]
"""Signed with other findings than the classifier's: a nodule denied, a fracture added."""
