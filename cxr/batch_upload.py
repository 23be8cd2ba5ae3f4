"""Sending an archive: several uploads at once, each item under its own key, journalled."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from cxr.archive import Item, Sealed
from cxr.at_once import each_done
from cxr.client import Client
from cxr.errors import ArchiveError, ProblemError
from cxr.journal import Beginning, Journal
from cxr.mixed import SEVERAL_STUDIES, groups_of
from cxr.models import Study

_AHEAD: Final = 4
"""Items in hand for each upload that runs: a large archive is not queued as a whole."""
_SENT_BEFORE: Final = "/problems/idempotency-key-reused"
_ABOUT_THE_CONTENT: Final = frozenset({400, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class BatchUpload:
    """What sends the items of one archive."""

    client: Client
    journal: Journal
    beginning: Beginning

    def send_all(self, items: Iterable[Item], *, at_once: int) -> Iterator[int]:
        """Send every item that the journal does not have yet; yield how many are done, again and again.

        Raises:
            NotReachableError: the server is gone; what was sent is in the journal.
            ProblemError: the server refuses the batch (not an item of it).
        """
        uploads = ThreadPoolExecutor(at_once, thread_name_prefix="upload")
        try:
            ended = each_done(uploads, self._send, items, ahead=at_once * _AHEAD)
            for number, sent in enumerate(ended, start=1):
                sent.result()
                yield number
        finally:
            # Whoever stops us does not wait for uploads that wait for the server.
            uploads.shutdown(wait=False, cancel_futures=True)

    def _send(self, item: Item) -> None:
        try:
            sealed = item.seal()
            if not self.journal.has(sealed.key):
                self._send_sealed(item, sealed)
        except ArchiveError as error:
            self.journal.note_left_out(item.path, str(error))

    def _send_sealed(self, item: Item, sealed: Sealed) -> None:
        try:
            study = self._submit(item, sealed)
        except ProblemError as problem:
            groups = _groups(problem, len(item.files))
            if groups:
                for part in item.parts(groups):
                    self._send(part)
                self.journal.note_split(item.path, sealed.key, len(groups))
            elif problem.type == _SENT_BEFORE:
                # The key holds the content's digest: only a field was different.
                self.journal.note_taken(item.path, sealed.key)
            elif problem.status in _ABOUT_THE_CONTENT:
                self.journal.note_refused(item.path, sealed.key, _reason_of(problem))
            else:
                raise
        else:
            self.journal.note_taken(item.path, sealed.key, study_id=study.id)

    def _submit(self, item: Item, sealed: Sealed) -> Study:
        return self.client.submit(
            sealed.uploads,
            batch_id=self.beginning.batch,
            priority=self.beginning.priority,
            language=self.beginning.language,
            path=item.path,
            idempotency_key=sealed.key,
        )


def _groups(problem: ProblemError, files: int) -> Sequence[Sequence[int]]:
    """Return the positions of each study's files; what is no image is a group by itself."""
    groups = groups_of(problem)
    named = {position for group in groups for position in group}
    return [*groups, *([position] for position in range(files) if position not in named)] if groups else ()


def _reason_of(problem: ProblemError) -> str:
    if problem.type == SEVERAL_STUDIES:
        return f"{problem}. Unpack it, or send it as a batch of its own"
    return str(problem)
