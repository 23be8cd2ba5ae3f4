"""A report as an HL7 v2.5.1 message: ORU^R01 in the shape of IHE's Results Distribution (RAD-128).

    MSH   UTF-8; its control id is of the study and the version
    PID   the patient, by every group of the name
    PV1   a class of visit that nobody knows
    ORC   observations follow (RE)
    OBR   the order; its filler number is one over all versions, and OBR-25 says how far to rely on it
    OBX   the study's UID, what to know first, the sections line by line, addenda, signatures, the AI's mark,
          each finding that the report states, and the report on paper

Whoever sends the message fills in who receives it (MSH-5 and MSH-6).
Source: HL7 v2.5.1, chapters 2, 3 and 7. Of RAD-128 its public implementations were read, not the text.

Map: `render` -> `_header`, `_patient`, `_request`, `_observations` (`_texts`, `_findings`, `_paper`).
"""

import base64
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.findings import FindingStatus, Place
from shared.domain.reports import ReportStatus
from shared.errors import NotPossibleError
from shared.labels import LABELS, Code
from shared.rendering import notes, pdf, terms
from shared.rendering.document import ReportDocument, quoted
from shared.rendering.fhir import codes
from shared.rendering.fhir.findings import name_of
from shared.rendering.filing import refuse_superseded
from shared.rendering.hl7_encoding import (
    SEPARATORS,
    components,
    escaped,
    message,
    moment,
    segment,
    subcomponents,
)
from shared.rendering.identity import named_uuid, report_uuid, study_uid
from shared.rendering.names import Name, groups_of
from shared.rendering.stated import Stated, stated
from shared.reporting.places import in_place
from shared.version import SOFTWARE

MEDIA_TYPE: Final = "application/hl7-v2"

_LONGEST_CONTROL_ID: Final = 20
_LONGEST_STRING: Final = 199
"""Of ST (chapter 2A); the whole indication is in the text."""
_RESULT: Final[Mapping[ReportStatus, str]] = {
    ReportStatus.PRELIMINARY: "P",
    ReportStatus.FINAL: "F",
    ReportStatus.AMENDED: "C",
    ReportStatus.ENTERED_IN_ERROR: "C",
}
"""HL7 table 0123. It has no code for a report in error (X is an order that was cancelled before any result):
the message corrects what was filed, and all that it says is that, with the W of table 0085."""
_WRONG: Final = "W"
_DETAIL: Final = "O"
"""Of the order, and no result (table 0085)."""
_FLAGS: Final[Mapping[FindingStatus, str]] = {FindingStatus.PRESENT: "A", FindingStatus.ABSENT: "N"}
_CRITICAL: Final = "AA"
"""Table 0078; what is uncertain has no flag."""
_REPRESENTATIONS: Final = "AIP"
"""Of a name's groups: alphabetic, ideographic, phonetic (table 0465)."""
_OWN_CODES: Final = "99CXR"
_REPORT_TYPE, _REPORT_TEXT = codes.REPORT_TYPES


@dataclass(frozen=True, slots=True)
class _Observation:
    """One OBX, its fields written; its status is the report's unless it has its own."""

    kind: str
    what: str
    value: str
    flag: str = ""
    probability: str = ""
    status: str = ""
    device: str = ""
    note: str = ""


def render(document: ReportDocument) -> bytes:
    """Write the report as one message, in UTF-8, without a frame.

    Raises:
        NotPossibleError: no patient id is known, by which a hospital would file it; or another version is the
            report, in whose place this one would be filed.
    """
    if not escaped(document.order.patient_id):
        reason = "the study names no patient id, and a hospital files a result by it"
        raise NotPossibleError(reason)
    refuse_superseded(document)
    result = _RESULT[document.status]
    segments = [_header(document), _patient(document), segment("PV1", {1: "1", 2: "U"})]
    segments += _request(document, result)
    numbers: Counter[str] = Counter()
    for number, observation in enumerate(_observations(document), start=1):
        numbers[observation.what] += 1
        fields = {
            1: str(number),
            2: observation.kind,
            3: observation.what,
            4: str(numbers[observation.what]),
            5: observation.value,
            8: observation.flag,
            9: observation.probability,
            11: observation.status or result,
            18: observation.device,
        }
        segments.append(segment("OBX", {place: field for place, field in fields.items() if field}))
        segments += [segment("NTE", {1: "1", 3: observation.note})] * bool(observation.note)
    return message(segments)


def _header(document: ReportDocument) -> str:
    control_id = named_uuid(document, "hl7", str(document.version)).hex[:_LONGEST_CONTROL_ID]
    fields = {
        2: SEPARATORS,
        3: components(SOFTWARE),
        4: components(document.order.institution or SOFTWARE),
        7: moment(document.reported_at),
        9: "ORU^R01^ORU_R01",
        10: control_id.upper(),
        11: "P",
        12: "2.5.1",
        18: "UNICODE UTF-8",
        19: components(document.language, None, "ISO639"),
    }
    return segment("MSH", fields)


