"""The user that Postgres runs as: ourselves, or, since Postgres refuses root, one without rights."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr.errors import StackError

# Users that exist already, best first. initdb wants a name, so a number of our own would not do, and
# adding a user to somebody's machine for a demo would be rude.
_CANDIDATES: Final = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine."""

    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """Return the user for Postgres when we are root, else None.

    Raises:
        StackError: the machine has no such user.
    """
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    message = (
        "Postgres does not run as root, and this machine has neither a user 'postgres' nor 'nobody'. "
        "Run cxr as a normal user."
    )
    raise StackError(message)


def can_reach(path: Path, account: Account) -> bool:
    """Tell whether the account may pass through every folder above `path`."""
    return all(_may_enter(folder.stat(), account) for folder in path.resolve().parents)


def _may_enter(folder: os.stat_result, account: Account) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)
