"""What a report says beside its text, a line each: how far to rely on it, by whose word, and what made it.

Map: `status_lines`, `warning_lines`, `critical_lines` (before it) · `addenda`, `attestation_lines`, both as
`after_the_text`, `making_lines` (after it).
"""

from datetime import datetime
from typing import Final

from shared.domain.reports import Language
from shared.rendering.assessed import upheld
from shared.rendering.document import FindingLine, ReportDocument
from shared.reporting.places import in_place
from shared.version import SOFTWARE
from shared.words import in_each

WORDS: Final = in_each("notes", dict)


def status_lines(document: ReportDocument) -> list[str]:
    """Say whether it is the report still, how it came to be what it is, and by whose word."""
    words, other = WORDS[document.language], document.superseded_by
    superseded = [] if other is None else [words["superseded"].format(version=other)]
    return [*superseded, words["status"][document.status], *attestation_lines(document)[-1:]]


def warning_lines(document: ReportDocument) -> list[str]:
    """Say what must be known before it is read; of a signed report, that there is a newer reading, too."""
    newer, words = document.newer_reading, WORDS[document.language]
    return [*([] if newer is None else [words["read_again"].format(version=newer)]), *document.warnings]


def critical_lines(document: ReportDocument) -> list[str]:
    """Name the critical findings of the classifier, and how sure it is; none that a signature rejects."""
    return [
        f"{finding_in_words(line, document.language)} ({line.probability:.2f})"
        for line in upheld(document)
        if line.label in document.critical
    ]


def addenda(document: ReportDocument) -> list[list[str]]:
    """Return the lines of each addendum; the last says whose it is."""
    written_at = WORDS[document.language]["written_at"]
    return [
        [*addendum.text.splitlines(), written_at.format(name=addendum.author, at=in_minutes(addendum.at))]
        for addendum in document.addenda
    ]


def attestation_lines(document: ReportDocument) -> list[str]:
    """Say who signed, amended or withdrew it, when and why."""
    acts = WORDS[document.language]["acts"]
    return [
        acts[each.act].format(name=each.name, at=in_minutes(each.at), reason=each.reason)
        for each in document.attestations
    ]


def after_the_text(document: ReportDocument) -> list[tuple[str, list[str]]]:
    """Return what was said of the text once it was signed, with its titles: addenda, then signatures."""
    words, signed = WORDS[document.language], attestation_lines(document)
    added = [(words["addendum"], lines) for lines in addenda(document)]
    return [*added, *([(words["attestations"], signed)] if signed else [])]


def making_lines(document: ReportDocument) -> list[str]:
    """Say who wrote it, with what, and what machines are told of its origin."""
    model, words = document.model, WORDS[document.language]
    return [
        document.author_line,
        *[document.words.fallback] * document.fallback,
        words["made_with"].format(
            software=SOFTWARE,
            version=document.software_version,
            model=f"{model.id} {model.version}",
            digest=model.digest,
        ),
        words["mark"].format(mark=document.ai_mark.rpartition("/")[2]),
    ]


def finding_in_words(line: FindingLine, language: Language) -> str:
    """Write a finding and, where that is known, its place: "Pleural effusion at the left base"."""
    return line.name if line.place is None else f"{line.name} {in_place(line.place, language)}"


def in_minutes(moment: datetime) -> str:
    """Write when something happened."""
    return f"{moment:%Y-%m-%d %H:%M %Z}"
