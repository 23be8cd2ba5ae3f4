"""The pieces that FHIR resources are made of: what names another resource, codes, and the marks of an AI.

A builder may leave None, "" and empty lists where nothing is known: `without_nothing` takes them out in the
end, since FHIR has no empty element.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from shared.domain.reports import AiMark
from shared.labels import Code
from shared.plain_text import is_text
from shared.rendering.document import ReportDocument
from shared.rendering.fhir.codes import OBSERVATION_VALUE, SNOMED_CT
from shared.rendering.identity import named_uuid

Element: TypeAlias = dict[str, Any]

ASSERTED_BY_AI: Final = {
    "system": OBSERVATION_VALUE,
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
_ASSERTED_BY_CLINICIAN: Final = {
    "system": OBSERVATION_VALUE,
    "code": "CLINAST",
    "display": "clinician asserted",
}
_SPACE: Final = frozenset("\n\t")


def reference(document: ReportDocument, resource_type: str, what: str | None = None) -> Element:
    """Refer to a resource of the same Bundle.

    Args:
        what: which one of its type, as its own `resource` was told.
    """
    return {"reference": f"urn:uuid:{_id(document, resource_type, what)}", "type": resource_type}


def resource(
    document: ReportDocument, resource_type: str, elements: Mapping[str, Any], *, what: str | None = None
) -> Element:
    """Return an entry of the Bundle; its id is the same in every version of the report.

    Args:
        what: which one of its type; None where a report has one.
    """
    own = _id(document, resource_type, what)
    return {
        "fullUrl": f"urn:uuid:{own}",
        "resource": {"resourceType": resource_type, "id": own, **elements},
    }


def _id(document: ReportDocument, resource_type: str, what: str | None) -> str:
    return str(named_uuid(document, "fhir", resource_type, what or ""))


def coding(code: Code, system: str = SNOMED_CT) -> Element:
    """Return a Coding."""
    return {"system": system, "code": code.code, "display": code.display}


def concept(code: Code, system: str = SNOMED_CT) -> Element:
    """Return a CodeableConcept of one code."""
    return {"coding": [coding(code, system)]}


def plain_concept(system: str, code: str) -> Element:
    """Return a CodeableConcept of a code whose name says nothing more."""
    return {"coding": [{"system": system, "code": code}]}


def instant(when: datetime) -> str:
    """Write a moment, to the second and with its zone."""
    return when.isoformat(timespec="seconds")


def meta(document: ReportDocument) -> Element:
    """Return the marks by which machines see that an AI wrote it, and that a person answers for it.

    Source: HL7 AI Transparency on FHIR (security label AIAST); IPTC digital source type, as the EU's code of
    practice for Article 50 of its AI Act names it.
    """
    security = [ASSERTED_BY_AI]
    if document.ai_mark is AiMark.REVIEWED:
        security.append(_ASSERTED_BY_CLINICIAN)
    system, _, code = document.ai_mark.value.rpartition("/")
    return {"security": security, "tag": [{"system": f"{system}/", "code": code}]}


def without_nothing(value: object) -> object:
    """Return a piece of JSON without what is empty, and without letters that no text may hold."""
    if isinstance(value, dict):
        kept = ((name, without_nothing(member)) for name, member in value.items())
        return {name: member for name, member in kept if member not in _NOTHING}
    if isinstance(value, list):
        return [member for member in map(without_nothing, value) if member not in _NOTHING]
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        value = "".join(letter for letter in value if letter in _SPACE or is_text(letter))
    return value.strip() if isinstance(value, str) else value


_NOTHING: Final[tuple[object, ...]] = (None, "", [], {})
