"""One key per person, under which the personal fields of their events are encrypted. Erasing the person destroys it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared import aead
from shared.clock import monotonic_seconds
from shared.database.steps import Statement, run, run_async
from shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from shared.database.steps import AsyncConnection, Steps, SyncConnection
    from shared.kms import DataKey, DataKeys

# A row whose created_at is this transaction's own time may yet be rolled back: used, but not remembered.
_FIND = (
    "SELECT id, data_key_id, wrapped, created_at <> now() AS is_lasting FROM subject_keys WHERE subject = %(subject)s"
)
_INSERT = (
    "INSERT INTO subject_keys (subject, id, data_key_id, wrapped)"
    " VALUES (%(subject)s, %(id)s, %(data_key_id)s, %(wrapped)s) ON CONFLICT (subject) DO NOTHING RETURNING id"
)
_ERASE = "UPDATE subject_keys SET wrapped = NULL, erased_at = %(now)s WHERE subject = %(subject)s AND erased_at IS NULL"


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A person's key: an `events.record.PersonalCipher`. `repr` doesn't show it."""

    subject: str
    key_id: str
    key: bytes = field(repr=False)

    def encrypt(self, event_id: str, plaintext: bytes) -> str:
        """AES-256-GCM with the event id as associated data; base64url of nonce and ciphertext (ADR 1)."""
        return urlsafe_b64encode(aead.seal(self.key, plaintext, event_id.encode())).rstrip(b"=").decode("ascii")

    def decrypt(self, event_id: str, ciphertext: str) -> bytes:
        """What `encrypt` was given.

        Raises:
            shared.aead.UnsealError: another key, another event, or changed.
        """
        try:
            sealed = urlsafe_b64decode(ciphertext + "=" * (-len(ciphertext) % 4))
        except ValueError:
            raise aead.UnsealError("not base64url") from None
        return aead.unseal(self.key, sealed, event_id.encode())


def encrypt_personal(key: SubjectKey, event_id: str, fields: dict[str, Any]) -> str:
    """Personal fields that stand elsewhere than in an event (a session's address): encrypted as there."""
    return key.encrypt(event_id, json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


def decrypt_personal(key: SubjectKey, event_id: str, ciphertext: str) -> dict[str, Any]:
    """The fields again.

    Raises:
        shared.aead.UnsealError: another key, another event, or changed.
    """
    fields: dict[str, Any] = json.loads(key.decrypt(event_id, ciphertext))
    return fields


class SubjectKeys:
    """People's keys, the last used ones held unwrapped in memory for a while."""

    def __init__(
        self,
        data_keys: DataKeys,
        *,
        held: int = 20_000,
        held_seconds: float = 300.0,
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._data_keys = data_keys
        self._held = held
        self._held_seconds = held_seconds
        self._monotonic = monotonic
        self._keys: OrderedDict[str, tuple[float, SubjectKey | None]] = OrderedDict()
        self._turn = 0  # grows with every change, so that a key read before it is not kept

    def of(self, subject: str) -> Steps[SubjectKey | None]:
        """The subject's key, made in the caller's transaction where there is none; None: it was erased.

        Raises:
            botocore.exceptions.ClientError, BotoCoreError: KMS is needed, and refused or can't be reached.
        """
        held = self._keys.get(subject)
        if held is not None and held[0] > self._monotonic():
            self._keys.move_to_end(subject)
            return held[1]
        turn = self._turn
        rows = yield Statement(_FIND, {"subject": subject})
        if not rows:
            made = yield from self._make(subject)
            if made is not None:
                return made
            rows = yield Statement(_FIND, {"subject": subject})  # somebody else just made it
        key_id, data_key_id, wrapped, is_lasting = rows[0]
        key = None
        if wrapped is not None:
            data_key = yield from self._data_keys.by_id(data_key_id)
            key = SubjectKey(subject, str(key_id), data_key.unwrap(bytes(wrapped), _context(subject, key_id)))
        if is_lasting and turn == self._turn:
            self._hold(subject, key)
        return key

    def get_or_create(self, connection: SyncConnection, subject: str) -> SubjectKey | None:
        """`of`, for functions."""
        return run(connection, self.of(subject))

    def make(self, connection: SyncConnection, subject: str) -> tuple[SubjectKey, Statement]:
        """The key of a subject that the caller makes in this transaction, and the statement that it has to run.

        Nothing is looked for, because nothing can be there: one round trip instead of three.
        """
        data_key = run(connection, self._data_keys.current("subject"))
        return _new_key(data_key, subject)

    def erasing(self, subject: str, now: datetime) -> Steps[str]:
        """Destroy the subject's key in the caller's transaction, for good: no other is made later.

        Returns:
            The destroyed key's id, also where it was destroyed before.
        """
        rows = yield Statement(_FIND, {"subject": subject})
        if not rows:
            yield from self._make(subject)
            rows = yield Statement(_FIND, {"subject": subject})
        yield Statement(_ERASE, {"subject": subject, "now": now})
        self.forget(subject)
        return str(rows[0][0])

    def erase(self, connection: SyncConnection, subject: str, now: datetime) -> str:
        """`erasing`, for functions."""
        return run(connection, self.erasing(subject, now))

    def forget(self, subject: str) -> None:
        """Drop it from memory: what a token core does when it learns of a change to the user."""
        self._turn += 1
        self._keys.pop(subject, None)

    def forget_all(self) -> None:
        """Drop all of them: changes may have been missed."""
        self._turn += 1
        self._keys.clear()

    def _make(self, subject: str) -> Steps[SubjectKey | None]:
        data_key = yield from self._data_keys.current("subject")
        key, insert = _new_key(data_key, subject)
        rows = yield insert
        return key if rows else None

    def _hold(self, subject: str, key: SubjectKey | None) -> None:
        self._keys[subject] = (self._monotonic() + self._held_seconds, key)
        self._keys.move_to_end(subject)
        while len(self._keys) > self._held:
            self._keys.popitem(last=False)


@dataclass(frozen=True, slots=True)
class AsyncSubjectKeys:
    """The same for token cores."""

    keys: SubjectKeys

    async def get_or_create(self, connection: AsyncConnection, subject: str) -> SubjectKey | None:
        """`SubjectKeys.of`."""
        return await run_async(connection, self.keys.of(subject))


def _new_key(data_key: DataKey, subject: str) -> tuple[SubjectKey, Statement]:
    key_id, key = new_id(), aead.new_key()
    parameters = {
        "subject": subject,
        "id": key_id,
        "data_key_id": data_key.id,
        "wrapped": data_key.wrap(key, _context(subject, key_id)),
    }
    return SubjectKey(subject, str(key_id), key), Statement(_INSERT, parameters)


def _context(subject: str, key_id: UUID) -> bytes:
    return f"subject key\0{subject}\0{key_id}".encode()
