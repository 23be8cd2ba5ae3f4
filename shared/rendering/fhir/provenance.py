"""Provenance: that an AI drafted the report, and each act by which a person answers for it."""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.domain.reports import Act
from shared.rendering.document import ReportDocument
from shared.rendering.fhir import codes
from shared.rendering.fhir.devices import classifier, software
from shared.rendering.fhir.elements import (
    ASSERTED_BY_AI,
    Element,
    instant,
    meta,
    plain_concept,
    reference,
    resource,
)
from shared.rendering.fhir.people import person

_ACTIVITIES: Final[Mapping[Act, tuple[str, str]]] = {
    Act.SIGNED: (codes.COMPLETION, "LA"),
    Act.AMENDED: (codes.OPERATION, "UPDATE"),
    Act.ADDENDUM: (codes.OPERATION, "APPEND"),
    Act.ENTERED_IN_ERROR: (codes.OPERATION, "NULLIFY"),
}
"""Legally authenticated, and what became of it afterwards."""


def provenance(document: ReportDocument) -> Iterator[Element]:
    """Yield one for the draft, and one for each act in order."""
    target = [reference(document, "Composition"), reference(document, "DiagnosticReport")]
    yield resource(
        document,
        "Provenance",
        {
            "meta": meta(document),
            "target": target,
            "recorded": instant(document.reported_at),
            "reason": [{"coding": [ASSERTED_BY_AI]}],
            "agent": [
                _agent("author", software(document)),
                _agent("informant", classifier(document)),
            ],
        },
        what="draft",
    )
    for attestation in document.attestations:
        yield resource(
            document,
            "Provenance",
            {
                "target": target,
                "recorded": instant(attestation.at),
                "reason": [{"text": attestation.reason}] if attestation.reason else [],
                "activity": plain_concept(*_ACTIVITIES[attestation.act]),
                "agent": [_agent("attester", person(document, attestation.name))],
            },
            what=str(attestation.version),
        )


def _agent(role: str, who: Element) -> Element:
    return {"type": plain_concept(codes.AGENT_TYPE, role), "who": who}
