"""user.update: an address, and claims about the person. What is left out stays; a claim that is null goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from events.payloads.user import UserDetails, UserUpdated
from events.types import EventType
from functions.provision_user.users import require_free_email, require_rights_within, require_user
from functions.provision_user.verbs.address import canonical_address
from shared.identity.ending import VOID_LINKS

if TYPE_CHECKING:
    from uuid import UUID

    from events.commands import UserUpdateCommand
    from events.profile import Profile
    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work

_UPDATE = """
UPDATE users SET email = %s, email_canonical = %s, email_verified_at = %s, profile = %s, updated_at = %s,
                 version = version + 1
WHERE id = %s
"""


def update(work: Work, command: UserUpdateCommand, user: User | None, policy: Policy) -> UUID:
    payload = command.payload
    user = require_user(user)
    email, canonical, verified_at = user.email, user.email_canonical, user.email_verified_at
    if payload.email is not None:
        email, canonical = canonical_address(payload.email)
    is_moved = canonical != user.email_canonical
    if is_moved:
        assert canonical is not None  # it came from the payload
        require_rights_within(work.connection, user, policy)
        require_free_email(work.connection, canonical)
        verified_at = None
    profile = _merge(user.profile, payload.profile)
    fields = [
        name
        for name, before, after in (("email", user.email, email), ("profile", user.profile, profile))
        if before != after
    ]
    if not fields:
        return user.id

    work.write(_UPDATE, email, canonical, verified_at, Jsonb(profile), work.now, user.id)
    work.record(
        EventType.USER_UPDATED,
        UserUpdated(fields=tuple(fields)),
        subject=str(user.id),
        personal=UserDetails(email=email if "email" in fields else None, profile=payload.profile),
    )
    if is_moved:
        # whoever reads the old address must not be able to set a password with a link that went there
        work.write(VOID_LINKS, {"now": work.now, "user_id": user.id})
        work.request_mail(
            user.id, "email_verification", link_purpose="verify_email", link_valid=work.services.verification_link
        )
    work.user_changed(user.id)
    return user.id


def _merge(held: dict[str, Any], given: Profile | None) -> dict[str, Any]:
    if given is None:
        return held
    merged = held | {name: getattr(given, name) for name in given.model_fields_set}
    return {name: value for name, value in merged.items() if value is not None}
