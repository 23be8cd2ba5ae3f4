"""cxr reviews: reading reports, and putting one's name to them."""

import io
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cxr.commands.connection import Key, Url, connect
from cxr.commands.studies import page_of
from cxr.models import Report
from cxr.output import AsJson, describe, notes, out, print_critical, print_json, print_rows, typed, whole_file

app = typer.Typer(
    no_args_is_help=True, help="Read reports and sign them, with a key of the scope review in CXR_KEY."
)

StudyId = Annotated[str, typer.Argument(metavar="ID", help="The study's id.")]
Seen = Annotated[
    int, typer.Option("--version", min=1, help="The version that you read, as `cxr report` says at its top.")
]
Author = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Who you are: needed where the server asks for no keys; else the key says it."
    ),
]
_MARKS = {"same": " ", "changed": "~", "removed": "-", "added": "+"}


@app.command("next")
def next_study(
    *,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Leave this study for later; repeat it.")
    ] = None,
    author: Author = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Say which study's report waits longest to be signed: critical first, then by priority.

    What somebody else has had open in the last 15 minutes is left to them.

    Example: [bold]cxr reviews next[/]
    """
    with connect(url, key) as client:
        study = client.reviews.next(skip=skip or (), author=author)
        page = page_of(client, study) if study else None
    if as_json:
        print_json(study or {})
    elif study is None:
        notes.print("no report waits to be signed")
    else:
        out.print(describe(study), markup=False)
        print_critical(study)
        out.print(page, markup=False)
        out.print(f"{typed()} report {study.id}", style="dim", markup=False)


@app.command()
def versions(study_id: StudyId, *, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """List a report's versions: who made each, when and by what.

    Example: [bold]cxr reviews versions 0199…[/]
    """
    with connect(url, key) as client:
        found = client.reviews.versions(study_id)
    if as_json:
        print_json(found)
        return
    print_rows(
        ("version", "act", "status", "by", "from", "at", "reason"),
        [
            (
                str(one.version),
                one.act,
                one.status,
                one.author.name,
                str(one.made_from or ""),
                f"{one.created_at:%Y-%m-%d %H:%M}",
                one.reason or "",
            )
            for one in found
        ],
    )


@app.command()
def diff(
    study_id: StudyId,
    earlier: Annotated[int, typer.Argument(metavar="FROM", min=1, help="The version to begin with.")],
    later: Annotated[int, typer.Argument(metavar="TO", min=1, help="The version to end with.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Show what became of each sentence from one version to another.

    Example: [bold]cxr reviews diff 0199… 1 3[/]
    """
    with connect(url, key) as client:
        found = client.reviews.differences(study_id, earlier, later)
    if as_json:
        print_json(found)
        return
    section = ""
    for one in found:
        if one.section != section:
            section = one.section
            out.print(section.upper(), style="bold", markup=False)
        if one.op == "changed":
            out.print(f"  - {one.before}\n  + {one.after}", markup=False)
        else:
            out.print(f"  {_MARKS.get(one.op, one.op)} {one.after or one.before}", markup=False)


@app.command()
def sign(
    study_id: StudyId,
    *,
    seen: Seen,
    reason: Annotated[
        str | None, typer.Option(help="Sign anew what was signed before, and say why; it is amended then.")
    ] = None,
    author: Author = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Sign a report as it stands, which makes it final. The page is for changing it.

    Example: [bold]cxr reviews sign 0199… --version 1[/]
    """
    with connect(url, key) as client:
        _say(client.reviews.sign(study_id, seen, reason=reason, author=author), as_json=as_json)


@app.command()
def addendum(
    study_id: StudyId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is added.")],
    *,
    seen: Seen,
    author: Author = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Add something below a signed report, which stays as it was signed.

    Example: [bold]cxr reviews addendum 0199… "The ward was told at 10:40." --version 2[/]
    """
    with connect(url, key) as client:
        _say(client.reviews.add(study_id, seen, text, author=author), as_json=as_json)


@app.command()
def withdraw(
    study_id: StudyId,
    *,
    seen: Seen,
    reason: Annotated[str, typer.Option(help="Why it should never have been.")],
    author: Author = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Mark a report as entered in error, for good; what it said can still be read.

    Example: [bold]cxr reviews withdraw 0199… --version 2 --reason "Another patient's."[/]
    """
    with connect(url, key) as client:
        _say(client.reviews.withdraw(study_id, seen, reason, author=author), as_json=as_json)


@app.command()
def table(*, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Show how fast reports are signed, and how much of their drafts stays, for each model and writer.

    Of all that are signed and not withdrawn. Seconds are from opening to signing, the median; changed words
    and labels are on the average between the draft and the text that was signed last.

    Example: [bold]cxr reviews table[/]
    """
    with connect(url, key) as client:
        found = client.reviews.summary()
    if as_json:
        print_json(found)
        return
    if not found:
        notes.print("nobody has signed a report yet")
        return
    print_rows(
        ("classifier", "writer", "signed", "seconds", "accepted lines", "changed words", "changed labels"),
        [
            (
                f"{one.classifier.id} {one.classifier.version}",
                f"{one.writer.id} {one.writer.version}",
                str(one.signed),
                "" if one.median_seconds is None else f"{one.median_seconds:.0f}",
                "" if one.accepted_share is None else f"{one.accepted_share:.1%}",
                f"{one.changed_words:.1f}",
                f"{one.changed_labels:.2f}",
            )
            for one in found
        ],
    )


@app.command()
def writers(*, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Compare a shadow writer's reports with those that readers are shown, and both with the findings.

    Of the labels that either states: how many both say alike, and the errors by kind; weight is that of all
    errors, an urgent finding that is missing or false counting 1.

    Example: [bold]cxr reviews writers[/]
    """
    with connect(url, key) as client:
        found = client.reviews.writers()
    if as_json:
        print_json(found)
        return
    if not found:
        notes.print("no study has been written of by two writers: CXR_REPORT_SHADOW names the second")
        return
    kinds = ("false", "missing", "location", "certainty")
    print_rows(
        ("writer", "shadow", "compared", "studies", "agreed", *kinds, "urgent", "unread", "weight"),
        [
            (
                f"{pair.primary.id} {pair.primary.version}",
                f"{pair.shadow.id} {pair.shadow.version}",
                one.comparison.replace("_", " "),
                str(pair.compared),
                f"{one.agreed}/{one.stated}",
                *(str(sum(error.count for error in one.errors if error.kind == kind)) for kind in kinds),
                str(sum(error.count for error in one.errors if error.significance == "urgent")),
                str(one.unread),
                f"{one.weight:g}",
            )
            for pair in found
            for one in pair.accounts
        ],
    )


@app.command()
def export(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write every signed report beside its draft, a JSON object a line: for training and for audits.

    The texts are as they were written: treat the file as the patients' data that it is.

    Example: [bold]cxr reviews export -o reviews.ndjson[/]
    """
    with connect(url, key) as client:
        if as_json:
            lines = io.BytesIO()
            client.reviews.save_export(lines)
            print_json([json.loads(line) for line in lines.getvalue().splitlines()])
            return
        if output is None:
            client.reviews.save_export(sys.stdout.buffer)
            return
        with whole_file(output) as file:
            client.reviews.save_export(file)


def _say(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        last = report.attestations[-1]
        out.print(f"version {report.version} is {report.status}: {last.act} by {last.name}", markup=False)
