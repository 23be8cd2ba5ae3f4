"""What a written-out report holds, whatever its format, and its fixed words in each language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from shared.domain.findings import Box, FindingStatus, ModelVersion, Place, ViewPosition
from shared.domain.orders import NO_ORDER, Order
from shared.domain.reports import (
    Act,
    Addendum,
    AiMark,
    Attestation,
    Author,
    GradedSentence,
    Language,
    Person,
    ReportSections,
    ReportStatus,
    Section,
    WriterVersion,
)
from shared.domain.versions import ai_mark
from shared.rendering.names import in_words
from shared.rendering.passages import Passage, passages
from shared.reporting.certainty import PROBABLE_FROM, STATED_FROM
from shared.words import in_each


@dataclass(frozen=True, slots=True)
class FindingLine:
    """What the classifier says of one label: of the image that shows it best.

    Attributes:
        label: its id in `shared/labels.py`, or the model's own.
        name: what a person reads for it, in the report's language.
        image: the index of that image.
        box: where on it, of the picture as it was classified.
    """

    label: str
    name: str
    status: FindingStatus
    probability: float
    threshold: float
    image: int = 0
    box: Box | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """The DICOM object that an image came in; every UID is valid.

    Attributes:
        photometric_interpretation: of the stored values: "MONOCHROME1".
        shown_range: the stored values that are shown black and white, before MONOCHROME1 turns them round;
            None where that is not known.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str | None = None
    photometric_interpretation: str | None = None
    shown_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One image that the report speaks of.

    Attributes:
        judged: whether the view was read from the pixels: a guess.
        size: width and height as it was classified: of a turned picture, after turning.
        instance: None of a PNG or JPEG, and of a DICOM file that lacks a UID.
        warnings: codes of `shared/reporting/warnings.py`; they tell whether it was turned.
    """

    index: int
    view: ViewPosition
    used: bool
    judged: bool = False
    size: tuple[int, int] = (0, 0)
    instance: Instance | None = None
    warnings: Sequence[str] = ()

    @property
    def number(self) -> int:
        """Which it is to a reader, from one."""
        return self.index + 1


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """A report with all that its formats hold.

    Attributes:
        software_version: of what made it.
        status: preliminary, or final once a radiologist has signed.
        study_created_at: when the study was taken in.
        sentences: those of the sections, graded; what is not supported is marked where it stands.
        warnings: what its reader must know first, in its language.
        fallback: whether the template stood in for the writer.
        made_from: the version that a person did something to.
        drafted_by: the writer whose draft a person's version goes back to.
        critical: the labels of the critical findings.
        attestations: who signed, amended or withdrew it, in order.
        addenda: what was added below it after it was signed.
        newer_reading: the version that a writer made after this one was signed.
        superseded_by: of a version that is not the report any more, the one that is.
        pictures: the radiographs as PNG by the index of the image, for formats that show them.
        heatmaps: overlays of their size as PNG, by index and label.
    """

    study_id: str
    version: int
    status: ReportStatus
    language: Language
    reported_at: datetime
    sections: ReportSections
    findings: Sequence[FindingLine]
    images: Sequence[ImageLine]
    model: ModelVersion
    author: Author
    fallback: bool
    study_created_at: datetime
    software_version: str
    sentences: Sequence[GradedSentence] = ()
    warnings: Sequence[str] = ()
    order: Order = NO_ORDER
    indication: str | None = None
    made_from: int | None = None
    drafted_by: WriterVersion | None = None
    critical: Sequence[str] = ()
    attestations: Sequence[Attestation] = ()
    addenda: Sequence[Addendum] = ()
    newer_reading: int | None = None
    superseded_by: int | None = None
    pictures: Mapping[int, bytes] = field(default_factory=dict)
    heatmaps: Mapping[tuple[int, str], bytes] = field(default_factory=dict)

    @property
    def signed_by(self) -> Attestation | None:
        """The last word of who signed or amended it; None where nobody has."""
        signed = [word for word in self.attestations if word.act in {Act.SIGNED, Act.AMENDED}]
        return signed[-1] if signed else None

    @property
    def ai_mark(self) -> AiMark:
        """What a machine is told of how the report came to be."""
        return ai_mark(self.attestations)

    @property
    def words(self) -> "Words":
        """The fixed words in the report's language."""
        return WORDS[self.language]

    @property
    def named_patient(self) -> str:
        """What is known of the patient, in words: name, then id, sex and age."""
        return "; ".join(
            part for part in (in_words(self.order.patient_name or ""), self.patient_line) if part
        )

    @property
    def patient_line(self) -> str:
        """What is known of the patient, in words: id, sex, age."""
        patient = self.order.patient
        known = (patient.id, self.words.sexes.get(patient.sex or ""), self._age)
        return ", ".join(part for part in known if part)

    @property
    def _age(self) -> str | None:
        """The age in full years, of an infant in months, of a newborn in days."""
        years = self.order.patient_age_years
        if years is None:
            return None
        # A month is no fraction of a year that a float holds: 7 months must not be read as 6.
        months = int(years * _MONTHS_IN_A_YEAR + _ROUNDING)
        if months < 1:
            return self.words.days.format(round(years * _DAYS_IN_A_YEAR))
        if months < _MONTHS_OF_INFANTS:
            return self.words.months.format(months)
        return self.words.years.format(int(years + _ROUNDING))

    @property
    def author_line(self) -> str:
        """Who wrote it, and whose findings stand beside it."""
        author, words = self.author, self.words
        model = f"{self.model.id} {self.model.version}"
        if not isinstance(author, Person):
            return words.made_by.format(writer=f"{author.id} {author.version}", model=model)
        writer = f"{self.drafted_by.id} {self.drafted_by.version}" if self.drafted_by else ""
        drafted = words.drafted_by.format(writer=writer, model=model)
        return f"{drafted} {words.changed_by.format(person=author.name, version=self.made_from)}"

    def marked(self, section: Section) -> list[Passage]:
        """Return a section in passages, each with its mark; one passage where all is supported, or signed."""
        text: str = getattr(self.sections, section)
        if self.ai_mark is AiMark.REVIEWED:
            # It is the person's word now: that a classifier says otherwise is no mark on it.
            return passages(text, ())
        return passages(text, [sentence for sentence in self.sentences if sentence.section == section])

    def marked_text(self, section: Section) -> str:
        """Return a section as plain text, with the marks in it: "[NOT CHECKED: The aorta is wide.]"."""
        marks = self.words.marks
        return "".join(
            f"[{marks[passage.grade].upper()}: {passage.text}]" if passage.grade else passage.text
            for passage in self.marked(section)
        )

    @property
    def titled_sections(self) -> list[tuple[str, Section]]:
        """The sections that say something, in their order, with their titles."""
        return titled(self.sections, self.words)

    @property
    def sorted_findings(self) -> list[FindingLine]:
        """What is present first, then what is uncertain, then the rest; each by probability."""
        order = list(_ORDER)
        return sorted(self.findings, key=lambda line: (order.index(line.status), -line.probability))


