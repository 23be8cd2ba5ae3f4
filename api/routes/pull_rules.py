"""Pull rules: an administrator says which studies the gateway fetches from other archives."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path

from api.auth import MayAdminister
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.pull_rule import NewPullRule, PullRule, PullRuleList, pull_rule_body
from api.problems import Noun, not_found
from shared.domain.pulling import PullRule as Rule
from shared.domain.studies import DEFAULT_TENANT_NAME
from shared.errors import BadInputError
from shared.records import peers, pulling, tenants

router = APIRouter(prefix="/v1/pull-rules", tags=["pull rules"])
RuleId = Annotated[UUID, Path(description="A rule's id.")]

_COLUMNS: Final = ("name", "method", "modalities", "body_parts", "descriptions", "per_minute", "priors")


@router.post(
    "", status_code=HTTPStatus.CREATED, responses=problems(400, 413, 415, 422), summary="Make a pull rule"
)
def post_pull_rule(backend: BackendDep, _caller: MayAdminister, wanted: NewPullRule) -> PullRule:
    """Fetch studies of an archive: now, and again and again."""
    values: dict[str, Any] = {name: getattr(wanted, name) for name in _COLUMNS}
    values |= {
        "window": timedelta(hours=wanted.window_hours),
        "every": timedelta(minutes=wanted.every_minutes),
        "url": str(wanted.url) if wanted.url else None,
        "key": wanted.key.get_secret_value() if wanted.key else None,
    }
    with backend.database.session() as session:
        if wanted.peer is None:
            tenant_id = tenants.find_or_make(session, wanted.tenant or DEFAULT_TENANT_NAME)
        else:
            callable_ = [peer for peer in peers.named(session, wanted.peer) if peer.host and peer.port]
            if not callable_:
                message = "there is no DICOM peer of this AE title with host and port: add it first"
                raise BadInputError(message)
            tenant_id, values["peer_id"] = callable_[0].tenant_id, callable_[0].id
        return pull_rule_body(pulling.add(session, tenant_id, values))


@router.get("", responses=problems(), summary="List the pull rules")
def list_pull_rules(backend: BackendDep, _caller: MayAdminister) -> PullRuleList:
    """Return all rules, as they were made, and how they go."""
    with backend.database.session() as session:
        return PullRuleList(items=[pull_rule_body(rule) for rule in pulling.everything(session)])


@router.post("/{rule_id}/pause", responses=problems(404, 422), summary="Pause a pull rule")
def pause_pull_rule(rule_id: RuleId, backend: BackendDep, _caller: MayAdminister) -> PullRule:
    """Begin no other study, until the rule is resumed."""
    with backend.database.session() as session:
        return _answer(pulling.pause(session, rule_id))


@router.post("/{rule_id}/resume", responses=problems(404, 422), summary="Resume a pull rule")
def resume_pull_rule(rule_id: RuleId, backend: BackendDep, _caller: MayAdminister) -> PullRule:
    """Go on when the rule is due."""
    with backend.database.session() as session:
        return _answer(pulling.resume(session, rule_id))


@router.post("/{rule_id}/run", responses=problems(404, 422), summary="Run a pull rule now")
def run_pull_rule(rule_id: RuleId, backend: BackendDep, _caller: MayAdminister) -> PullRule:
    """Let the rule be due now, however long its archive was away; one that is paused is resumed."""
    with backend.database.session() as session:
        return _answer(pulling.run_soon(session, rule_id))


@router.delete(
    "/{rule_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(404, 422),
    summary="Remove a pull rule",
)
def delete_pull_rule(rule_id: RuleId, backend: BackendDep, _caller: MayAdminister) -> None:
    """Fetch no more by it; what was fetched stays."""
    with backend.database.session() as session:
        if not pulling.remove(session, rule_id):
            raise not_found(Noun.PULL_RULE)


def _answer(rule: Rule | None) -> PullRule:
    if rule is None:
        raise not_found(Noun.PULL_RULE)
    return pull_rule_body(rule)
