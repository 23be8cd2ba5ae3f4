"""Text that a client gives: kept and shown as it is, so it may hold nothing that is not text."""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator

_LAYOUT: Final = "\t\n\r"


def _without_control_characters(text: str) -> str:
    # NUL is refused by Postgres; an escape would act on the terminal that shows the report as text.
    if any(unicodedata.category(letter) in {"Cc", "Cs"} and letter not in _LAYOUT for letter in text):
        message = "control characters are not text"
        raise ValueError(message)
    return text


PlainText = Annotated[str, AfterValidator(_without_control_characters)]
