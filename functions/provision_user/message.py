"""A message as SQS hands it over, and what becomes of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from uuid import UUID

    from events.commands import RejectionReason

State = Literal["applied", "rejected", "parked", "waiting", "dismissed"]
MAX_GROUP_CHARACTERS = 128  # SQS's limit of a MessageGroupId
NOBODY = "nobody"  # SQS always names a sender; who else invokes the function need not
MAX_SENDER_CHARACTERS = 200  # SQS's own are under 150; nobody else's words are kept at length


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the provisioning queue.

    Args:
        sender_id: the attribute `SenderId`, which SQS sets, never the message.
        group: the attribute `MessageGroupId`.
        message_id: SQS's own; names a message that has no readable command id.
    """

    sender_id: str
    group: str
    message_id: str
    body: str

    @property
    def sender(self) -> str:
        """The principal: of role credentials (`AROA…:session`) the part before the colon."""
        return storable(self.sender_id.partition(":")[0])[:MAX_SENDER_CHARACTERS] or NOBODY

    @property
    def body_hash(self) -> bytes:
        return hashlib.sha256(self.body.encode(errors="surrogatepass")).digest()

    @property
    def kept_group(self) -> str:
        return storable(self.group)[:MAX_GROUP_CHARACTERS]

    @property
    def kept_body(self) -> str:
        return storable(self.body)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command.

    Args:
        detail: for people; names fields, never values.
        is_repeat: nothing was done now: the same command came before.
        reply_queue_url: where the sender's policy wants to hear of it.
    """

    sender: str
    command_id: str
    type: str
    state: State
    reason: RejectionReason | str | None = None
    detail: str | None = None
    user_id: UUID | None = None
    is_repeat: bool = False
    reply_queue_url: str | None = None


def storable(text: str) -> str:
    """The text with NUL and lone surrogates escaped: Postgres takes neither, and a body that has them is still kept."""
    return text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
