"""Changing a client's registration and roles, with their events. Steps in the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.payloads.client import ClientRolesRevoked, ClientUpdated
from events.types import EventType
from shared.database.authority import noting_change
from shared.database.outbox import inserting_events
from shared.database.steps import Statement
from shared.identity.registration import UnknownNameError
from shared.identity.subjects import client_subject

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from shared.database.steps import Steps
    from shared.identity.recording import Recording

CHANGEABLE = (
    "name",
    "redirect_uris",
    "post_logout_redirect_uris",
    "allowed_origins",
    "grant_types",
    "allowed_scopes",
    "require_consent",
    "id_token_signed_response_alg",
    "access_token_ttl_seconds",
    "refresh_token_ttl_seconds",
    "refresh_family_ttl_seconds",
    "status",
)
"""What a client may become. Its type and its way to authenticate stay: another client is another registration."""


def updating_client(recording: Recording, client_id: str, change: Mapping[str, Any]) -> Steps[tuple[str, ...]]:
    """Set what `change` has of CHANGEABLE; the rest stays. Returns the fields that changed.

    Raises:
        UnknownNameError: there is no such client.
        KeyError: `change` has something else.
    """
    if unknown := change.keys() - set(CHANGEABLE):
        raise KeyError(min(unknown))
    columns = [name for name in CHANGEABLE if name in change]
    rows = yield Statement(
        f"SELECT {', '.join(['id', *columns])} FROM clients WHERE client_id = %(client_id)s FOR UPDATE",  # noqa: S608 - constants
        {"client_id": client_id},
    )
    if not rows:
        raise UnknownNameError("client_id", "there is no client of this client_id")
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in change.items()}
    fields = tuple(name for name, old in zip(columns, rows[0][1:], strict=True) if old != values[name])
    if fields:
        assignments = ", ".join(f"{name} = %({name})s" for name in fields)
        yield Statement(
            f"UPDATE clients SET {assignments}, updated_at = %(now)s, version = version + 1 WHERE id = %(row)s",  # noqa: S608
            {**values, "now": recording.now, "row": rows[0][0]},
        )
        event = recording.event(
            EventType.CLIENT_UPDATED, ClientUpdated(fields=fields), client_subject(client_id), client_id=client_id
        )
        yield from inserting_events([event], recording.outbox_shards)
        yield from noting_change("client", client_id)
    return fields


def revoking_client_roles(recording: Recording, client_id: str, roles: Collection[str]) -> Steps[tuple[str, ...]]:
    """Returns the names of those that the client held."""
    rows = yield Statement(
        "DELETE FROM role_bindings b USING roles r, clients c WHERE c.client_id = %(client_id)s AND b.client_id = c.id"
        " AND r.id = b.role_id AND r.name = ANY(%(names)s) RETURNING r.name",
        {"client_id": client_id, "names": sorted(roles)},
    )
    revoked = tuple(sorted(name for (name,) in rows))
    if revoked:
        event = recording.event(
            EventType.CLIENT_ROLES_REVOKED, ClientRolesRevoked(roles=revoked), client_subject(client_id),
            client_id=client_id,
        )  # fmt: skip
        yield from inserting_events([event], recording.outbox_shards)
        yield from noting_change("client", client_id)
    return revoked


def limiting_client_secrets(client_id: str, keep: UUID, until: datetime) -> Steps[None]:
    """Rotation's overlap: every live secret but the new one is good until `until` at most."""
    yield Statement(
        "UPDATE client_secrets k SET expires_at = least(coalesce(k.expires_at, %(until)s), %(until)s) FROM clients c"
        " WHERE c.client_id = %(client_id)s AND k.client_id = c.id AND k.id <> %(keep)s AND k.revoked_at IS NULL",
        {"client_id": client_id, "keep": keep, "until": until},
    )
    yield from noting_change("client", client_id)
