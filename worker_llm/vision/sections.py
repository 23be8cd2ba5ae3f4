"""An answer in words, as its two sections: findings and impression, however a model marks them.

Map: `sections_of`.
"""

import re
from typing import Final

_HEADING: Final = re.compile(
    r"^[\s#*_>\d.)-]*(?P<line>(?i:findings?|impressions?|conclusions?))[\s*_]*(?::[\s*_]*|$)"
    r"|\b(?P<inline>FINDINGS|Findings|IMPRESSION|Impression)\s*:[\s*_]*",
    re.MULTILINE,
)
_BULLET: Final = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_MARKDOWN: Final = re.compile(r"\*\*|__|^\s*#+\s*|`", re.MULTILINE)


def sections_of(text: str) -> tuple[str, str | None]:
    """Return findings and impression, each on one line; no impression where the answer has none.

    What comes before a heading of findings is no report; an answer without headings is all findings.
    """
    found: dict[bool, list[str]] = {False: [], True: []}
    headings = list(_HEADING.finditer(text))
    begins = headings[0].start() if headings else len(text)
    concluding = [not (heading["line"] or heading["inline"]).lower().startswith("f") for heading in headings]
    if not headings or concluding[0]:
        found[False].append(text[:begins])
    for number, heading in enumerate(headings):
        ends = headings[number + 1].start() if number + 1 < len(headings) else len(text)
        found[concluding[number]].append(text[heading.end() : ends])
    findings, impression = (_plain("\n".join(found[kind])) for kind in (False, True))
    return findings, impression or None


def _plain(text: str) -> str:
    lines = [line for line in _MARKDOWN.sub("", text).splitlines() if line.strip("-=_* ")]
    if not lines:
        return ""
    said = [_BULLET.sub("", line).strip() for line in lines]
    ends = [
        _BULLET.match(line) or words[:1].isupper() for line, words in zip(lines[1:], said[1:], strict=True)
    ]
    return " ".join(_closed(words) if end else words for words, end in zip(said, [*ends, True], strict=True))


def _closed(line: str) -> str:
    return line if line.endswith((".", "!", "?", ":", ",", ";")) else f"{line}."
