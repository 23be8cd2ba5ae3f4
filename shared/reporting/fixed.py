"""The parts of a report that no writer touches: how the images were taken, and what was not detected.

A denial is the sentence that a language model gets wrong at a patient's cost, and it has one wording: the
labels that were looked for, each once, without those that may be the same as something detected.

Map: `technique_line` · `denial`, `denied` · `nothing_detected` -> `with_fixed_parts`.
"""

from collections import Counter
from typing import Final

from shared.domain.findings import ViewPosition
from shared.domain.reports import Language, ReportSections
from shared.reporting.certainty import Certainty
from shared.reporting.labeller import LEXICONS
from shared.reporting.lexicon import weight_of
from shared.reporting.phrases import join_and
from shared.reporting.relations import may_be_the_same
from shared.reporting.request import ReportRequest, View

_VIEWS: Final = {
    Language.ENGLISH: {
        View(ViewPosition.PA): "frontal (PA)",
        View(ViewPosition.AP): "frontal (AP)",
        View(ViewPosition.LATERAL): "lateral",
        View(ViewPosition.UNKNOWN): "view not stated",
        View(ViewPosition.PA, judged=True): "frontal (probably PA, judged from the image)",
        View(ViewPosition.AP, judged=True): "frontal (probably AP, judged from the image)",
        View(ViewPosition.LATERAL, judged=True): "probably lateral, judged from the image",
    },
    Language.SPANISH: {
        View(ViewPosition.PA): "frontal (PA)",
        View(ViewPosition.AP): "frontal (AP)",
        View(ViewPosition.LATERAL): "lateral",
        View(ViewPosition.UNKNOWN): "proyección no indicada",
        View(ViewPosition.PA, judged=True): "frontal (probablemente PA, a juzgar por la imagen)",
        View(ViewPosition.AP, judged=True): "frontal (probablemente AP, a juzgar por la imagen)",
        View(ViewPosition.LATERAL, judged=True): "probablemente lateral, a juzgar por la imagen",
    },
}
_TECHNIQUE: Final = {
    Language.ENGLISH: "Chest radiograph, {views}.",
    Language.SPANISH: "Radiografía de tórax, {views}.",
}
_DENIAL: Final = {
    Language.ENGLISH: "Looked for and not detected: {names}.",
    Language.SPANISH: "Buscado y no detectado: {names}.",
}
_NOTHING: Final = {
    Language.ENGLISH: "None of the {count} findings that were looked for was detected",
    Language.SPANISH: "No se ha detectado ninguno de los {count} hallazgos buscados",
}


def with_fixed_parts(request: ReportRequest, findings: str, impression: str) -> ReportSections:
    """Make a report of what a writer wrote of the labels that were detected."""
    return ReportSections(
        technique=technique_line(request),
        findings=" ".join(part for part in (findings, denial(request)) if part),
        impression=impression,
    )


def nothing_detected(request: ReportRequest) -> ReportSections:
    """Make the report of a study in which no label was detected; it leaves a writer nothing to write."""
    count = len(request.certainties())
    if count == 1:
        return with_fixed_parts(request, "", denial(request))
    words = _NOTHING[request.language].format(count=count)
    findings = f"{words}: {_not_detected(request)}."
    return ReportSections(technique=technique_line(request), findings=findings, impression=f"{words}.")


def denial(request: ReportRequest) -> str:
    """Write the end of FINDINGS: the labels that were looked for and not detected; empty for none."""
    names = _not_detected(request)
    return _DENIAL[request.language].format(names=names) if names else ""


def denied(request: ReportRequest) -> tuple[str, ...]:
    """Return the labels that the denial names."""
    unsaid = may_be_the_same(request.detected())
    return tuple(label for label in request.labels(Certainty.NOT_DETECTED) if label not in unsaid)


def _not_detected(request: ReportRequest) -> str:
    lexicon = LEXICONS[request.language]
    labels = sorted(denied(request), key=weight_of)
    return join_and([lexicon.term(label).names[0].text for label in labels], request.language)


def technique_line(request: ReportRequest) -> str:
    """Write the technique section: how the images were taken. Those left out are a warning's business."""
    names = _VIEWS[request.language]
    counts = Counter(request.views)
    views = ", ".join(
        f"{count} x {names[view]}" if count > 1 else names[view] for view, count in counts.items()
    )
    return _TECHNIQUE[request.language].format(views=views)
