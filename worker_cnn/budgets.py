"""How much processor time a study may use, and whose studies go behind others' since they used much.

A file has its budget (`children.Terms`), so has a study, and a tenant has an account for each priority. What
files use beyond what an ordinary one takes is charged to it and forgotten by half every ten minutes. While
an account is burdened its studies are looked at one at a time, and behind others' of the same priority.

The accounts are this process's own and are lost with it. They bound what one key can do to the others that a
worker serves; they are no quota, no bill, and no help against somebody who holds many keys.
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from shared.domain.studies import Priority, StudyId, TenantId
from shared.errors import TooLargeError, TryAgainError

_HALF_LIFE_SECONDS: Final = 600.0
_ORDINARY: Final = 1 / 6
"""Share of a file's budget that an ordinary file stays below: 5 of 30 s, where most take less than one."""
_ROUNDING_SECONDS: Final = 0.001
_BURDEN: Final = 2 / 3
"""Share of a file's budget; one file that uses its budget up is enough to burden an account."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose work it is; a tenant's archive does not burden the urgent work of the same tenant."""

    tenant_id: TenantId
    priority: Priority


class StudyBudget:
    """The processor time that is left to a study's files."""

    def __init__(self, study: timedelta, file: timedelta) -> None:
        self._study, self._file = study.total_seconds(), file.total_seconds()
        self._used = 0.0

    def charge(self, seconds: float) -> None:
        """Note what a file has used."""
        self._used += seconds

    @property
    def of_next_file(self) -> timedelta:
        """How much the next file may use."""
        return timedelta(seconds=min(self._file, self._study - self._used))

    def check(self, file: str) -> None:
        """Refuse a study that has nothing left.

        Raises:
            TooLargeError: with `file`, the last one that was read.
        """
        if self._used > self._study - _ROUNDING_SECONDS:
            message = (
                f"the study's images take more than {self._study:g} s of processor time. Send them as several"
                " studies, or export them again: smaller, or in a simpler encoding"
            )
            raise TooLargeError(message, file=file)


@dataclass(slots=True)
class _Balance:
    burden: float = 0.0
    at: float = 0.0
    running: list[StudyId] = field(default_factory=list)


class Accounts:
    """What tenants have used of late, and which of their studies are being looked at."""

    def __init__(self, file: timedelta, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Have no account yet; `file` is the budget of a file."""
        self._ordinary = file.total_seconds() * _ORDINARY
        self._limit = file.total_seconds() * _BURDEN
        self._clock = clock
        self._balances: defaultdict[Account, _Balance] = defaultdict(_Balance)
        self._lock = threading.Lock()

    @contextmanager
    def working(self, account: Account, study_id: StudyId) -> Iterator[None]:
        """Count a study among those of its account that are looked at."""
        with self._lock:
            self._forget_idle()
            self._balances[account].running.append(study_id)
        try:
            yield
        finally:
            with self._lock:
                self._balances[account].running.remove(study_id)

    def check(self, account: Account, study_id: StudyId) -> None:
        """Hold back a study whose account is burdened, while an earlier one of it is looked at.

        Raises:
            TryAgainError: it is to be released, and comes again.
        """
        with self._lock:
            balance = self._balances[account]
            held_back = self._burden(balance) > self._limit and balance.running[0] != study_id
        if held_back:
            message = "the tenant's last studies took long: they are looked at one at a time"
            raise TryAgainError(message)

    def held_back(self, priority: Priority) -> frozenset[TenantId]:
        """Return the tenants whose studies of a priority are to wait, since one of them is looked at."""
        with self._lock:
            return frozenset(
                account.tenant_id
                for account, balance in self._balances.items()
                if account.priority is priority and balance.running and self._burden(balance) > self._limit
            )

    def is_burdened(self, account: Account) -> bool:
        """Whether the account's studies go behind others'."""
        with self._lock:
            return self._burden(self._balances[account]) > self._limit

    def charge(self, account: Account, seconds: float) -> None:
        """Note what a file has used."""
        with self._lock:
            balance = self._balances[account]
            balance.burden = self._burden(balance) + max(0.0, seconds - self._ordinary)
            balance.at = self._clock()

    def _burden(self, balance: _Balance) -> float:
        return balance.burden * math.pow(0.5, (self._clock() - balance.at) / _HALF_LIFE_SECONDS)

    def _forget_idle(self) -> None:
        # Keys come and go; an account that weighs nothing is as good as none.
        for account, balance in list(self._balances.items()):
            if not balance.running and self._burden(balance) < self._ordinary:
                del self._balances[account]
