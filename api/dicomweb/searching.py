"""Searches, from a `Query` to its answers."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from api.auth import Caller
from api.dicomweb.answers import chosen, extras, instance_answer, series_answer, study_answer
from api.dicomweb.instances import Instance, instances_of, series_of
from api.dicomweb.queries import Level, Query, says
from shared.domain.studies import StudyId
from shared.records import dicomweb
from shared.records.database import Session
from shared.records.dicomweb import DicomStudy

_PAGE: Final = 200
"""Studies that are read at once where their series or instances are looked through."""


def search(session: Session, query: Query, caller: Caller, base: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the answers of a page, and whether more follow.

    Args:
        base: the address of /dicomweb.
    """
    if query.level is Level.STUDY:
        found = dicomweb.search(
            session, query.matching, tenant_id=caller.sees, limit=query.limit + 1, offset=query.offset
        )
        answers = [_study(study, query, base) for study in found]
    else:
        units = _units(session, query, caller, base)
        answers = list(islice(units, query.offset, query.offset + query.limit + 1))
    return answers[: query.limit], len(answers) > query.limit


def _study(study: DicomStudy, query: Query, base: str) -> dict[str, Any]:
    instances = instances_of(study)
    return chosen(study_answer(study, instances, base), extras(study, instances, base), query.include)


def _units(session: Session, query: Query, caller: Caller, base: str) -> Iterator[dict[str, Any]]:
    """Yield the series or instances that match, study by study."""
    for study in _studies(session, query, caller):
        instances = instances_of(study)
        more = extras(study, instances, base)
        # Who asks within one study knows whose it is.
        common = {} if query.matching.study_uids else more
        for answer, instance in _of_level(query.level, instances, base):
            if _fits(instance, query):
                yield chosen({**common, **answer}, more, query.include)


def _studies(session: Session, query: Query, caller: Caller) -> Iterator[DicomStudy]:
    # By their UIDs what is made of a report is found within its study.
    matching = query.of_the_study if query.matching.study_uids else query.matching
    before: StudyId | None = None
    while True:
        page = dicomweb.search(session, matching, tenant_id=caller.sees, limit=_PAGE, before=before)
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].newest


def _of_level(
    level: Level, instances: Sequence[Instance], base: str
) -> Iterator[tuple[dict[str, Any], Instance]]:
    """Yield each series or instance with one that says what it is."""
    if level is Level.SERIES:
        for series in series_of(instances).values():
            yield series_answer(series, base), series[0]
    else:
        for instance in instances:
            yield instance_answer(instance, base), instance


def _fits(instance: Instance, query: Query) -> bool:
    matching = query.matching
    if matching.series_uids and instance.series_uid not in matching.series_uids:
        return False
    if matching.sop_uids and instance.sop_uid not in matching.sop_uids:
        return False
    return all(says(instance.searched, keyword, wanted) for keyword, wanted in query.own.items())
