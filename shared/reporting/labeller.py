"""The labeller: what a radiology text says of each label, in English or Spanish.

A sentence is read, not searched. Its words become a string of symbols (`lexicon.Symbol`, one letter each)
by longest match, and the string must be a sentence of this small grammar; anything else is unreadable and
the sentence says nothing that could be trusted. That costs good sentences and lets no bad one through.

    sentence = clause (joint clause)*   a clause after "," ";" or "and" starts with an opener (N W H D T S)
    clause   = S q? | T? (N|W) or-list p? | T? (H|D) or-list p? | T? list (n | h | D | p)?
    list     = L | L and L | L , L , and L           or-list = L | L or L | L , L , or L

Each L may have its place before or after it, and each n, h, D or p the one of all its labels after it.
After NegEx (Chapman 2001), whose scopes this grammar makes explicit: "no A, B is present" has no reading.

Map: `Mention`, `Sentence` -> `read` -> `_symbols` -> `_parse`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from shared.domain.findings import FindingStatus, Place
from shared.domain.reports import Language
from shared.reporting.lexicon import LEXICONS, Lexicon, Symbol, Term, expand, words
from shared.reporting.places import PHRASES


@dataclass(frozen=True, slots=True)
class Mention:
    """One label, what a sentence says of it, and where."""

    label: str
    status: FindingStatus
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one sentence says.

    Attributes:
        strange: words that the lexicon does not hold, each with its kind ("side or zone", "unknown word").
        readable: whether the sentence is one of the grammar; when not, it has no mentions.
        named: the labels whose names stand in it, readable or not.
    """

    text: str
    mentions: tuple[Mention, ...] = ()
    strange: tuple[tuple[str, str], ...] = ()
    readable: bool = True
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    symbol: Symbol
    mention: Mention | None = None
    place: Place | None = None


