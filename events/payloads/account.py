"""What people do with their own accounts. Addresses stand in `user.updated` alone, encrypted."""

from __future__ import annotations

from typing import Literal

from events.payloads.fields import Id, Payload, Success


class EmailChangeRequested(Payload):
    change_id: Id
    outcome: Success = "success"


class EmailChangeConfirmed(Payload):
    change_id: Id
    side: Literal["old", "new"]
    outcome: Success = "success"


class EmailChangeCompleted(Payload):
    change_id: Id
    outcome: Success = "success"


class EmailChangeReverted(Payload):
    change_id: Id
    outcome: Success = "success"


class UserDataExported(Payload):
    outcome: Success = "success"
