"""One run of a rule: what is new at the archive and a chest's, and the patient's earlier studies with it.

A study is noted before it is fetched and once it is in. One whose archive has more instances than were noted
is fetched again; what was cut off in between is, too, and what is in already is taken once.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import structlog

from gateway.pull.archives import Archive, NotFetchedError
from shared.domain.pulling import FoundStudy, PullRule, chest_series, may_be_taken
from shared.records import pulling
from shared.records.database import Database

log = structlog.get_logger()


@dataclass(slots=True)
class Run:
    """A run of a rule, which holds its lease.

    Attributes:
        failed: studies that the archive did not give.
    """

    database: Database
    archive: Archive
    rule: PullRule
    stopped: threading.Event
    failed: int = 0
    _seen: set[str] = field(default_factory=set)

    def go(self) -> None:
        """Fetch what is new, until there is no more, or the rule is another's.

        Raises:
            ArchiveAwayError: nothing more can be had of it for now.
            TryAgainError: our database or object store is away.
        """
        since = datetime.now(UTC).date() - self.rule.window
        for modality in self.rule.modalities:
            for study in self.archive.studies(modality, since=since):
                if not self._goes_on():
                    return
                if self._take(study, prior=False) and self.rule.priors:
                    self._take_priors(study)

    def _goes_on(self) -> bool:
        if self.stopped.is_set():
            return False
        with self.database.session() as session:
            return pulling.renew(session, self.rule)

    def _take(self, study: FoundStudy, *, prior: bool) -> bool:
        """Fetch a study unless it was; return whether it was fetched now."""
        if study.uid in self._seen or not may_be_taken(self.rule, study):
            return False
        self._seen.add(study.uid)
        tenant_id, uid = self.rule.tenant_id, study.uid
        # Of one whose number nobody says, the series tell it.
        if study.instances is not None and self._was_fetched(uid, study.instances):
            return False
        series = chest_series(self.rule, study, self.archive.series(uid))
        instances = study.instances or sum(one.instances or 1 for one in series)
        if not series or (study.instances is None and self._was_fetched(uid, instances)):
            return False
        began = time.monotonic()
        with self.database.session() as session:
            pulling.begin_fetching(session, tenant_id, uid, prior=prior)
        try:
            for one in series:
                self.archive.fetch(uid, one)
        except NotFetchedError as error:
            self.failed += 1
            log.warning("pull.study_failed", error=str(error))
            return False
        with self.database.session() as session:
            pulling.note_fetched(session, self.rule, uid, instances=instances)
        self.stopped.wait(60 / self.rule.per_minute - (time.monotonic() - began))
        return True

    def _was_fetched(self, uid: str, instances: int) -> bool:
        with self.database.session() as session:
            return pulling.was_fetched(session, self.rule.tenant_id, uid, instances=instances)

    def _take_priors(self, study: FoundStudy) -> None:
        for earlier in self._priors_of(study):
            if not self._goes_on():
                return
            self._take(earlier, prior=True)

    def _priors_of(self, study: FoundStudy) -> Sequence[FoundStudy]:
        """Return the newest earlier studies of the patient; one of whom nobody knows the day has none."""
        if not study.patient_id or study.taken_on is None:
            return ()
        found: dict[str, tuple[date, FoundStudy]] = {}
        for modality in self.rule.modalities:
            for one in self.archive.studies_of(study.patient_id, modality):
                known = one.taken_on is not None and one.taken_on < study.taken_on
                # Some archives take * and ? in an id for wildcards, some do not compare capitals.
                if known and one.patient_id == study.patient_id and _same_issuer(one, study):
                    assert one.taken_on is not None  # noqa: S101  compared above
                    found[one.uid] = (one.taken_on, one)
        chests = (
            one
            for _, one in sorted(found.values(), key=lambda pair: pair[0], reverse=True)
            if chest_series(self.rule, one, self.archive.series(one.uid))
        )
        return [one for one, _ in zip(chests, range(self.rule.priors), strict=False)]


def _same_issuer(one: FoundStudy, other: FoundStudy) -> bool:
    issuers = {one.patient_id_issuer, other.patient_id_issuer} - {None}
    return len(issuers) < 2
