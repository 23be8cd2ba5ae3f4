"""cxr heatmap, cxr open: what there is to see of a study."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from cxr.commands.connection import Key, Url, connect
from cxr.commands.studies import page_of
from cxr.commands.study_list import StudyId
from cxr.output import AsJson, notes, out, print_json, whole_file


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(heatmap)
    app.command("open")(open_page)


def heatmap(
    study_id: StudyId,
    label: Annotated[str, typer.Argument(help="A label that is present or uncertain, as findings name it.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write it to this file; else to LABEL.png.", dir_okay=False),
    ] = None,
    image: Annotated[
        int | None, typer.Option(help="Of which image; else of that in which the label is seen best.", min=0)
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write a label's heatmap as a PNG: what moved the model to it, not a boundary of what is there.

    Examples: [bold]cxr heatmap 0199… Effusion[/], [bold]cxr heatmap 0199… Effusion -o effusion.png[/]
    """
    with connect(url, key) as client:
        picture = client.heatmap(study_id, label, index=image)
    path = output or Path(f"{''.join(letter if letter.isalnum() else '_' for letter in label)}.png")
    with whole_file(path) as file:
        file.write(picture)
    if as_json:
        print_json({"study_id": study_id, "label": label, "file": str(path), "bytes": len(picture)})
    else:
        out.print(str(path), markup=False)


def open_page(study_id: StudyId, *, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Open a study's page in the browser, and print its address.

    Example: [bold]cxr open 0199…[/]
    """
    with connect(url, key) as client:
        page = page_of(client, client.study(study_id))
    opened = webbrowser.open(page)
    if as_json:
        print_json({"url": page, "opened": opened})
        return
    out.print(page, markup=False)
    if not opened:
        notes.print("there is no browser here; open the address in one", style="dim")
