"""What the classifier says of a study."""

from pydantic import Field

from cxr.models.answer import Answer
from cxr.models.study import ModelId


class Place(Answer):
    """Where in the chest a finding is; `as_displayed`: the file does not say which side is which."""

    side: str | None = None
    zone: str | None = None
    as_displayed: bool = False


class Finding(Answer):
    """What the classifier says of one label."""

    label: str
    name: str | None = None
    probability: float
    threshold: float
    uncertain_from: float | None = None
    status: str
    image: int | None = None
    box: list[float] | None = None
    place: Place | None = None


class ImageFindings(Answer):
    """The findings of one image."""

    index: int
    view: str | None = None
    findings: list[Finding]


class Findings(Answer):
    """One finding for each label of the model."""

    study_id: str
    model: ModelId
    warnings: list[str] = Field(default=[])
    findings: list[Finding]
    images: list[ImageFindings] = Field(default=[])

    @property
    def labels(self) -> list[str]:
        """What was looked for."""
        return [finding.label for finding in self.findings]

    def __getitem__(self, label: str) -> Finding:
        """Return the finding of a label, which may be written as reports write it, in any case."""
        wanted = label.casefold()
        for finding in self.findings:
            if wanted in (finding.label.casefold(), (finding.name or "").casefold()):
                return finding
        raise KeyError(label)
