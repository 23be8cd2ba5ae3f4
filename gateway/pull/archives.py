"""What a rule asks another archive, whatever it speaks."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from shared.domain.pulling import FoundSeries, FoundStudy
from shared.errors import CxrError


class ArchiveAwayError(CxrError):
    """The archive cannot be reached, turns us away, or does not understand: nothing of it can be had now."""

    code = "archive-away"


class NotFetchedError(CxrError):
    """The archive did not give one study whole; others it may."""

    code = "not-fetched"


class Archive(Protocol):
    """An archive; every method raises ArchiveAwayError, and no text of an error names a patient."""

    def studies(self, modality: str, *, since: date) -> Sequence[FoundStudy]:
        """Return the studies of a day or later that may have series of a modality."""

    def studies_of(self, patient_id: str, modality: str) -> Sequence[FoundStudy]:
        """Return the studies of a patient that may have series of a modality."""

    def series(self, study_uid: str) -> Sequence[FoundSeries]:
        """Return a study's series."""

    def fetch(self, study_uid: str, series: FoundSeries) -> None:
        """Have a series come, whole: each instance is in once this returns.

        Raises:
            NotFetchedError: not all of it came.
            TryAgainError: our own database or object store is away.
        """

    def close(self) -> None:
        """Let go of the archive."""
