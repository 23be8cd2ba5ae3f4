"""Accept, Accept-Language, Prefer and If-None-Match."""

import pytest

from api.negotiation import LONGEST_WAIT, choose, preferred_language, preferred_wait, same

OFFERED = ("application/json", "text/plain", "text/html")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/plain"),
        ("text/html", "text/html"),
        ("TEXT/HTML; charset=utf-8", "text/html"),
        ("text/plain;q=0.5, text/html;q=0.9", "text/html"),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "text/html"),
        ("*/*, application/json;q=0", "text/plain"),
        ("application/pdf, text/plain;q=0.1", "text/plain"),
        ("text/html;q=nonsense, text/plain;q=0.1", "text/plain"),
        ("application/pdf", None),
        ("application/json;q=0", None),
        ("image/*", None),
    ],
)
def test_the_best_liked_format_is_chosen(accept: str | None, chosen: str | None):
    assert choose(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("es", "es"),
        ("ES-mx", "es"),
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("en-GB,en;q=0.9,es;q=0.8", "en"),
        ("en;q=0.5, es;q=0.7", "es"),
        ("es, en", "es"),
        ("de, fr;q=0.9", "en"),
        ("de, es;q=0.1", "es"),
        ("*", "en"),
        ("es, *;q=0.5", "es"),
        ("*, es;q=0.5", "en"),
        ("es;q=0", "en"),
        ("es;q=much", "en"),
        ("est", "en"),
    ],
)
def test_the_best_liked_language_is_chosen_and_english_is_the_last_resort(
    accept_language: str | None, language: str
):
    assert preferred_language(accept_language) == language


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("respond-async", None),
        ("wait=5", 5),
        ("respond-async, wait=10", 10),
        ('wait="7"', 7),
        ("Wait = 3; foo", 3),
        ("wait=99999", LONGEST_WAIT),
        ("wait=soon", None),
        ("await=5", None),
        ("wait=-1", None),
    ],
)
def test_a_preferred_wait_is_read_and_capped(prefer: str | None, seconds: float | None):
    assert preferred_wait(prefer) == seconds


@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [
        (None, False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("", False),
    ],
)
def test_a_version_the_client_has_is_recognised(if_none_match: str | None, known: bool):  # noqa: FBT001
    assert same(if_none_match, '"a"') is known
