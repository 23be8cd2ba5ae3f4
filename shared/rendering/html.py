"""A report as one printable page without scripts: for browsers, and for what prints from them."""

import base64
import hashlib
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.rendering import notes
from shared.rendering.document import ReportDocument, image_in_words, quoted

MEDIA_TYPE: Final = "text/html"

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "report.css").read_text(encoding="utf-8")
_TEMPLATE: Final = Environment(
    loader=FileSystemLoader(_HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("report.html.j2")

STYLE_HASH: Final = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
"""The style sheet as a Content-Security-Policy names it; nothing else on the page may be active."""


def render(document: ReportDocument) -> bytes:
    """Write the report as a whole page in UTF-8."""
    # The style sheet is ours and goes in as it is; everything else is escaped.
    style = Markup(_STYLE)  # noqa: S704
    return _TEMPLATE.render(
        document=document,
        words=document.words,
        notes=notes,
        image_in_words=image_in_words,
        quoted=quoted,
        style=style,
    ).encode()
