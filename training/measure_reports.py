"""Measure on Open-I's real reports: `python -m training.measure_reports labeller|writers --data DIR`.

    labeller    our grammar and NegEx against the MeSH terms of 300 reports that nothing was chosen on
    writers     the rules, the bundled writer, the same model untuned and, with --adapter, one of
                `training.train_writer`, on held-out reports: how like the reports, how true to the findings

What they print is Markdown, as docs/real-reports.md has it.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Final

from training.command import above_zero, stop
from training.reports.alike import held_out
from training.reports.labellers import compared, readers, share_read
from training.reports.open_i import RealReport, labelled, read_reports
from training.reports.tables import labeller_table, writers_table
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
        print(f"{name}:\n", *labeller_table(compared(reports, reader)), "", sep="\n", flush=True)


def _writers(reports: Sequence[RealReport], options: argparse.Namespace) -> None:
    out = labelled(compress(reports, held_out(reports)))
    chosen = [report for report in out if report.present()][: options.reports]
    if not chosen:
        stop(f"{options.data}: none of the held-out reports shows a label")
    if options.adapter and not {report.uid for report in chosen} <= _held_out_of(options.adapter):
        stop(f"{options.adapter}: its card does not say that it was tuned without these reports")
    print(f"{len(chosen)} held-out reports with a finding.\n")
    for line in writers_table(_measured(chosen, options)):
        print(line, flush=True)


def _held_out_of(adapter: Path) -> frozenset[str]:
    """Return the reports that an adapter of `training.train_writer` has never seen, as its card says."""
    try:
        return frozenset(json.loads((adapter / "card.json").read_text(encoding="utf-8"))["held_out"])
    except (OSError, ValueError, KeyError):
        return frozenset()


def _measured(reports: Sequence[RealReport], options: argparse.Namespace) -> Iterator[tuple[str, Measured]]:
    yield "the reports themselves", measured(as_published(reports), reports)
    for name, writer in _loaded(options):
        yield name, measured(written_by(writer, reports), reports)


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
