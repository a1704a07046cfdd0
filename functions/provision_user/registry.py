"""Commands about what is registered: all of a command or nothing of it, and what the sender's policy holds, no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from events.commands import RejectionReason
from events.types import CommandType
from functions.provision_user.contradictions import ContradictionError
from functions.provision_user.policy import require_subset
from shared.database.steps import Statement, run
from shared.identity.changing_access import updating_resource_server, updating_role
from shared.identity.changing_clients import updating_client
from shared.identity.client_metadata import require_consistent
from shared.identity.held import carried_by_roles, carried_by_scopes
from shared.identity.recording import Recording
from shared.identity.registration import (
    AlreadyExistsError,
    NewClient,
    RegistrationError,
    UnknownNameError,
    creating_client,
    creating_permission,
    creating_resource_server,
    creating_role,
    issuing_client_secret,
)
from shared.identity.scopes import STANDARD_SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from functions.provision_user.policy import Policy
    from functions.provision_user.work import Work
    from shared.database.steps import Steps
    from shared.identity.held import HeldPermission

ResultT = TypeVar("ResultT")
_COMPARED = (
    "name", "client_type", "token_endpoint_auth_method", "redirect_uris", "post_logout_redirect_uris",
    "allowed_origins", "grant_types", "allowed_scopes",
)  # fmt: skip


def change_registry(work: Work, command: Any, policy: Policy) -> None:
    """Do what a command asks.

    Raises:
        ContradictionError: it can't be done; nothing of it is.
        botocore.exceptions.BotoCoreError, ClientError: Secrets Manager refused or can't be reached.
    """
    with work.connection.transaction():  # a savepoint: a refusal half-way takes back the half
        REGISTRY_VERBS[command.type](work, command.payload, policy)


def _register_client(work: Work, payload: Any, policy: Policy) -> None:
    policy.require_roles(payload.roles)
    require_subset(set(payload.allowed_scopes) - STANDARD_SCOPES, policy.scopes, "payload.allowed_scopes")
    values = payload.model_dump(exclude={"roles"})
    is_public = payload.client_type == "public"
    if not is_public and policy.secret_prefix is None:
        raise ContradictionError(RejectionReason.NOT_ALLOWED, "type: the sender's policy names no place for secrets")
    new = NewClient(**values, token_endpoint_auth_method="none" if is_public else "client_secret_basic")
    _consistent(new)
    _run(work, _requiring_scopes(payload.allowed_scopes))
    _run(work, creating_client(_recording(work), new, payload.roles))
    if not is_public:
        issued = _run(work, issuing_client_secret(_recording(work), payload.client_id))
        kept = json.dumps({"client_id": payload.client_id, "client_secret": issued.secret})
        work.services.keep_secret(f"{policy.secret_prefix}{payload.client_id}", kept)


def _update_client(work: Work, payload: Any, policy: Policy) -> None:
    """Whoever changes a client could act as it: the policy has to hold what it can get, before and after."""
    present, roles = _run(work, _client(payload.client_id))
    policy.require_roles(roles)
    change = payload.model_dump(exclude={"client_id"}, exclude_none=True)
    asked = set(present["allowed_scopes"]) | set(change.get("allowed_scopes", ()))
    require_subset(asked - STANDARD_SCOPES, policy.scopes, "payload.allowed_scopes")
    after = {**present, **{name: value for name, value in change.items() if name in _COMPARED}}
    _consistent(NewClient(payload.client_id, **after))
    _run(work, _requiring_scopes(change.get("allowed_scopes", ())))
    _run(work, updating_client(_recording(work), payload.client_id, change))


def _create_role(work: Work, payload: Any, policy: Policy) -> None:
    policy.require_roles([payload.name])
    wanted = _pairs(payload.permissions)
    _require_grantable(work, wanted, policy)
    _run(work, creating_role(_recording(work), payload.name, wanted, payload.description))


def _update_role(work: Work, payload: Any, policy: Policy) -> None:
    policy.require_roles([payload.name])
    wanted = None if payload.permissions is None else _pairs(payload.permissions)
    carried = _run(work, carried_by_roles([payload.name]))
    _require_grantable(work, carried | (wanted or frozenset()), policy)
    _run(
        work,
        updating_role(_recording(work), payload.name, description=payload.description, permissions=wanted),
    )


def _create_permission(work: Work, payload: Any, policy: Policy) -> None:
    require_subset([payload.audience], policy.audiences, "payload.audience")
    _run(work, creating_permission(_recording(work), payload.audience, payload.name, payload.description))


def _create_resource_server(work: Work, payload: Any, policy: Policy) -> None:
    require_subset([payload.audience], policy.audiences, "payload.audience")
    _run(work, creating_resource_server(_recording(work), payload.audience, payload.name))


def _update_resource_server(work: Work, payload: Any, policy: Policy) -> None:
    require_subset([payload.audience], policy.audiences, "payload.audience")
    _run(work, updating_resource_server(_recording(work), payload.audience, payload.name))


REGISTRY_VERBS: dict[CommandType, Callable[[Work, Any, Policy], None]] = {
    CommandType.CLIENT_REGISTER: _register_client,
    CommandType.CLIENT_UPDATE: _update_client,
    CommandType.ROLE_CREATE: _create_role,
    CommandType.ROLE_UPDATE: _update_role,
    CommandType.PERMISSION_CREATE: _create_permission,
    CommandType.RESOURCE_SERVER_CREATE: _create_resource_server,
    CommandType.RESOURCE_SERVER_UPDATE: _update_resource_server,
}


def _require_grantable(work: Work, permissions: frozenset[HeldPermission], policy: Policy) -> None:
    """Those of its own APIs, and those that its scopes carry."""
    held = _run(work, carried_by_scopes(policy.scopes))
    foreign = {pair for pair in permissions - held if pair[0] not in policy.audiences}
    if foreign:
        raise ContradictionError(
            RejectionReason.NOT_GRANTABLE, "payload.permissions: the sender's policy does not hold all of them"
        )


def _consistent(client: NewClient) -> None:
    try:
        require_consistent(client)
    except RegistrationError as error:
        raise ContradictionError(RejectionReason.INVALID_FIELD, f"payload.{error.field}: {error}") from error


def _run(work: Work, steps: Steps[ResultT]) -> ResultT:
    try:
        return run(work.connection, steps)
    except AlreadyExistsError as error:
        raise ContradictionError(RejectionReason.ALREADY_EXISTS, f"payload.{error.field}: taken") from error
    except UnknownNameError as error:
        raise ContradictionError(RejectionReason.UNKNOWN_NAME, f"payload.{error.field}: not all exist") from error
    except RegistrationError as error:
        raise ContradictionError(RejectionReason.INVALID_FIELD, f"payload.{error.field}: {error}") from error


def _requiring_scopes(names: Iterable[str]) -> Steps[None]:
    wanted = sorted(set(names) - STANDARD_SCOPES)
    rows = yield Statement("SELECT name FROM scopes WHERE name = ANY(%(names)s)", {"names": wanted})
    if len(rows) != len(wanted):
        raise UnknownNameError("allowed_scopes", "not all of them exist")


def _client(client_id: str) -> Steps[tuple[dict[str, Any], list[str]]]:
    rows = yield Statement(
        f"SELECT {', '.join(_COMPARED)}, ARRAY(SELECT r.name FROM role_bindings b JOIN roles r ON r.id = b.role_id"  # noqa: S608
        " WHERE b.client_id = clients.id) FROM clients WHERE client_id = %(client_id)s FOR UPDATE",
        {"client_id": client_id},
    )
    if not rows:
        raise UnknownNameError("client_id", "there is no client of this client_id")
    *values, roles = rows[0]
    tuples = [tuple(value) if isinstance(value, list) else value for value in values]
    return dict(zip(_COMPARED, tuples, strict=True)), roles


def _recording(work: Work) -> Recording:
    return Recording(work.actor, work.now, work.request_id, work.services.outbox_shards)


def _pairs(permissions: Iterable[Any]) -> frozenset[HeldPermission]:
    return frozenset((each.audience, each.name) for each in permissions)
