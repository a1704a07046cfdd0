"""What applying commands needs, made once per process by the handler."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.clock import Clock, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from functions.provision_user.message import Outcome
    from shared.subject_keys import SubjectKeys


class NoPlaceForSecretsError(RuntimeError):
    """A wiring fault: the handler always gives `keep_secret`."""


def tell_nobody(_: Sequence[UUID]) -> None:
    """No hint: token cores find the change by polling, within their second."""


def keep_nowhere(_: str, __: str) -> None:
    """No place for secrets is configured."""
    raise NoPlaceForSecretsError


def reply_to_nobody(_: Outcome) -> None:
    """No replies are configured."""


@dataclass(frozen=True)
class Services:
    """The collaborators of `provision`.

    Args:
        pseudonym_key: what the hashes of external ids in events are keyed with.
        hint: tells token cores of changed users, after commit, best effort.
        reply: tells the sender, after commit and before the message is acknowledged.
        keep_secret: puts a text under a name into Secrets Manager, before the commit; may raise what boto3 raises.
        remembers: how long the inbox keeps a command; an older one is refused, because it might be a repeat.
    """

    subject_keys: SubjectKeys
    pseudonym_key: bytes
    outbox_shards: int = 1
    welcome_link: timedelta = timedelta(days=7)
    verification_link: timedelta = timedelta(days=2)
    remembers: timedelta = timedelta(days=395)
    now: Clock = utc_now
    hint: Callable[[Sequence[UUID]], None] = tell_nobody
    reply: Callable[[Outcome], None] = reply_to_nobody
    keep_secret: Callable[[str, str], None] = keep_nowhere
