"""What a person made of each finding of the AI, as JSON: for whoever watches over the AI's results.

It records what IHE's profile AIRAI (AI Result Assessment for Imaging) is about, that a finding was accepted,
rejected or supplemented; its text is not public, so the names here are ours.
"""

import json
from typing import Any, Final

from shared.domain.findings import Place
from shared.domain.reports import SIGNED, Act
from shared.errors import NotPossibleError
from shared.labels import LABELS
from shared.rendering.assessed import assessed
from shared.rendering.document import FindingLine, ReportDocument
from shared.rendering.filing import refuse_superseded
from shared.rendering.identity import report_uuid, study_uid
from shared.reporting.assessment import Assessment
from shared.version import SOFTWARE

MEDIA_TYPE: Final = "application/json"


def render(document: ReportDocument) -> bytes:
    """Write down each assessment, with what was found and what is said.

    Raises:
        NotPossibleError: nobody has signed it, it was withdrawn, or another version is the report now.
    """
    refuse_superseded(document)
    if document.status not in SIGNED:
        message = f"nobody has assessed the findings: the report is {document.status}"
        raise NotPossibleError(message)
    signers = [act for act in document.attestations if act.act is not Act.ENTERED_IN_ERROR]
    lines = {line.label: line for line in document.findings}
    content = {
        "study_id": document.study_id,
        "study_instance_uid": study_uid(document),
        "accession_number": document.order.accession_number,
        "report": {
            "identifier": f"urn:uuid:{report_uuid(document)}",
            "version": document.version,
            "status": document.status,
        },
        "ai": {
            "software": {"name": SOFTWARE, "version": document.software_version},
            "classifier": {
                "id": document.model.id,
                "version": document.model.version,
                "digest": document.model.digest,
            },
        },
        "assessed_by": [{"name": act.name, "at": act.at.isoformat(), "act": act.act} for act in signers],
        "assessments": [_assessment(one, lines.get(one.label)) for one in assessed(document)],
        "ai_mark": document.ai_mark,
    }
    return json.dumps(content, ensure_ascii=False).encode()


def _assessment(one: Assessment, line: FindingLine | None) -> dict[str, Any]:
    label = LABELS.get(one.label)
    snomed_ct = label.snomed_ct if label else None
    found = line and {
        "status": line.status,
        "probability": round(line.probability, 4),
        "image": line.image,
        "place": _place(line.place),
    }
    said = {"status": one.said, "place": _place(one.place)} if one.said else None
    return {
        "label": one.label,
        "snomed_ct": snomed_ct and snomed_ct.code,
        "assessment": one.outcome,
        "found": found,
        "said": said,
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    return {"side": place.side, "zone": place.zone} if place else None
