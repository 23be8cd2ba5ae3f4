"""Who calls, and what they may do. A route asks for one who `MayRead`, `MayWrite` …."""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from api.places import Places
from api.problem_kinds import Code
from api.problems import ProblemError
from api.rates import Rates, address_of
from shared.domain.reports import Person
from shared.domain.studies import DEFAULT_TENANT, Actor, ActorKind, TenantId
from shared.records import keys
from shared.records.database import Database
from shared.records.keys import ApiKey, Scope
from shared.settings import ApiSettings, AuthMode

_ADMIN: Final = Actor(ActorKind.KEY, "admin")
"""Who calls with the key from the settings."""
_API: Final = Actor(ActorKind.SERVICE, "api")
"""Who calls while keys are off."""

_REMEMBERED_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        tenant_id: what the studies they send belong to; those of an administrator, who is no tenant's, belong
            to the default tenant.
        actor: what the timeline calls them; their places and rates are its id's.
        digest: of a key that may be revoked while they are served; None for what only a restart changes.
        name: whose key it is: of one with the scope review. An administrator's without it is nobody's, and
            None, as it is where keys are off.
    """

    tenant_id: TenantId
    scopes: frozenset[Scope]
    actor: Actor
    digest: str | None = None
    name: str | None = None

    @property
    def sees(self) -> TenantId | None:
        """Whose studies they see; None means everybody's."""
        return None if Scope.ADMIN in self.scopes else self.tenant_id

    def may(self, scope: Scope) -> bool:
        """Whether their key allows it; an administrator's allows everything."""
        return not self.scopes.isdisjoint({scope, Scope.ADMIN})

    def check(self, scope: Scope) -> None:
        """Refuse whoever may not.

        Raises:
            ProblemError: 403.
        """
        if not self.may(scope):
            message = f"the API key lacks the scope {scope}"
            raise ProblemError(Code.FORBIDDEN, message, scope=scope)

    def person(self, named: str | None) -> Person:
        """Return who acts on a report: whose key it is, or who says so where the key has no name.

        Raises:
            ProblemError: 403 where they name somebody else; 422 where nobody is named.
        """
        if self.name is not None and named not in (None, self.name):
            message = f"the API key is of {self.name!r}, and the author that is named is another"
            raise ProblemError(Code.OTHER_PERSON, message)
        name = self.name or named
        if name is None:
            message = "not as it should be: author"
            missing = {
                "field": "author",
                "in": "body",
                "message": "no API key says who this is: name the person",
            }
            raise ProblemError(Code.INVALID_REQUEST, message, errors=[missing])
        return Person(name)


class KeyRing:
    """Turns a secret into a caller, and remembers it for a minute or until any key changes."""

    def __init__(
        self, settings: ApiSettings, database: Database, *, may_remember: Callable[[], bool]
    ) -> None:
        """Take `may_remember`, which says whether a revocation would be heard of right now."""
        self.required = settings.auth is AuthMode.REQUIRED
        self._admin = keys.digest_of(settings.admin_key.get_secret_value()) if settings.admin_key else None
        self._database = database
        self._may_remember = may_remember
        self._remembered: dict[str, tuple[float, Caller]] = {}
        self._seen = {self._admin}
        self._changes = 0

    def forget(self) -> None:
        """Forget all callers: a key was revoked, or might have been."""
        self._changes += 1
        self._remembered.clear()

    def has_seen(self, secret: str) -> bool:
        """Whether the key was good at some time; whether it still is, `caller_of` tells."""
        return keys.digest_of(secret) in self._seen

    async def caller_of(self, secret: str) -> Caller | None:
        """Return whose key this is; None for a key that is unknown or revoked."""
        digest = keys.digest_of(secret)
        if self._admin is not None and hmac.compare_digest(digest, self._admin):
            return Caller(DEFAULT_TENANT, frozenset(Scope), _ADMIN)
        return await self._caller_with(digest)

    async def check_again(self, caller: Caller, scope: Scope) -> None:
        """Refuse a caller whose key was revoked since they came in; costs no query while it is remembered.

        Raises:
            ProblemError: 401, or 403 when the key has lost the scope.
        """
        if caller.digest is None:
            return
        now = await self._caller_with(caller.digest)
        if now is None:
            message = "the API key was revoked"
            raise _unauthorized(message)
        now.check(scope)

    async def _caller_with(self, digest: str) -> Caller | None:
        until, caller = self._remembered.get(digest, (0.0, None))
        if caller is not None and time.monotonic() < until and self._may_remember():
            return caller
        changes = self._changes
        key = await run_in_threadpool(self._find, digest)
        if key is None:
            return None
        actor = Actor(ActorKind.KEY, str(key.id))
        name = key.name if Scope.REVIEW in key.scopes else None
        caller = Caller(key.tenant_id or DEFAULT_TENANT, key.scopes, actor, digest, name)
        if len(self._seen) < _MOST_REMEMBERED:
            self._seen.add(digest)
        # A key that was revoked while it was being looked up is not remembered as live.
        if changes == self._changes and self._may_remember():
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = (time.monotonic() + _REMEMBERED_SECONDS, caller)
        return caller

    def _find(self, digest: str) -> ApiKey | None:
        with self._database.session() as session:
            return keys.find(session, digest)


