"""Sending an archive: several uploads at once, each item under its own key, journalled."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from cxr.archive import Item, item_key
from cxr.client import Client
from cxr.errors import ArchiveError, ProblemError
from cxr.journal import Journal

_AHEAD: Final = 4
"""Items in hand for each upload that runs: a large archive is not queued as a whole."""
_SENT_BEFORE: Final = "/problems/idempotency-key-reused"
_ABOUT_THE_CONTENT: Final = frozenset({400, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class BatchUpload:
    """What sends the items of one archive."""

    client: Client
    journal: Journal
    batch_id: str
    priority: str
    language: str | None

    def send_all(self, items: Iterable[Item], *, at_once: int, on_sent: Callable[[], None]) -> None:
        """Send every item that the journal does not have yet.

        Raises:
            NotReachableError: the server is gone; what was sent is in the journal.
            ProblemError: the server refuses the batch (not an item of it).
        """
        with ThreadPoolExecutor(at_once, thread_name_prefix="upload") as uploads:
            try:
                for done in _bounded(uploads, self._send, items, ahead=at_once * _AHEAD):
                    done.result()
                    on_sent()
            except BaseException:
                uploads.shutdown(wait=False, cancel_futures=True)
                raise

    def _send(self, item: Item) -> None:
        key = item_key(item.path, "")
        try:
            key = item.key()
            if self.journal.has(key):
                return
            study = self.client.submit(
                [(file.name, file.open) for file in item.files],
                batch_id=self.batch_id,
                priority=self.priority,
                language=self.language,
                idempotency_key=key,
            )
        except (OSError, ArchiveError) as error:  # a bad disk, or removed since it was listed
            self.journal.note_unread(key, f"cannot be read: {error}")
        except ProblemError as problem:
            if problem.type == _SENT_BEFORE:
                self.journal.note(key)  # the key holds the content's digest: only a field was different
            elif problem.status in _ABOUT_THE_CONTENT:
                self.journal.note(key, refused=str(problem))
            else:
                raise
        else:
            self.journal.note(key, study_id=study.id)


def _bounded(
    pool: ThreadPoolExecutor, work: Callable[[Item], None], items: Iterable[Item], *, ahead: int
) -> Iterator[Future[None]]:
    """Give the pool so many items at a time; yield each as it ends."""
    running: set[Future[None]] = set()
    for item in items:
        running.add(pool.submit(work, item))
        if len(running) >= ahead:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from ended
    while running:
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        yield from ended
