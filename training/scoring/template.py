"""Pages of figures: a template beside this file, with the one style sheet, as a file that stands alone."""

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE: Final = Path(__file__).parent


def html(name: str, **values: Any) -> str:  # noqa: ANN401  # whatever the template shows
    """Return a template filled in; text is escaped."""
    template = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(name)
    # The style sheet is ours and goes in as it is; everything else is escaped.
    return template.render(style=Markup((_HERE / "report.css").read_text(encoding="utf-8")), **values)