def split_sentences(text: str) -> list[str]:
    """Cut a section into its sentences; dashes and the numbers 1, 2, 3 … at their start are taken off."""
    expected = 1

    def take_off(mark: re.Match[str]) -> str:
        nonlocal expected
        if mark["number"] is None:
            return ""
        if int(mark["number"]) != expected:
            return mark[0]  # a number that counts nothing says something: it stays, and is not understood
        expected += 1
        return ""

    starts = r"(?:^|(?<=[.!?;]\s)|(?<=\n))(?:(?P<number>\d?\d)[.)]|[-*•])\s+"
    bare = re.sub(starts, take_off, text.strip())
    parts = (part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", bare))
    return [part for part in parts if part]


def read(text: str, language: Language, *, labels: Iterable[str] = ()) -> tuple[Sentence, ...]:
    """Read a section, sentence by sentence; its headings are no part of what is said.

    Args:
        text: one section of a report.
        language: in which it is written; a word of another language is an unknown word.
        labels: the request's labels; one that the lexicon lacks is understood by its own id.
    """
    lexicon = LEXICONS[language]
    extra = tuple(sorted(label for label in labels if label not in lexicon.terms))
    heading = _heading(language)
    sentences = (heading.sub("", sentence) for sentence in split_sentences(text))
    return tuple(_read_sentence(sentence, lexicon, extra) for sentence in sentences if sentence)


@cache
def _heading(language: Language) -> re.Pattern[str]:
    lexicon = LEXICONS[language]
    names = "|".join(map(re.escape, (*lexicon.headings.values(), lexicon.critical)))
    return re.compile(rf"^(?:{names}):\s*", re.IGNORECASE)


def _read_sentence(text: str, lexicon: Lexicon, extra: tuple[str, ...]) -> Sentence:
    tokens, strange = _symbols(text, lexicon, extra)
    named = tuple(dict.fromkeys(token.mention.label for token in tokens if token.mention is not None))
    if strange:
        return Sentence(text, strange=strange, readable=False, named=named)
    parsed = _parse(tokens)
    if parsed is None:
        return Sentence(text, readable=False, named=named)
    return Sentence(text, mentions=parsed, named=named)


def _symbols(
    text: str, lexicon: Lexicon, extra: tuple[str, ...]
) -> tuple[list[_Token], tuple[tuple[str, str], ...]]:
    """Turn words into tokens, the longest phrase first; silent words vanish."""
    phrases, longest = _vocabulary(lexicon.language, extra)
    rest = words(re.sub(r"\.$", "", text.strip()))
    tokens: list[_Token] = []
    strange: list[tuple[str, str]] = []
    start = 0
    while start < len(rest):
        for length in range(min(longest, len(rest) - start), 0, -1):
            token = phrases.get(tuple(rest[start : start + length]))
            if token is not None:
                if token.symbol is not Symbol.SILENT:
                    tokens.append(token)
                start += length
                break
        else:
            strange.append((rest[start], _kind(rest[start], lexicon)))
            start += 1
    return tokens, tuple(strange)


def _kind(word: str, lexicon: Lexicon) -> str:
    if any(letter.isdigit() for letter in word):
        return "measurement"
    return next((kind for kind, members in lexicon.strange.items() if word in members), "unknown word")


@cache
def _vocabulary(language: Language, extra: tuple[str, ...]) -> tuple[dict[tuple[str, ...], _Token], int]:
    """Build the table of phrases, and how many words the longest has."""
    lexicon = LEXICONS[language]
    table: dict[tuple[str, ...], _Token] = {}

    def add(phrase: str, token: _Token) -> None:
        if table.setdefault(tuple(words(phrase)), token) != token:
            message = f"{phrase!r} has two meanings in the {language} lexicon"
            raise ValueError(message)

    for symbol, phrases in lexicon.small.items():
        for phrase in phrases:
            add(phrase, _Token(symbol))
    for phrase, place in PHRASES[lexicon.language].items():
        add(phrase, _Token(Symbol.PLACE, place=place))
    for term in (*lexicon.terms.values(), *(lexicon.term(label) for label in extra)):
        for symbol, status, phrase in _phrases(term):
            add(phrase, _Token(symbol, mention=Mention(term.label, status)))
    return table, max(map(len, table))


def _phrases(term: Term) -> Iterable[tuple[Symbol, FindingStatus, str]]:
    for name in term.names:
        yield Symbol.LABEL, FindingStatus.PRESENT, name.text
        if name.plural:
            yield Symbol.LABEL, FindingStatus.PRESENT, name.plural
    for pattern in term.also:
        for text in expand(pattern):
            yield Symbol.LABEL, FindingStatus.PRESENT, text
    for status, clauses in (
        (FindingStatus.PRESENT, term.present),
        (FindingStatus.UNCERTAIN, term.uncertain),
        (FindingStatus.ABSENT, term.absent),
    ):
        for pattern in clauses:
            for text in expand(pattern):
                yield Symbol.STATEMENT, status, text


_L: Final = "q?Lq?"
_OR_LIST: Final = rf"{_L}(?:o{_L})+|{_L}(?:,{_L})+,?o{_L}|{_L}"
_AND_LIST: Final = rf"{_L}(?:,{_L})+,?a{_L}|{_L}a{_L}|{_L}"
_CLAUSE: Final = re.compile(
    rf"(?P<absent>T?[NW](?:{_OR_LIST})(?:pq?)?|(?:{_AND_LIST}|{_OR_LIST})nq?)"
    rf"|(?P<uncertain>T?[HD](?:{_OR_LIST})(?:pq?)?|T?(?:{_AND_LIST}|{_OR_LIST})[hD]q?)"
    rf"|(?P<present>T?(?:{_AND_LIST})(?:pq?)?)"
    r"|(?P<whole>Sq?)",
)
_JOINT: Final = re.compile(r";b|;(?=[NWHDTS])|,?b|,?a(?=[NWHDTS])|,(?=[NWHDTS])|(?=W)")


def _parse(tokens: list[_Token]) -> tuple[Mention, ...] | None:
    """Give each label the status of its clause, or None when the grammar has no such sentence."""
    line = "".join(token.symbol.value for token in tokens)
    mentions: list[Mention] = []
    at = 0
    while True:
        clause = _CLAUSE.match(line, at)
        if clause is None:
            return None
        said = tokens[clause.start() : clause.end()]
        placed = list(_placed(said, clause.lastgroup or ""))
        if None in placed:
            return None
        mentions += (mention for mention in placed if mention is not None)
        at = clause.end()
        if at == len(line):
            return tuple(mentions)
        joint = _JOINT.match(line, at)
        if joint is None or (joint.group() == "" and clause.lastgroup == "absent"):
            return None  # "no A without B" can be read two ways
        at = joint.end()


def _placed(clause: Sequence[_Token], kind: str) -> Iterator[Mention | None]:
    """Yield what a clause says of each label, with the places beside it; None where two contradict."""
    around = (None, *(token.place for token in clause), None)
    of_all = clause[-1].place if clause[-2:-1] and clause[-2].mention is None else None
    for at, token in enumerate(clause, start=1):
        if token.mention is None:
            continue
        own = [place for place in (around[at - 1], around[at + 1]) if place is not None]
        places = own or [place for place in (of_all,) if place is not None]
        sides = {place.side for place in places} - {None}
        zones = {place.zone for place in places} - {None}
        if len(sides) > 1 or len(zones) > 1:
            yield None
            continue
        place = Place(next(iter(sides), None), next(iter(zones), None)) if places else None
        status = token.mention.status if token.symbol is Symbol.STATEMENT else FindingStatus(kind)
        yield Mention(token.mention.label, status, place)
