"""How far a signed text is from what a writer had drafted: counted when it is signed, and kept with it."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from shared.domain.reports import EditedReport
from shared.domain.versions import History
from shared.records import findings, reports
from shared.records.reports import ReportRecord
from shared.reporting.assessment import amended_by, changed_words, labels_changed, reading_of


@dataclass(frozen=True, slots=True)
class Changes:
    """What is no longer as it was drafted.

    Attributes:
        words: replaced, taken out or put in.
        labels: of which the text says something else, its addenda included.
    """

    words: int | None
    labels: int | None


NOT_COUNTED: Final = Changes(None, None)
"""Of a text that nobody has signed."""


def since_draft(
    session: Session, earlier: ReportRecord, text: EditedReport | ReportRecord, addendum: str | None
) -> Changes:
    """Count what a text changes of the draft that it goes back to.

    Args:
        earlier: the version that it is made from.
        addendum: what is added below it now, beside what was added before.
    """
    history = History(reports.versions_of(session, earlier.study_id), earlier.version)
    drafted = reports.version(session, earlier.study_id, history.chain[0].version)
    assert drafted is not None  # noqa: S101  a version is never taken out alone
    (found,) = findings.of_analyses(session, [drafted.analysis_id]).values()
    addenda = [*(one.text for one in history.addenda), *([addendum] if addendum else [])]
    signed = amended_by(reading_of(text.sentences, found, text.language), addenda, text.language)
    changed = labels_changed(reading_of(drafted.sentences, found, drafted.language), signed)
    return Changes(words=changed_words(drafted, text), labels=len(changed))