def titled(sections: ReportSections, words: "Words") -> list[tuple[str, Section]]:
    """Return the sections that say something, in their order, with their titles."""
    return [(getattr(words, section), section) for section in Section if getattr(sections, section)]


def image_in_words(image: ImageLine, words: "Words") -> str:
    """Write an image's number and view, and what a reader may not take for granted of them."""
    remarks = [words.judged] * image.judged + [words.not_used] * (not image.used)
    return f"{image.number} {image.view}" + (f" ({', '.join(remarks)})" if remarks else "")


def quoted(text: str) -> str:
    """Quote a sender's words on one line: none of them can look like a heading, or end the quotation."""
    plain = " ".join(text.split()).translate(dict.fromkeys(map(ord, "“”«»"), '"'))
    return f"“{plain}”"


@dataclass(frozen=True, slots=True)
class Words:
    """The fixed words of a report."""

    title: str
    report_status: Mapping[str, str]
    study: str
    patient: str
    sexes: Mapping[str, str]
    years: str
    months: str
    days: str
    study_date: str
    reported: str
    version: str
    images: str
    not_used: str
    judged: str
    scale: str
    indication: str
    as_given: str
    technique: str
    comparison: str
    findings: str
    impression: str
    classifier: str
    label: str
    status: str
    probability: str
    threshold: str
    warnings: str
    made_by: str
    drafted_by: str
    changed_by: str
    fallback: str
    finding_status: Mapping[str, str]
    marks: Mapping[str, str]
    not_a_medical_device: str


_MONTHS_IN_A_YEAR: Final = 12
_MONTHS_OF_INFANTS: Final = 24
"""Under two years an age is told in months."""
_DAYS_IN_A_YEAR: Final = 365.25
_ROUNDING: Final = 1e-6
_ORDER: Final = (FindingStatus.PRESENT, FindingStatus.UNCERTAIN, FindingStatus.ABSENT)


def _words(table: Mapping[str, Any]) -> Words:
    scale = table["scale"].format(stated=f"{STATED_FROM:.2f}", probable=f"{PROBABLE_FROM:.2f}")
    return Words(**{**table, "scale": scale})


WORDS: Final = in_each("paper", _words)
"""The fixed words of each language that reports are written in."""
