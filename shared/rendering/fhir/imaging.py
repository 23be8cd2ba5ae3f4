"""ImagingStudy, and ServiceRequest for the accession number.

A study's and an instance's UIDs are those of the files. An accession number has no system: a file seldom
says who gave it.
"""

from collections.abc import Iterator
from itertools import groupby

from shared.rendering.document import Instance, ReportDocument
from shared.rendering.fhir.codes import (
    DICOM,
    DICOM_UID,
    IDENTIFIER_TYPE,
    IMAGING,
    URI,
)
from shared.rendering.fhir.elements import Element, concept, reference, resource
from shared.rendering.fhir.people import human_names
from shared.rendering.identity import study_uid
from shared.rendering.terms import CHEST_RADIOGRAPH


def based_on(document: ReportDocument) -> list[Element]:
    """Refer to the order by its accession number too, where there is one."""
    if not document.order.accession_number:
        return []
    return [reference(document, "ServiceRequest") | {"identifier": _accession(document)}]


def service_request(document: ReportDocument) -> Iterator[Element]:
    """Yield the order that the accession number is of; whether it is done by now nobody told."""
    order = document.order
    if not order.accession_number:
        return
    yield resource(
        document,
        "ServiceRequest",
        {
            "identifier": [_accession(document)],
            "status": "unknown",
            "intent": "order",
            "category": [concept(IMAGING)],
            "subject": reference(document, "Patient"),
            "requester": {"display": next(human_names(order.referring_physician), {}).get("text")},
            "reasonCode": [{"text": order.indication}],
        },
    )


def imaging_study(document: ReportDocument) -> Element:
    """Return the study; a series is listed where the files say what it is."""
    taken = document.order.study_date
    return resource(
        document,
        "ImagingStudy",
        {
            "identifier": [{"system": DICOM_UID, "value": f"urn:oid:{study_uid(document)}"}],
            "status": "available",
            "subject": reference(document, "Patient"),
            "started": taken and taken.isoformat(),
            "basedOn": based_on(document),
            "numberOfInstances": len(document.images),
            "procedureCode": [concept(CHEST_RADIOGRAPH)],
            "series": [*_series(document)],
        },
    )


def _series(document: ReportDocument) -> Iterator[Element]:
    # FHIR has no series without a modality.
    named = (image.instance for image in document.images if image.instance and image.instance.modality)
    instances = sorted(named, key=lambda instance: instance.series_instance_uid)
    for uid, of_series in groupby(instances, key=lambda instance: instance.series_instance_uid):
        own = list(of_series)
        yield {
            "uid": uid,
            "modality": {"system": DICOM, "code": own[0].modality},
            "numberOfInstances": len(own),
            "instance": [_instance(instance) for instance in own],
        }


def _instance(instance: Instance) -> Element:
    sop_class = {"system": URI, "code": f"urn:oid:{instance.sop_class_uid}"}
    return {"uid": instance.sop_instance_uid, "sopClass": sop_class}


def _accession(document: ReportDocument) -> Element:
    kind = {"coding": [{"system": IDENTIFIER_TYPE, "code": "ACSN"}]}
    return {"type": kind, "value": document.order.accession_number}
