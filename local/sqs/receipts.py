"""Receipt handles: which receive of which message is meant."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import TYPE_CHECKING, NamedTuple

from local.sqs.errors import RECEIPT_HANDLE_IS_INVALID, SqsError

if TYPE_CHECKING:
    from local.sqs.queue import Queue

PLAIN = re.compile(r"(\d{1,18}):(\d{1,18}):([0-9a-f]{32})")


class Receipt(NamedTuple):
    queue_id: int
    seq: int
    nonce: str

    @property
    def handle(self) -> str:
        return base64.b64encode(f"{self.queue_id}:{self.seq}:{self.nonce}".encode()).decode()


def new_nonce() -> str:
    return secrets.token_hex(16)


def parse_handle(queue: Queue, handle: str) -> Receipt:
    """Raises: SqsError ReceiptHandleIsInvalid for what this queue never gave out."""
    try:
        match = PLAIN.fullmatch(base64.b64decode(handle, validate=True).decode("ascii"))
    except (binascii.Error, ValueError):
        match = None
    if match is None or int(match[1]) != queue.id:
        raise SqsError(RECEIPT_HANDLE_IS_INVALID, f'The input receipt handle "{handle}" is not a valid receipt handle.')
    return Receipt(int(match[1]), int(match[2]), match[3])
