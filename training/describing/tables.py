"""A data set's counts and faults as tables for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from training.datasets.base import DatasetReader, Problem
from training.describing.checks import Duplicates
from training.describing.counts import Counts

EXAMPLES: Final = 5
"""Rows of what may be long."""


def counts_tables(reader: DatasetReader, counts: Counts) -> Iterator[RenderableType]:
    """Yield the tables of what is there."""
    here = (counts.images, counts.patients, counts.studies)
    table = _table(reader.title, "", "here", "published")
    for name, number, published in zip(
        ("images", "patients", "studies"), here, reader.published, strict=True
    ):
        table.add_row(name, f"{number:,}", "not stated" if published is None else f"{published:,}")
    for name, number in (("boxes", counts.boxes), ("masks", counts.masks), ("a report", counts.reports)):
        if number:
            table.add_row(f"images with {name}", f"{number:,}", "")
    yield table
    splits = _table("Official splits", "", "images", "patients")
    for name, part in counts.splits.items():
        splits.add_row(name, f"{part.images:,}", f"{part.patients:,}")
    yield splits
    yield _shares("Views", counts.views, counts.images)
    sexes = {sex or "not stated": number for sex, number in counts.sexes.items()}
    yield _shares("Sex", sexes, counts.images)
    yield ages(counts)
    if counts.labellers:
        yield _shares("Labels set by", counts.labellers, counts.images)
    yield prevalence(counts)


def ages(counts: Counts) -> Table:
    """Return a table of ages in tens of years."""
    decades = Counter(int(age // 10) for age in counts.ages)
    shares = {f"{10 * decade} to {10 * decade + 9}": decades[decade] for decade in sorted(decades)}
    return _shares("Age", shares | {"not stated": counts.images - len(counts.ages)}, counts.images)


def prevalence(counts: Counts) -> Table:
    """Return a table of all labels; the share is of the images where a label is present or absent."""
    table = _table("Labels, in images", "", "present", "absent", "uncertain", "not labelled", "prevalence")
    for label, said in counts.labels.items():
        share = "" if said.share is None else f"{said.share:.1%}"
        numbers = (said.present, said.absent, said.uncertain, said.not_labelled)
        table.add_row(label, *(f"{number:,}" for number in numbers), share)
    return table


def faults_tables(
    problems: Sequence[Problem], twins: Sequence[Duplicates], leaking: Mapping[str, Sequence[str]]
) -> Iterator[RenderableType]:
    """Yield the tables of what is wrong, each with a few examples."""
    reasons: dict[str, list[Problem]] = {}
    for problem in problems:
        reasons.setdefault(problem.reason, []).append(problem)
    if reasons:
        table = Table("what was left out", "times", "for example", title="Problems", title_justify="left")
        for reason, same in sorted(reasons.items(), key=lambda item: -len(item[1])):
            table.add_row(escape(reason), f"{len(same):,}", escape(_some(p.where for p in same)))
        yield table
    else:
        yield "Problems: none"
    across = sum(one.across_patients for one in twins)
    split = sum(one.across_splits for one in twins)
    more = f" of equal files; of several patients: {across:,}; in several splits: {split:,}"
    yield f"Duplicates: {counted(len(twins), 'group') + more if twins else 'none'}"
    for one in twins[:EXAMPLES]:
        yield escape(f"  {_some(record.image for record in one.records)}")
    yield f"Patients in several splits: {f'{len(leaking):,}' if leaking else 'none'}"
    for patient, names in list(leaking.items())[:EXAMPLES]:
        yield escape(f"  {patient}: {', '.join(names)}")


def counted(number: int, noun: str) -> str:
    """Return "1 image" or "2,000 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - EXAMPLES:,} more" if len(listed) > EXAMPLES else ""
    return ", ".join(listed[:EXAMPLES]) + more


def _shares(title: str, numbers: Mapping[str, int], images: int) -> Table:
    table = _table(title, "", "images", "share")
    for name, number in numbers.items():
        table.add_row(escape(name), f"{number:,}", f"{number / images:.1%}" if images else "")
    return table


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
