"""Writes docs/models/ from the catalogue: README.md whole, each page down to its first heading: `make docs`.

Map: `table` and `head` -> `write`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from shared.catalogue import CATALOGUE, Entry, Runs, Work

PAGES: Final = Path("docs", "models")
_RUNS: Final = {
    Runs.IN_PROCESS: "in worker-llm",
    Runs.SIDE_CAR: "behind a server of its own",
    Runs.AZURE: "Azure AI Foundry",
    Runs.ONNX: "in worker-cnn",
}
_MADE: Final = {Work.REPORT: "reports", Work.EMBEDDING: "embeddings", Work.FINDINGS: "findings"}
_TOP: Final = """# Models that see

Written by `make docs` from `shared/catalogue.toml`. A model of this table is turned on by one line. The
default, everywhere, stays the bundled writer, which is told the findings and sees nothing ([how to
choose](../how-to/choose-models.md)). Whoever writes, each sentence is graded against the classifier's
findings, and a reader is shown what they do not support ([why](../decisions/0018-graded-verdicts.md)).

**None of these weights has been run here.** Each page says what was tried in their place. Memory is
parameters in the precision that is loaded, and 2 GB for a study (0.5 GB for an embedding), rounded up: it
was not measured. A CPU loads float32: twice as much for bfloat16, and slowly. A licence is told as the
model's page tells it: read it there before you agree.

`cxr models list` shows the same with what is on your machine; `cxr models show NAME` tells all of one.
"""
_HEADINGS: Final = (
    "name",
    "what it is",
    "makes",
    "runs",
    "is shown",
    "boxes",
    "parameters",
    "memory",
    "licence",
)


def table() -> str:
    """Return docs/models/README.md."""
    rows = [_row(entry) for entry in CATALOGUE.values()]
    return "\n".join([_TOP, *_markdown(_HEADINGS, rows), ""])


def head(entry: Entry) -> str:
    """Return the beginning of a model's page, before what is written by hand."""
    facts = {
        "what it makes": f"{_made(entry)}, {_RUNS[entry.runs]}",
        "weights": _weights(entry),
        "setting": f"`{_setting(entry)}`",
        "is shown": ", ".join(entry.sees) + ("; says where, in boxes" if entry.boxes else ""),
        "parameters": " in ".join(filter(None, (entry.parameters, entry.loaded_as))),
        "memory": _memory(entry) + (", not measured" if entry.memory_gb else ""),
        "licence": entry.licence,
        "terms": entry.terms,
        "paper": f"[{entry.paper}](https://arxiv.org/abs/{entry.paper.removeprefix('arXiv ')})",
        "tried here": entry.tried,
    }
    rows = [(f"**{name}**", value) for name, value in facts.items()]
    consent = f"Accept its terms at <https://huggingface.co/{entry.weights}>, then:"
    return "\n".join(
        (
            *(f"# {entry.title}", ""),
            *_markdown((f"`{entry.name}`", ""), rows),
            *("", consent if entry.gated else "In this order:", ""),
            *("```", *entry.steps, "```", ""),
        )
    )


def write(folder: Path) -> None:
    """Write the table, and the beginning of each page anew."""
    (folder / "README.md").write_text(table(), encoding="utf-8")
    for entry in CATALOGUE.values():
        page = folder / f"{entry.name}.md"
        by_hand = page.read_text(encoding="utf-8").partition("\n## ")[2]
        page.write_text(f"{head(entry)}\n## {by_hand}", encoding="utf-8")


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        f"[`{entry.name}`]({entry.name}.md)",
        entry.title,
        _made(entry),
        _RUNS[entry.runs],
        ", ".join(entry.sees),
        "yes" if entry.boxes else "",
        entry.parameters,
        _memory(entry),
        entry.licence,
    )


def _made(entry: Entry) -> str:
    return _MADE[entry.work]


def _memory(entry: Entry) -> str:
    return f"{entry.memory_gb:g} GB" if entry.memory_gb else "the endpoint's"


def _weights(entry: Entry) -> str:
    if entry.runs is Runs.AZURE:
        return f"`{entry.weights}` in Azure's model catalogue"
    return f"[{entry.weights}](https://huggingface.co/{entry.weights})"


def _setting(entry: Entry) -> str:
    if entry.work is Work.REPORT:
        return f"CXR_REPORT_WRITER={entry.name}"
    if entry.work is Work.FINDINGS:
        return f"CXR_MODEL_BUNDLE={entry.name}"
    return next(word for word in entry.steps[-1].split() if word.startswith("CXR_"))


def _markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (headings, ("---",) * len(headings), *rows)]


if __name__ == "__main__":
    write(PAGES)
