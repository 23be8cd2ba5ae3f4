"""Patient, and the people who changed or signed the report: Practitioner with PractitionerRole.

A name of DICOM has up to three groups (alphabetic, ideographic, phonetic), and each becomes a HumanName.
Source: FHIR extension iso21090-EN-representation.
"""

from collections.abc import Iterator
from typing import Final

from shared.domain.reports import Act, Person, ReportStatus
from shared.rendering.document import ReportDocument
from shared.rendering.fhir.codes import IDENTIFIER_TYPE
from shared.rendering.fhir.elements import Element, plain_concept, reference, resource
from shared.rendering.names import Name, groups_of

_REPRESENTATION: Final = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
_REPRESENTATIONS: Final = ("ABC", "IDE", "SYL")
"""Alphabetic, ideographic, syllabic, in DICOM's order."""
_GENDERS: Final = {"F": "female", "M": "male", "O": "other"}


def patient(document: ReportDocument) -> Element:
    """Return the Patient, with as much as is known."""
    order = document.order
    identifier = {
        "type": plain_concept(IDENTIFIER_TYPE, "PI"),
        "value": order.patient_id,
        "assigner": {"display": order.patient_id_issuer},
    }
    return resource(
        document,
        "Patient",
        {
            "identifier": [identifier] if order.patient_id else [],
            "name": [*human_names(order.patient_name)],
            "gender": _GENDERS.get(order.patient_sex or ""),
            "birthDate": order.patient_birth_date and order.patient_birth_date.isoformat(),
        },
    )


def human_names(name: str | None) -> Iterator[Element]:
    """Yield a HumanName for each group of a name as DICOM writes it: "Yamada^Tarou=山田^太郎"."""
    for group, representation in zip(groups_of(name or ""), _REPRESENTATIONS, strict=False):
        if any(group):
            yield {
                "extension": [{"url": _REPRESENTATION, "valueCode": representation}],
                "text": _in_order(group, representation),
                "family": group.family,
                "given": [group.given, group.middle],
                "prefix": [group.prefix],
                "suffix": [group.suffix],
            }


def _in_order(name: Name, representation: str) -> str:
    """Write a name as it is said: the family name comes first where the script is not the alphabet."""
    said = (
        (name.prefix, name.given, name.middle, name.family, name.suffix)
        if representation == "ABC"
        else (name.family, name.given, name.middle)
    )
    return " ".join(part for part in said if part)


def person(document: ReportDocument, name: str) -> Element:
    """Refer to the person of that name."""
    return reference(document, "PractitionerRole", name)


def signers(document: ReportDocument) -> list[Element]:
    """Refer to the people who signed it, in order."""
    return [person(document, name) for name in _signers(document)]


def authors(document: ReportDocument) -> list[Element]:
    """Refer to the people whose text it is: those who signed, and who changed it and has not."""
    return [person(document, name) for name in _authors(document)]


def practitioners(document: ReportDocument) -> Iterator[Element]:
    """Yield a Practitioner and the PractitionerRole for each of them, and for who withdrew it."""
    names = [*_authors(document), *(attestation.name for attestation in document.attestations)]
    for name in dict.fromkeys(names):
        yield resource(document, "Practitioner", {"name": [{"text": name}]}, what=name)
        role = {"practitioner": reference(document, "Practitioner", name)}
        yield resource(document, "PractitionerRole", role, what=name)


def _signers(document: ReportDocument) -> list[str]:
    acts = document.attestations
    return list(dict.fromkeys(act.name for act in acts if act.act is not Act.ENTERED_IN_ERROR))


def _authors(document: ReportDocument) -> list[str]:
    names = _signers(document)
    # Whoever withdraws a report is the author of that version, and not of its text.
    if isinstance(document.author, Person) and document.status is not ReportStatus.ENTERED_IN_ERROR:
        names.append(document.author.name)
    return list(dict.fromkeys(names))