async def identify(connection: HTTPConnection) -> Caller:
    """Return who sent a request, and hold one of their places until it is served; done once for each.

    Raises:
        ProblemError: 401 without a live key; 429 after too many requests, or too many wrong keys, or with
            too many requests under way; 503 when everybody together has.
    """
    state = connection.scope["state"]
    if "caller" not in state:
        found = await _find_caller(connection)
        places: Places = connection.app.state.backend.requests
        state["until_served"].enter_context(places.place_of(found.actor.id))
        state["caller"] = found
    caller: Caller = state["caller"]
    return caller


async def _find_caller(connection: HTTPConnection) -> Caller:
    ring: KeyRing = connection.app.state.backend.key_ring
    rates: Rates = connection.app.state.backend.rates
    if not ring.required:
        return Caller(DEFAULT_TENANT, frozenset(Scope), _API)
    scheme, secret = get_authorization_scheme_param(connection.headers.get("authorization"))
    if scheme.lower() != "bearer" or not secret:
        message = "no API key was sent"
        raise _unauthorized(message)
    address = address_of(connection.scope["client"])
    # Whoever guesses from behind the same proxy must not lock out a key that is known to be good.
    if not ring.has_seen(secret):
        rates.failures.check(address)
    caller = await ring.caller_of(secret)
    if caller is None:
        rates.failures.count(address)
        message = "the API key is unknown or revoked"
        raise _unauthorized(message)
    rates.of_keys.count(caller.actor.id)
    return caller


def _unauthorized(message: str) -> ProblemError:
    return ProblemError(Code.UNAUTHORIZED, message, headers={"WWW-Authenticate": "Bearer"})


_bearer = HTTPBearer(auto_error=False, description="An API key: `cxr_…`", scheme_name="API key")


def needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Make the dependency that lets only callers with `scope` through."""

    # The credentials are named for the OpenAPI document; `identify` reads the header itself.
    async def caller(
        request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Caller:
        found = await identify(request)
        found.check(scope)
        return found

    return caller


async def _visitor(connection: HTTPConnection) -> Caller | None:
    ring: KeyRing = connection.app.state.backend.key_ring
    if ring.required and "authorization" not in connection.headers:
        return None
    return await identify(connection)


Visitor = Annotated[Caller | None, Depends(_visitor)]
"""Whoever calls, with a key or without one; a key that is none is refused."""
MayRead = Annotated[Caller, Depends(needs(Scope.READ))]
MayWrite = Annotated[Caller, Depends(needs(Scope.WRITE))]
MayReview = Annotated[Caller, Depends(needs(Scope.REVIEW))]
MayAdminister = Annotated[Caller, Depends(needs(Scope.ADMIN))]
