"""Write the reports of some radiographs, to be read aloud: `python -m training.sample_reports FILE …`.

    python -m training.sample_reports --language es chest.png film.dcm > reports.md

As the service would, in one process: decoded, judged by the gate, classified, written and verified with the
same settings (CXR_MODEL_*, CXR_REPORT_*, CXR_CRITICAL_*). Markdown on standard output, a section a file; a
file that is refused has its reason there. The exit status is 1 when every file was refused.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.bundles import Bundle, load_bundle
from shared.domain.critical import critical_labels
from shared.domain.findings import study_findings
from shared.domain.reports import Language, Report
from shared.errors import BadInputError
from shared.gates import load_gate
from shared.rendering.document import WORDS, titled
from shared.reporting import warnings
from shared.reporting.request import ReportRequest, view_of
from shared.settings import CriticalSettings, ModelSettings, ReportSettings
from worker_cnn.decoding import prepare
from worker_cnn.gate import load_models
from worker_cnn.pipeline import analyse
from worker_cnn.reading import Sight, read, unbatched
from worker_llm.pipeline import write_reports
from worker_llm.writers import load_writer


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and print a section for each file."""
    options = _parser().parse_args(arguments)
    models = ModelSettings()
    bundle, gate = load_bundle(models.bundle), load_gate(models.gate)
    sight = unbatched(
        load_models(bundle, gate, device=models.device, threads=models.threads),
        gate.card.gate,
        side=gate.card.input_size,
    )
    settings = ReportSettings()
    writer = load_writer(settings)
    refused = 0
    for path in options.files:
        print(f"## {path.name}\n")
        try:
            request, said_first = _seen(path, bundle, sight, options.language, settings)
        except (BadInputError, OSError) as error:
            refused += 1
            print(f"Refused: {error}\n")
            continue
        (report,) = write_reports([request], writer, attempts=settings.attempts)
        print(_in_markdown(warnings.with_warnings(report, said_first)), flush=True)
    sys.exit(1 if refused == len(options.files) else 0)


def _seen(
    path: Path, bundle: Bundle, sight: Sight, language: Language, settings: ReportSettings
) -> tuple[ReportRequest, list[str]]:
    """Return what a report is written from, and what its reader must know first."""
    content = path.read_bytes()
    prepared = prepare(content, name=path.name, size=bundle.card.input_size)
    analysis = analyse(read(prepared, sight), bundle, index=0)
    if analysis.rejection is not None:
        raise analysis.rejection
    request = ReportRequest(
        seed=hashlib.sha256(content).hexdigest(),
        findings=study_findings([analysis.findings]),
        language=language,
        views=(view_of(analysis),),
        critical=critical_labels(analysis.findings, CriticalSettings().findings),
        recommendations=settings.recommendations,
    )
    return request, warnings.in_words(analysis.warnings, language)


def _in_markdown(report: Report) -> str:
    return "\n".join(
        f"**{title}**\n\n{getattr(report.sections, section).replace(chr(10), '  ' + chr(10))}\n"
        for title, section in titled(report.sections, WORDS[report.language])
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.sample_reports",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="radiographs")
    parser.add_argument("--language", type=Language, choices=list(Language), default=Language.ENGLISH)
    return parser


if __name__ == "__main__":
    main()
