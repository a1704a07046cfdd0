"""Creating a user, with its events: what provisioning, the admin API and the seeds do alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from events.payloads.user import UserCreated, UserDetails, UserRolesAssigned
from events.profile import Profile
from events.types import EventType
from shared.database.authority import noting_change
from shared.database.outbox import inserting_events
from shared.database.steps import Statement
from shared.identity.email import canonical_email
from shared.identity.profile import stored_profile
from shared.identity.registration import AlreadyExistsError, UnknownNameError
from shared.ids import new_id
from shared.pseudonyms import identifier_hash

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from shared.database.steps import Steps
    from shared.identity.recording import Recording
    from shared.subject_keys import SubjectKeys

_INSERT = (
    "INSERT INTO users (id, external_id, email, email_canonical, email_verified_at, profile)"
    " VALUES (%(id)s, %(external_id)s, %(email)s, %(canonical)s, %(verified_at)s, %(profile)s)"
    " ON CONFLICT DO NOTHING RETURNING id"
)


@dataclass(frozen=True, slots=True)
class NewUser:
    email: str
    external_id: str | None = None
    profile: Profile = field(default_factory=Profile)
    email_verified: bool = False


def creating_user(
    recording: Recording, user: NewUser, subject_keys: SubjectKeys, pseudonym_key: bytes, roles: Collection[str] = ()
) -> Steps[UUID]:
    """Create an active user with roles. Returns their id, which is their subject.

    Raises:
        shared.identity.email.InvalidEmail: it is none.
        AlreadyExistsError: `external_id` or `email` is another user's.
        UnknownNameError: a role.
    """
    user_id = new_id()
    canonical = canonical_email(user.email)
    rows = yield Statement(
        _INSERT,
        {
            "id": user_id,
            "external_id": user.external_id,
            "email": user.email,
            "canonical": canonical,
            "verified_at": recording.now if user.email_verified else None,
            "profile": Jsonb(stored_profile(user.profile)),
        },
    )
    if not rows:
        taken = yield Statement("SELECT 1 FROM users WHERE email_canonical = %(canonical)s", {"canonical": canonical})
        name = "email" if taken else "external_id"
        raise AlreadyExistsError(name, f"another user has this {name}")
    cipher = yield from subject_keys.of(str(user_id))
    created = recording.event(
        EventType.USER_CREATED,
        UserCreated(
            status="active",
            external_id_hash=user.external_id and identifier_hash(pseudonym_key, user.external_id),
            email_verified=user.email_verified,
        ),
        str(user_id),
        personal=UserDetails(email=user.email, profile=user.profile, external_id=user.external_id),
        cipher=cipher,
    )
    yield from inserting_events([created], recording.outbox_shards)
    if roles:
        yield from assigning_user_roles(recording, user_id, roles)
    yield from noting_change("user", str(user_id))
    return user_id


def assigning_user_roles(recording: Recording, user_id: UUID, roles: Collection[str]) -> Steps[tuple[str, ...]]:
    """Those held already stay. Returns the names of those that are new to the user.

    Raises:
        UnknownNameError: a role.
    """
    found = yield Statement("SELECT name, id FROM roles WHERE name = ANY(%(names)s)", {"names": sorted(roles)})
    names = {role_id: name for name, role_id in found}
    if missing := sorted(set(roles) - set(names.values())):
        raise UnknownNameError("roles", f"there is no role {missing[0]}")
    bound = yield Statement(
        "INSERT INTO role_bindings (id, role_id, user_id, granted_by)"
        " SELECT id, role_id, %(user_id)s, %(actor)s FROM unnest(%(ids)s::uuid[], %(roles)s::uuid[]) AS r (id, role_id)"
        " ON CONFLICT DO NOTHING RETURNING role_id",
        {"ids": [new_id() for _ in names], "roles": list(names), "user_id": user_id, "actor": recording.actor},
    )
    assigned = tuple(sorted(names[role_id] for (role_id,) in bound))
    if assigned:
        event = recording.event(EventType.USER_ROLES_ASSIGNED, UserRolesAssigned(roles=assigned), str(user_id))
        yield from inserting_events([event], recording.outbox_shards)
        yield from noting_change("user", str(user_id))
    return assigned
