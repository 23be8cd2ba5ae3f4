"""Device: the software that wrote the report, and the classifier whose findings it states."""

from collections.abc import Iterator

from shared.domain.reports import WriterVersion
from shared.rendering.document import ReportDocument
from shared.rendering.fhir.codes import DICOM
from shared.rendering.fhir.elements import Element, concept, reference, resource
from shared.rendering.terms import ARTIFICIAL_INTELLIGENCE
from shared.version import SOFTWARE


def software(document: ReportDocument) -> Element:
    """Refer to the software that wrote the report."""
    return reference(document, "Device", "software")


def classifier(document: ReportDocument) -> Element:
    """Refer to the classifier."""
    return reference(document, "Device", "classifier")


def devices(document: ReportDocument) -> Iterator[Element]:
    """Yield both; the classifier is a part of the software."""
    versions = [_version("software", document.software_version)]
    writer = document.author if isinstance(document.author, WriterVersion) else document.drafted_by
    if writer is not None:
        versions.append(_version("report writer", f"{writer.id} {writer.version}"))
    yield resource(document, "Device", _device(SOFTWARE) | {"version": versions}, what="software")
    model = document.model
    yield resource(
        document,
        "Device",
        _device(model.id)
        | {
            "identifier": [{"type": {"text": "SHA-256 of the model"}, "value": model.digest}],
            "version": [_version("model", model.version)],
            "parent": software(document),
        },
        what="classifier",
    )


def _device(name: str) -> Element:
    return {
        "deviceName": [{"name": name, "type": "model-name"}],
        "type": concept(ARTIFICIAL_INTELLIGENCE, DICOM),
    }


def _version(of: str, value: str) -> Element:
    return {"type": {"text": of}, "value": value}
