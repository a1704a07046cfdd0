"""What S3's handlers work with: the store, the reader's connection, and the queues that notifications go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from local.aws.database import Database
    from local.aws.s3.store import ObjectStore


class Queues(Protocol):
    """Where notifications go."""

    async def has_queue(self, name: str) -> bool: ...

    def wake(self) -> None:
        """Something new is in the outbox."""


@dataclass(frozen=True)
class S3Service:
    store: ObjectStore
    database: Database
    queues: Queues
    region: str
    account_id: str
