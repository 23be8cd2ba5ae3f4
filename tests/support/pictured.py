"""A report with radiographs and heatmaps, as formats with pictures get it, and what becomes of it."""

import dataclasses
from datetime import UTC, date, datetime, time
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from shared.domain.findings import Box, FindingStatus, ModelVersion, Place, Side, ViewPosition, Zone
from shared.domain.orders import Order
from shared.domain.reports import (
    Act,
    Addendum,
    Attestation,
    Grade,
    GradedSentence,
    Language,
    Person,
    ReportSections,
    ReportStatus,
    Section,
    WriterVersion,
)
from shared.rendering.document import FindingLine, ImageLine, ReportDocument

JAPANESE: Final = "Yamada^Tarou=山田^太郎=やまだ^たろう"
SIZE: Final = (120, 150)


def _png(image: Image.Image, **options: object) -> bytes:
    packed = BytesIO()
    image.save(packed, "PNG", **options)
    return packed.getvalue()


def a_radiograph() -> bytes:
    """Return a picture of SIZE as the workers keep them, a slope of grays."""
    width, height = SIZE
    grays = np.linspace(0, 255, width * height, dtype=np.uint8).reshape(height, width)
    return _png(Image.fromarray(grays))


def a_heatmap() -> bytes:
    """Return an overlay: a palette with opacity, as the workers keep them."""
    heat = Image.fromarray(np.tile(np.arange(0, 250, 5, dtype=np.uint8), (60, 1)))
    heat.putpalette([value for gray in range(256) for value in (gray, 0, 255 - gray)])
    return _png(heat, transparency=bytes(range(256)))


PRELIMINARY: Final = ReportDocument(
    study_id="0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11",
    version=1,
    status=ReportStatus.PRELIMINARY,
    language=Language.ENGLISH,
    reported_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    study_created_at=datetime(2026, 1, 2, 3, tzinfo=UTC),
    software_version="0.1.0",
    sections=ReportSections(
        technique="Chest radiograph, frontal (PA) and lateral.",
        comparison="Chest radiograph of 2025-11-02. The effusion is larger.",
        findings="Lungs: Consolidation is seen in the right lower zone.\nHeart: The aorta is wide. No mass.",
        impression="Critical finding: pneumothorax at the right apex.\nA lateral view is recommended.",
    ),
    sentences=[
        GradedSentence(Section.FINDINGS, "The aorta is wide.", Grade.UNREAD),
        GradedSentence(Section.FINDINGS, "No mass.", Grade.CONTRADICTS),
    ],
    findings=[
        FindingLine("Hernia", "Hernia", FindingStatus.ABSENT, 0.05, 0.5),
        FindingLine(
            "Pneumothorax",
            "Pneumothorax",
            FindingStatus.PRESENT,
            0.93,
            0.5,
            image=0,
            box=Box(0.15, 0.1, 0.4, 0.35),
            place=Place(Side.RIGHT, Zone.APICAL),
        ),
        FindingLine("Mass", "Lung mass", FindingStatus.PRESENT, 0.81, 0.35, image=1),
        FindingLine(
            "Effusion",
            "Pleural effusion",
            FindingStatus.UNCERTAIN,
            0.41,
            0.5,
            image=0,
            box=Box(0.6, 0.7, 0.85, 0.9),
        ),
    ],
    images=[
        ImageLine(0, ViewPosition.PA, used=True, size=SIZE),
        ImageLine(1, ViewPosition.LATERAL, used=True, size=SIZE),
    ],
    model=ModelVersion("bundled", "1.0", "d" * 64),
    author=WriterVersion("local", "3"),
    fallback=True,
    warnings=["a.dcm: seems mirrored."],
    indication="Cough & fever | <2 weeks>",
    order=Order(
        accession_number="A-2026-0042",
        patient_id="P-17",
        patient_id_issuer="CLINIC",
        patient_name=JAPANESE,
        patient_birth_date=date(1980, 5, 6),
        patient_sex="M",
        patient_age_years=45.0,
        referring_physician="Müller^Ánna^^Dr.",
        study_date=date(2026, 1, 1),
        study_time=time(13, 5),
        institution="Hospital Clínico",
        study_instance_uid="1.2.826.0.1.3680043.8.498.1",
    ),
    critical=["Pneumothorax"],
    pictures={0: a_radiograph(), 1: a_radiograph()},
    heatmaps={(0, "Pneumothorax"): a_heatmap(), (0, "Effusion"): a_heatmap()},
)
"""Nobody has signed it; it has an accession number, a name in Japanese, and two images."""

_SIGNED: Final = Attestation(Act.SIGNED, "Dr. Ada Roe", datetime(2026, 1, 3, 9, tzinfo=UTC), 2)
FINAL: Final = dataclasses.replace(
    PRELIMINARY,
    version=2,
    made_from=1,
    status=ReportStatus.FINAL,
    author=Person("Dr. Ada Roe"),
    fallback=False,
    attestations=[_SIGNED],
)
AMENDED: Final = dataclasses.replace(
    FINAL,
    version=4,
    made_from=3,
    status=ReportStatus.AMENDED,
    attestations=[
        _SIGNED,
        Attestation(
            Act.AMENDED, "Dr. Ada Roe", datetime(2026, 1, 3, 10, tzinfo=UTC), 3, "The side was wrong."
        ),
        Attestation(Act.ADDENDUM, "Dr. Bo Lind", datetime(2026, 1, 4, tzinfo=UTC), 4),
    ],
    addenda=[
        Addendum(
            "Compared with the CT.\nThe mass is known.", "Dr. Bo Lind", datetime(2026, 1, 4, tzinfo=UTC), 4
        )
    ],
    newer_reading=5,
)
WITHDRAWN: Final = dataclasses.replace(
    FINAL,
    version=3,
    made_from=2,
    status=ReportStatus.ENTERED_IN_ERROR,
    attestations=[
        _SIGNED,
        Attestation(
            Act.ENTERED_IN_ERROR, "Dr. Ada Roe", datetime(2026, 1, 5, tzinfo=UTC), 3, "Wrong patient."
        ),
    ],
)
