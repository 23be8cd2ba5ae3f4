"""One report in every state that a format meets: drafted, edited, signed, amended, withdrawn."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from shared.domain.findings import Box, FindingStatus, ModelVersion, Place, Side, ViewPosition, Zone
from shared.domain.orders import NO_ORDER, Order
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
from shared.rendering.document import FindingLine, ImageLine, Instance, ReportDocument

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN
WRITTEN_AT: Final = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
STUDY_UID: Final = "1.2.826.0.1.3680043.8.498.1"
ADA, BOB = "Dr. Ada Roe", "Dr. Bob Poe"


def sentences(section: Section, *texts: str, grade: Grade = Grade.SUPPORTED) -> list[GradedSentence]:
    return [GradedSentence(section, text, grade) for text in texts]


DRAFTED: Final = ReportDocument(
    study_id="0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11",
    version=1,
    status=ReportStatus.PRELIMINARY,
    language=Language.ENGLISH,
    reported_at=WRITTEN_AT,
    sections=ReportSections(
        technique="Frontal view.",
        comparison="No earlier study.",
        findings="There is a left pleural effusion.\nNo pneumothorax detected.",
        impression="Left pleural effusion.\nPossible lung nodule.",
    ),
    sentences=[
        *sentences(Section.TECHNIQUE, "Frontal view."),
        *sentences(Section.COMPARISON, "No earlier study."),
        *sentences(Section.FINDINGS, "There is a left pleural effusion.", "No pneumothorax detected."),
        *sentences(Section.IMPRESSION, "Left pleural effusion.", "Possible lung nodule."),
    ],
    findings=[
        FindingLine("Pneumothorax", "Pneumothorax", ABSENT, 0.05, 0.5),
        FindingLine("Nodule", "Lung nodule", UNCERTAIN, 0.41, 0.5, place=Place(Side.RIGHT, Zone.UPPER)),
        FindingLine(
            "Effusion",
            "Pleural effusion",
            PRESENT,
            0.81249,
            0.35,
            box=Box(0.5, 0.6, 0.75, 0.9),
            place=Place(Side.LEFT, as_displayed=True),
        ),
        FindingLine("Rib_Notching", "Rib Notching", PRESENT, 0.6, 0.5),
        FindingLine("No_Finding", "No finding", ABSENT, 0.1, 0.5),
    ],
    images=[
        ImageLine(
            0,
            ViewPosition.PA,
            used=True,
            size=(2000, 2500),
            instance=Instance(
                sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
                sop_instance_uid=f"{STUDY_UID}.2.1",
                series_instance_uid=f"{STUDY_UID}.2",
                study_instance_uid=STUDY_UID,
                modality="DX",
            ),
        ),
        ImageLine(1, ViewPosition.LATERAL, used=False, judged=True),
    ],
    model=ModelVersion("bundled", "1.0", "d" * 64),
    author=WriterVersion("template", "3"),
    fallback=False,
    indication="Cough & fever <2 weeks>",
    order=Order(
        accession_number="A-2026/17",
        patient_id="P-17",
        patient_id_issuer="Hospital North",
        patient_name="Yamada^Tarou^^Dr.^III=山田^太郎=やまだ^たろう",
        patient_birth_date=date(1981, 2, 3),
        patient_sex="F",
        patient_age_years=45.0,
        referring_physician="Foe^Eve",
        study_instance_uid=STUDY_UID,
        study_date=date(2026, 1, 1),
        indication="Cough & fever <2 weeks>",
    ),
    study_created_at=datetime(2026, 1, 2, 3, tzinfo=UTC),
    software_version="0.1.0",
)
"""What a writer wrote, of a study of which everything is known."""

BARE: Final = replace(
    DRAFTED,
    order=NO_ORDER,
    indication=None,
    images=[ImageLine(0, ViewPosition.UNKNOWN, used=True)],
    sections=replace(DRAFTED.sections, comparison=""),
    fallback=True,
    warnings=["The image seems to be turned."],
)
"""The same of a picture without a header."""

WITHOUT_UIDS: Final = replace(
    DRAFTED,
    order=replace(DRAFTED.order, study_instance_uid=None),
    images=[replace(image, instance=None) for image in DRAFTED.images],
)
"""The same of pictures that somebody typed an order for."""

EDITED: Final = replace(
    DRAFTED,
    version=2,
    made_from=1,
    author=Person(ADA),
    sections=replace(
        DRAFTED.sections,
        findings="There is a right pleural effusion.\nNo pneumothorax detected.\nA rib looks odd.",
        impression="Right pleural effusion.\nNo lung nodule.\nThere is a fracture.",
    ),
    sentences=[
        *sentences(Section.FINDINGS, "There is a right pleural effusion.", grade=Grade.CONTRADICTS),
        *sentences(Section.FINDINGS, "No pneumothorax detected."),
        *sentences(Section.FINDINGS, "A rib looks odd.", grade=Grade.UNREAD),
        *sentences(Section.IMPRESSION, "Right pleural effusion.", "No lung nodule.", grade=Grade.CONTRADICTS),
        *sentences(Section.IMPRESSION, "There is a fracture.", grade=Grade.UNSUPPORTED),
    ],
)
"""A person changed it, and has not signed."""

SIGNED: Final = replace(
    EDITED,
    version=3,
    made_from=2,
    status=ReportStatus.FINAL,
    reported_at=WRITTEN_AT + timedelta(minutes=5),
    attestations=[Attestation(Act.SIGNED, ADA, WRITTEN_AT + timedelta(minutes=5), 3)],
)

AMENDED: Final = replace(
    SIGNED,
    version=5,
    made_from=4,
    status=ReportStatus.AMENDED,
    author=Person(BOB),
    reported_at=WRITTEN_AT + timedelta(minutes=9),
    attestations=[
        *SIGNED.attestations,
        Attestation(Act.AMENDED, ADA, WRITTEN_AT + timedelta(minutes=7), 4, "The side was wrong."),
        Attestation(Act.ADDENDUM, BOB, WRITTEN_AT + timedelta(minutes=9), 5),
    ],
    addenda=[Addendum("No fracture. <Told> to Dr. Foe.", BOB, WRITTEN_AT + timedelta(minutes=9), 5)],
)

WITHDRAWN: Final = replace(
    SIGNED,
    version=4,
    made_from=3,
    status=ReportStatus.ENTERED_IN_ERROR,
    author=Person(BOB),
    reported_at=WRITTEN_AT + timedelta(minutes=6),
    attestations=[
        *SIGNED.attestations,
        Attestation(Act.ENTERED_IN_ERROR, BOB, WRITTEN_AT + timedelta(minutes=6), 4, "Another patient's."),
    ],
)

SPANISH: Final = replace(
    DRAFTED,
    language=Language.SPANISH,
    sections=ReportSections("Proyección frontal.", "Hay derrame pleural.", "Derrame pleural."),
    sentences=[],
)

ALL: Final = {
    "drafted": DRAFTED,
    "bare": BARE,
    "without uids": WITHOUT_UIDS,
    "edited": EDITED,
    "signed": SIGNED,
    "amended": AMENDED,
    "withdrawn": WITHDRAWN,
    "spanish": SPANISH,
}
