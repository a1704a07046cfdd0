"""user.create: a person whom nobody had this reference or address before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from events.commands import RejectionReason
from events.payloads.user import UserCreated, UserDetails
from events.types import EventType
from functions.provision_user.contradictions import ContradictionError
from functions.provision_user.users import require_free_email, role_ids
from functions.provision_user.verbs.address import canonical_address
from functions.provision_user.verbs.roles import bind_roles
from shared.ids import new_id
from shared.pseudonyms import identifier_hash

if TYPE_CHECKING:
    from uuid import UUID

    from events.commands import UserCreateCommand
    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work

_INSERT = """
INSERT INTO users (id, external_id, email, email_canonical, email_verified_at, status, profile, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, 'active', %s, %s, %s)
"""


def create(work: Work, command: UserCreateCommand, user: User | None, policy: Policy) -> UUID:
    payload = command.payload
    policy.require_roles(payload.roles)
    email, canonical = canonical_address(payload.email)
    if user is not None:
        raise ContradictionError(RejectionReason.USER_EXISTS, "user: somebody has this reference already")
    require_free_email(work.connection, canonical)
    roles = role_ids(work.connection, payload.roles)

    user_id, external_id = new_id(), command.user.external_id
    profile = payload.profile.model_dump(exclude_none=True)
    work.write(
        _INSERT,
        user_id,
        external_id,
        email,
        canonical,
        work.now if payload.email_verified else None,
        Jsonb(profile),
        work.now,
        work.now,
    )
    work.record(
        EventType.USER_CREATED,
        UserCreated(
            status="active",
            external_id_hash=identifier_hash(work.services.pseudonym_key, external_id),
            email_verified=payload.email_verified,
        ),
        subject=str(user_id),
        personal=UserDetails(email=email, profile=payload.profile, external_id=external_id),
        is_new_subject=True,
    )
    bind_roles(work, user_id, roles)
    if payload.send_welcome:
        work.request_mail(user_id, "welcome", link_purpose="set_password", link_valid=work.services.welcome_link)
    work.user_changed(user_id)
    return user_id
