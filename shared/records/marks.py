"""Which columns hold patient data: each says so where it is declared, and erasing goes by it.

`PATIENT` and `SYSTEM` are the marks; `unmarked` names what has none and could hold anything; `erased_with`
and `blanked_in` are what erasing a study does to the tables.

Of an order no study need ever come: a table that says so (`EXPIRES`) is emptied by its own time
(`expires_at`), and by the numbers of the study that is erased (`shared/records/expected.py`).
"""

from typing import Any, Final

from sqlalchemy import Boolean, Column, DateTime, Enum, Integer, MetaData, Table, Uuid

PATIENT: Final[dict[Any, Any]] = {"patient": True}
"""Whatever a client or a file says of a patient, or we say of one: gone once the study is erased."""
SYSTEM: Final[dict[Any, Any]] = {"patient": False}
"""Made by us, or said of no patient."""
KEPT: Final = frozenset({"studies", "study_events"})
"""Tables whose rows stay, without their patient data: how far a study came, and what happened to it."""

EXPIRES: Final = {"info": {"expires": True}}
"""Of a table: its rows are of no study yet."""

_HOLDS_NO_TEXT: Final = (Boolean, DateTime, Enum, Integer, Uuid)
"""Types that cannot say who somebody is: counts, moments of ours, ids of ours, values of a closed list."""


def unmarked(metadata: MetaData) -> list[str]:
    """Return the columns, as table.column, that could hold patient data and do not say whether they do."""
    return [
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if "patient" not in column.info
        and not column.foreign_keys
        and not (isinstance(column.type, _HOLDS_NO_TEXT))
    ]


def erased_with(metadata: MetaData) -> list[Table]:
    """Return the tables whose rows go with their study, those first that point at others.

    Raises:
        LookupError: a table holds patient data, and its rows say neither of which study nor until when.
    """
    gone: list[Table] = []
    for table in reversed(metadata.sorted_tables):
        if table.name in KEPT or not _marked(table) or _expires(table):
            continue
        owner = _of_a_study(table)
        if owner is None:
            message = f"{table.name} holds patient data and says not of which study: erasing cannot find it"
            raise LookupError(message)
        if owner not in gone:
            gone.append(owner)
    return gone


def blanked_in(table: Table) -> dict[str, None]:
    """Return what empties the patient data of a row that stays.

    Raises:
        LookupError: a column with patient data cannot be NULL.
    """
    for column in _marked(table):
        if not column.nullable:
            message = f"{column} holds patient data in a row that stays, and cannot be NULL"
            raise LookupError(message)
    return {column.name: None for column in _marked(table)}


def _expires(table: Table) -> bool:
    """Tell whether a table's rows go by their own time.

    Raises:
        LookupError: it says so, and its rows may have none.
    """
    if not table.info.get("expires"):
        return False
    if "expires_at" not in table.columns or table.columns["expires_at"].nullable:
        message = f"{table.name} holds patient data until it expires, and its rows need not say when"
        raise LookupError(message)
    return True


def _of_a_study(table: Table) -> Table | None:
    """Return the table itself if it says of which study a row is, else the one whose rows it goes with."""
    if "study_id" in table.columns:
        return table
    owners = (key.column.table for key in table.foreign_keys if key.ondelete == "CASCADE")
    return next((found for owner in owners if (found := _of_a_study(owner)) is not None), None)


def _marked(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if column.info.get("patient")]
