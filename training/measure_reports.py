"""Measure on Open-I's real reports: `python -m training.measure_reports labeller|writers --data DIR`.

    labeller    our grammar and NegEx against the MeSH terms of 300 reports that nothing was chosen on
    writers     the rules, the bundled writer, the same model untuned and, with --adapter, one of
                `training.train_writer`, on held-out reports: how like the reports, how true to the findings

What they print is Markdown, as docs/real-reports.md has it.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Final

from shared.bundles import Interval
from training.command import above_zero, stop
from training.metrics import in_words
from training.reports.alike import held_out
from training.reports.labellers import Compared, Figures, compared, readers, share_read
from training.reports.open_i import RealReport, labelled, read_reports
from training.reports.written import Measured, as_published, measured, written_by
from worker_llm.writers.base import Writer
from worker_llm.writers.bundled import base_gguf
from worker_llm.writers.llama import LlamaWriter
from worker_llm.writers.template import TemplateWriter

_HELD_OUT: Final = 300
"""Reports for the labellers: `prose_names.py` was chosen on the others."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says."""
    options = _parser().parse_args(arguments)
    try:
        reports = read_reports(options.data)
    except (OSError, ValueError) as error:
        stop(str(error))
    if options.what == "labeller":
        _labellers(labelled(reports)[:_HELD_OUT])
    else:
        _writers(reports, options)


def _labellers(reports: Sequence[RealReport]) -> None:
    share = share_read([report.text for report in reports])
    print(f"{len(reports)} reports; the grammar reads {share:.1%} of their sentences.\n")
    for name, reader in readers().items():
        print(f"{name}:\n\n{_table(compared(reports, reader))}\n", flush=True)


def _table(found: Compared) -> str:
    rows = [
        *((label, str(count), *_cells(figures)) for label, (count, figures) in found.labels.items()),
        ("all decisions (micro)", "", *_cells(found.micro)),
        ("mean of the labels (macro)", "", "", "", _cell(found.macro)),
    ]
    return _markdown(("label", "reports", "precision", "recall", "F1"), rows)


def _cells(figures: Figures) -> tuple[str, str, str]:
    return _cell(figures.precision), _cell(figures.recall), _cell(figures.f1)


def _cell(one: Interval | None) -> str:
    return in_words(one, without="none affirmed")


def _writers(reports: Sequence[RealReport], options: argparse.Namespace) -> None:
    out = labelled(compress(reports, held_out(reports)))
    chosen = [report for report in out if report.present()][: options.reports]
    if not chosen:
        stop(f"{options.data}: none of the held-out reports shows a label")
    rows = [("the reports themselves", measured(as_published(chosen), chosen))]
    for name, writer in _loaded(options):
        rows.append((name, measured(written_by(writer, chosen), chosen)))
    print(f"\n{len(chosen)} held-out reports with a finding.\n\n{_markdown(_HEAD, map(_row, rows))}")


def _loaded(options: argparse.Namespace) -> Iterator[tuple[str, Writer]]:
    """Yield one writer after the other, so that one model is loaded at a time."""
    yield "template", TemplateWriter()
    yield from _closed("bundled", LlamaWriter.bundled(threads=options.threads))
    if options.adapter:
        tuned = LlamaWriter.bundled(threads=options.threads, adapter=options.adapter)
        yield from _closed("tuned on Open-I", tuned)
    yield from _closed("untuned", LlamaWriter.from_file(base_gguf(), threads=options.threads))


def _closed(name: str, writer: LlamaWriter) -> Iterator[tuple[str, Writer]]:
    yield name, writer
    writer.close()


_HEAD: Final = (
    "writer",
    "BLEU-4",
    "ROUGE-L",
    "METEOR",
    "label F1, grammar",
    "sentences it reads",
    "label F1, NegEx",
    "contradict",
    "invent",
    "omit",
    "is a report",
    "passes the verifier",
    "tokens/s",
    "reports/s",
)


def _row(one: tuple[str, Measured]) -> tuple[str, ...]:
    name, found = one
    alike = found.overlaps
    return (
        name,
        *(f"{figure:.3f}" for figure in (alike.bleu4, alike.rouge_l, alike.meteor)),
        _cell(found.grammar_f1),
        f"{found.readable:.0%}",
        _cell(found.prose_f1),
        *(f"{share:.1%}" for share in (found.contradicting, found.inventing, found.omitting)),
        f"{found.whole:.0%}",
        f"{found.passed:.0%}",
        *(_speed(one) for one in (found.tokens_per_second, found.reports_per_second)),
    )


def _speed(one: float | None) -> str:
    return "" if one is None else f"{one:,.1f}"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.measure_reports",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("what", choices=("labeller", "writers"))
    add("--data", type=Path, required=True, metavar="DIR", help="folder of Open-I's reports")
    add("--adapter", type=Path, metavar="FOLDER", help="of a writer that was tuned on other Open-I reports")
    add("--reports", type=above_zero, metavar="N", help="only so many of the held-out reports")
    add("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    return parser


if __name__ == "__main__":
    main()