def _patient(document: ReportDocument) -> str:
    order = document.order
    born = order.patient_birth_date
    names = zip(groups_of(order.patient_name or ""), _REPRESENTATIONS, strict=False)
    # The standard wants a name; one of an unspecified type says that nobody knows it.
    known = "~".join(_extended(name, representation) for name, representation in names if any(name))
    fields = {
        1: "1",
        3: components(order.patient_id, None, None, order.patient_id_issuer, "PI"),
        5: known or components(*[None] * 6, "U"),
        7: f"{born:%Y%m%d}" if born else "",
        8: order.patient_sex or "U",
    }
    return segment("PID", fields)


def _extended(name: Name, representation: str) -> str:
    return components(
        name.family, name.given, name.middle, name.suffix, name.prefix, None, "L", representation
    )


def _request(document: ReportDocument, result: str) -> list[str]:
    """Return ORC and OBR; a study without an accession number has its report's own identifier for it."""
    order = document.order
    accession, own = escaped(order.accession_number), str(report_uuid(document))
    day, clock = order.study_date, order.study_time
    taken = (
        f"{day:%Y%m%d}" + (f"{clock:%H%M%S}" if clock else "") if day else moment(document.study_created_at)
    )
    signed = document.signed_by
    fields = {
        1: "1",
        3: accession or own,
        4: _coded(_REPORT_TYPE, "LN"),
        7: taken,
        16: _referring(order.referring_physician or ""),
        18: accession,
        20: own,
        22: moment(document.reported_at),
        24: "RAD",
        25: result,
        31: components(None, textwrap.shorten(document.indication or "", _LONGEST_STRING)),
        32: subcomponents(None, signed.name if signed else None),
    }
    return [segment("ORC", {1: "RE", 3: accession or own}), segment("OBR", fields)]


def _referring(name: str) -> str:
    known = [group for group in groups_of(name) if any(group)]
    return components(None, *(known[0][:3]), known[0].suffix, known[0].prefix) if known else ""


def _observations(document: ReportDocument) -> Iterator[_Observation]:
    uid = escaped(study_uid(document))
    yield _Observation("ST", _coded(Code("113014", "DICOM Study"), "DCM"), uid, status=_DETAIL)
    is_withdrawn = document.status is ReportStatus.ENTERED_IN_ERROR
    for code, lines in _texts(document, is_withdrawn=is_withdrawn):
        for line in filter(None, map(escaped, lines)):
            status = _WRONG if is_withdrawn else ""
            yield _Observation("TX", _coded(code, "LN"), line, status=status)
    origin = components("DIGITAL-SOURCE-TYPE", "IPTC Digital Source Type", _OWN_CODES)
    yield _Observation("ST", origin, escaped(document.ai_mark), status=_DETAIL)
    if not is_withdrawn:
        yield from (_finding(document, one) for one in stated(document))
        yield _paper(document)


def _texts(document: ReportDocument, *, is_withdrawn: bool) -> Iterator[tuple[Code, Iterable[str]]]:
    """Yield the lines of each part of the text; of a withdrawn report only that it is."""
    words, told = document.words, notes.WORDS[document.language]
    status = words.report_status[document.status].upper()
    before = [f"{words.title}: {status}", *notes.status_lines(document), words.not_a_medical_device]
    if is_withdrawn:
        yield _REPORT_TEXT, before
        return
    before += [f"{words.warnings}: {line}" for line in notes.warning_lines(document)]
    before += [f"{told['critical']}: {line}" for line in notes.critical_lines(document)]
    yield _REPORT_TEXT, before
    if document.indication:
        yield codes.HISTORY, [f"{words.indication} ({words.as_given}): {quoted(document.indication)}"]
    for _, section in document.titled_sections:
        yield codes.SECTIONS[section], document.marked_text(section).splitlines()
    for lines in notes.addenda(document):
        yield codes.ADDENDUM, lines
    yield _REPORT_TEXT, [*notes.attestation_lines(document), *notes.making_lines(document)]


def _finding(document: ReportDocument, one: Stated) -> _Observation:
    """Return a finding as a question with its answer; the classifier's has its probability and its device."""
    is_critical = one.status is FindingStatus.PRESENT and one.label in document.critical
    model = document.model
    return _Observation(
        "CWE",
        _label(document, one.label),
        _coded(terms.STATUS[one.status], "SCT"),
        flag=_CRITICAL if is_critical else _FLAGS.get(one.status, ""),
        probability=f"{one.finding.probability:.4f}" if one.finding else "",
        device=components(f"{model.id} {model.version}", SOFTWARE) if one.finding else "",
        note=escaped(_where(one.place, document)),
    )


def _where(place: Place | None, document: ReportDocument) -> str | None:
    return in_place(place, document.language) if place else None


def _label(document: ReportDocument, label: str) -> str:
    """Write a label by its codes, the first two of SNOMED CT, RadLex and our own."""
    known = LABELS.get(label)
    own = Code(label, name_of(document, label))
    coded = [] if known is None else [(known.snomed_ct, "SCT"), (known.radlex, "RADLEX")]
    written = [_coded(code, system) for code, system in [*coded, (own, _OWN_CODES)] if code is not None]
    return "^".join(written[:2])


def _coded(code: Code, system: str) -> str:
    return components(code.code, code.display, system)


def _paper(document: ReportDocument) -> _Observation:
    packed = base64.b64encode(pdf.render(document)).decode()
    return _Observation(
        "ED", _coded(_REPORT_TEXT, "LN"), f"{components(SOFTWARE, 'application', 'pdf', 'Base64')}^{packed}"
    )
