"""The `sub` of tokens and the subjects of events: users' are UUIDs, all others have a prefix, so that none collide."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

CLIENT_PREFIX = "client:"
SENDER_PREFIX = "sender:"
ROLE_PREFIX = "role:"


def user_subject(user_id: UUID) -> str:
    return str(user_id)


def client_subject(client_id: str) -> str:
    """Of the public `client_id`, not of the row's id."""
    return CLIENT_PREFIX + client_id


def sender_subject(sender_id: str) -> str:
    """Of a backend that sends commands: what SQS calls it."""
    return SENDER_PREFIX + sender_id


def role_subject(name: str) -> str:
    return ROLE_PREFIX + name


def is_client_subject(subject: str) -> bool:
    return subject.startswith(CLIENT_PREFIX)
