"""The way to Postgres: the engine, the session that commits, and how rows are declared."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, ClassVar, Final, TypeAlias
from uuid import UUID

from sqlalchemy import (
    DateTime,
    Enum,
    ExceptionContext,
    Executable,
    MetaData,
    RowMapping,
    String,
    Text,
    create_engine,
    event,
    orm,
    text,
)
from sqlalchemy.dialects.postgresql import UUID as POSTGRES_UUID
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, mapped_column, sessionmaker

from shared.domain.deliveries import AttemptOutcome, DeliveryState, DestinationKind
from shared.domain.expected_orders import OrderStatus
from shared.domain.findings import AnalysisRole, FindingStatus, ViewPosition, ViewSource
from shared.domain.pulling import PullMethod
from shared.domain.reports import Act, AuthorKind, Language, Policy, ReportStatus
from shared.domain.studies import ActorKind, Priority, StudyEvent, StudyStatus
from shared.errors import TryAgainError
from shared.records.marks import PATIENT, SYSTEM
from shared.records.patience import NoAnswerError, PatientConnection, patient
from shared.settings import DatabaseSettings
from shared.silence import Silence

Session: TypeAlias = orm.Session
"""A transaction under way. Whoever opens one hands it on to the functions of records, which alone use it."""

Sha256 = Annotated[str, mapped_column(String(64), info=SYSTEM)]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
PatientText = Annotated[str, mapped_column(Text, info=PATIENT)]
SystemText = Annotated[str, mapped_column(Text, info=SYSTEM)]


LONGEST_STATEMENT: Final = 30.0
"""Seconds. A server that says nothing for so long hangs; no statement of a service takes a tenth of it."""
LONGEST_POLL: Final = 5.0
"""The same for the statement that reads one row."""

_READ_ONLY: Final = "25006"
_SHUTTING_DOWN: Final = "57P"
"""SQLSTATE: read_only_sql_transaction, and the class of operator intervention."""


def _as_text(enum: type[StrEnum]) -> Enum:
    # Text with a CHECK: adding a value is an ordinary migration, unlike a Postgres ENUM.
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda kind: [member.value for member in kind],
    )


class Base(DeclarativeBase):
    """The base of all rows. Nullability comes from the annotation, names from the convention."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        },
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        UUID: POSTGRES_UUID(as_uuid=True),
        **{
            enum: _as_text(enum)
            for enum in (
                StudyStatus,
                StudyEvent,
                Act,
                ActorKind,
                AnalysisRole,
                AttemptOutcome,
                AuthorKind,
                DeliveryState,
                DestinationKind,
                OrderStatus,
                Policy,
                Priority,
                PullMethod,
                ViewPosition,
                ViewSource,
                Language,
                ReportStatus,
                FindingStatus,
            )
        },
    }


class Database:
    """One process's connections to Postgres."""

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        pool_size: int | None = None,
        longest_statement: float | None = LONGEST_STATEMENT,
    ) -> None:
        """Connect when first asked.

        Args:
            longest_statement: seconds after which a server that says nothing counts as hung.
        """
        self._silence = Silence("the database")
        size = pool_size or settings.pool_size
        url = settings.url.get_secret_value()
        options: dict[str, Any] = {
            "pool_size": size,
            # One over the pool's size would be opened and closed for a single use; the caller waits instead.
            "max_overflow": 0,
            "pool_timeout": settings.connect_timeout.total_seconds(),
            # An error's text is logged nowhere, but should it be: without the values it was made with.
            "hide_parameters": True,
            "connect_args": {"connection_factory": patient(settings.connect_timeout)},
        }
        # A connection that died with the server is found before it is used, not by a failed study.
        self.engine = create_engine(url, pool_pre_ping=True, **options)
        # Connects when first asked; a poll that meets a dead connection is simply asked again.
        self._polls = create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, **options)
        for engine, longest in ((self.engine, longest_statement), (self._polls, LONGEST_POLL)):
            event.listen(engine, "handle_error", _drop_connections_to_a_server_that_went)
            event.listen(engine, "checkout", partial(_set_patience, longest))
            event.listen(engine, "checkin", partial(_set_patience, settings.connect_timeout.total_seconds()))
        self._session = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session that commits at the end of the block, or rolls back on an error.

        Raises:
            TryAgainError: Postgres cannot be reached, or the connection broke.
        """
        with self._outages_as_try_again(), self._session.begin() as session:
            yield session

    def ping(self) -> None:
        """Ask for an answer.

        Raises:
            TryAgainError: there is none.
        """
        with self.session() as session:
            session.execute(text("SELECT 1"))

    def read_row(self, statement: Executable, parameters: Mapping[str, Any]) -> RowMapping | None:
        """Run one reading statement, of one row at most, in one round trip and without a transaction.

        Raises:
            TryAgainError: Postgres cannot be reached, or the connection broke twice.
        """
        with self._outages_as_try_again():
            try:
                return self._read_row(statement, parameters)
            except DBAPIError as error:
                if not error.connection_invalidated or isinstance(error.orig, NoAnswerError):
                    raise
                return self._read_row(statement, parameters)

    def _read_row(self, statement: Executable, parameters: Mapping[str, Any]) -> RowMapping | None:
        with self._polls.connect() as connection:
            return connection.execute(statement, parameters).mappings().one_or_none()

    @contextmanager
    def _outages_as_try_again(self) -> Iterator[None]:
        self._silence.check()
        try:
            yield
        except DBAPIError as error:
            if isinstance(error.orig, NoAnswerError):
                self._silence.note()
            if isinstance(error, OperationalError) or error.connection_invalidated:
                message = "the database cannot be reached or broke off"
                raise TryAgainError(message) from error
            raise
        except PoolTimeoutError as error:
            message = "no database connection was free in time"
            raise TryAgainError(message) from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._polls.dispose()


def _drop_connections_to_a_server_that_went(context: ExceptionContext) -> None:
    """After a failover the connections of the pool lead to a server that stops, or is read-only now."""
    code = getattr(context.original_exception, "pgcode", None) or ""
    if code == _READ_ONLY or code.startswith(_SHUTTING_DOWN):
        context.is_disconnect = True


def _set_patience(seconds: float | None, connection: object, *_: object) -> None:
    """Let a connection wait longer for a statement of ours than for SQLAlchemy's look at whether it lives."""
    if isinstance(connection, PatientConnection):
        connection.patience = seconds
