"""What counts as text: honest words of every language, and nothing that hides or turns them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from api.plain_text import Line, PlainText

PROSE = TypeAdapter(PlainText)
LINE = TypeAdapter(Line)


def code_point(letter: str) -> str:
    return f"U+{ord(letter):04X}"


@pytest.mark.parametrize(
    "letter",
    [
        *("\x00", "\x07", "\x1b", "\x7f"),
        *("\x80", "\x85", "\x9b", "\x9f"),
        *("\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"),
        *("\u2028", "\u2029", "\u200b", "\u2060", "\u2064", "\u206f", "\ufeff", "\u00ad", "\ufff9"),
        *("\U000e0001", "\U000e0041", "\ud800", "\udfff", "\ufdd0", "\ufffe", "\U0010ffff"),
        *("\u115f", "\u3164", "\uffa0"),
    ],
    ids=ascii,
)
def test_what_hides_or_turns_text_is_named_and_refused(letter: str):
    for kind in (PROSE, LINE):
        with pytest.raises(ValidationError) as refused:
            kind.validate_python(f"cough{letter}fever")
        assert code_point(letter) in str(refused.value)
        assert letter not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "letter", ["\t", "\n", "\r", "\u200c", "\u200d", "\u200e", "\u200f", "\u061c"], ids=ascii
)
def test_layout_and_joiners_belong_to_prose_and_not_to_a_name(letter: str):
    assert PROSE.validate_python(f"cough{letter}fever") == f"cough{letter}fever"
    with pytest.raises(ValidationError, match=code_point(letter).replace("+", r"\+")):
        LINE.validate_python(f"cough{letter}fever")


@pytest.mark.parametrize(
    "honest",
    [
        "Fieber seit 3 Tagen, SpO₂ 91 %",
        "سعال وحمى منذ ثلاثة أيام",
        "תלונות: שיעול",
        "咳嗽三天",
        "d'Été — “naïve” 😷",
        "Ward 3 / PACS-7 (new)",
    ],
)
def test_honest_words_of_any_language_are_taken(honest: str):
    assert PROSE.validate_python(honest) == LINE.validate_python(honest) == honest


def test_persian_and_a_mark_between_two_directions_are_prose():
    for honest in ("سرفه می\u200cکند", "חום 38.5\u200f (אתמול)"):
        assert PROSE.validate_python(honest) == honest
