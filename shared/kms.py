"""Data keys: made and wrapped by AWS KMS, kept wrapped in Postgres, held unwrapped only in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import boto3
from botocore.config import Config

from shared import aead
from shared.database.steps import Blocking, Statement
from shared.ids import new_id

if TYPE_CHECKING:
    from uuid import UUID

    from mypy_boto3_kms import KMSClient

    from shared.database.steps import Steps

Purpose = Literal["signing", "subject"]

_NEWEST = (
    "SELECT id, wrapped FROM data_keys WHERE purpose = %(purpose)s AND retired_at IS NULL ORDER BY id DESC LIMIT 1"
)
_BY_ID = "SELECT wrapped, purpose FROM data_keys WHERE id = %(id)s"
_INSERT = (
    "INSERT INTO data_keys (id, purpose, kms_key_id, wrapped) VALUES (%(id)s, %(purpose)s, %(kms_key_id)s, %(wrapped)s)"
)


def kms_client() -> KMSClient:
    """By boto3's standard configuration; gives up within seconds, because somebody waits."""
    return boto3.client("kms", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3}))


@dataclass(frozen=True, slots=True)
class DataKey:
    """An unwrapped AES-256 key; `repr` doesn't show it."""

    id: UUID
    key: bytes = field(repr=False)

    def wrap(self, plaintext: bytes, associated_data: bytes) -> bytes:
        return aead.seal(self.key, plaintext, associated_data)

    def unwrap(self, wrapped: bytes, associated_data: bytes) -> bytes:
        """What `wrap` was given.

        Raises:
            shared.aead.UnsealError: another key or other associated data.
        """
        return aead.unseal(self.key, wrapped, associated_data)


class DataKeys:
    """Data keys, each unwrapped by KMS once per process.

    The purpose is KMS's encryption context, so that key policies can tell who may unwrap which.
    """

    def __init__(self, kms_key_id: str, client: KMSClient | None = None) -> None:
        self._kms_key_id = kms_key_id
        self._client = client
        self._keys: dict[UUID, DataKey] = {}
        self._lock = threading.Lock()

    def current(self, purpose: Purpose) -> Steps[DataKey]:
        """The key to wrap with; the first one is made in the caller's transaction.

        Raises:
            botocore.exceptions.ClientError, BotoCoreError: KMS refused or can't be reached.
        """
        rows = yield Statement(_NEWEST, {"purpose": purpose})
        if rows:
            key: DataKey = yield from self._unwrapped(rows[0][0], rows[0][1], purpose)
            return key
        made = yield Blocking(
            lambda: self._kms().generate_data_key(
                KeyId=self._kms_key_id, KeySpec="AES_256", EncryptionContext={"purpose": purpose}
            )
        )
        identifier = new_id()
        parameters = {"id": identifier, "purpose": purpose, "kms_key_id": self._kms_key_id}
        yield Statement(_INSERT, {**parameters, "wrapped": made["CiphertextBlob"]})
        return DataKey(identifier, made["Plaintext"])  # not kept: the transaction may yet fail

    def by_id(self, data_key_id: UUID) -> Steps[DataKey]:
        """The key that something was wrapped with.

        Raises:
            LookupError: there is none of that id.
            botocore.exceptions.ClientError, BotoCoreError: KMS refused or can't be reached.
        """
        if (known := self._keys.get(data_key_id)) is not None:
            return known
        rows = yield Statement(_BY_ID, {"id": data_key_id})
        if not rows:
            raise LookupError(f"no data key {data_key_id}")
        key: DataKey = yield from self._unwrapped(data_key_id, rows[0][0], rows[0][1])
        return key

    def _unwrapped(self, data_key_id: UUID, wrapped: bytes, purpose: str) -> Steps[DataKey]:
        if (known := self._keys.get(data_key_id)) is not None:
            return known
        answer = yield Blocking(
            lambda: self._kms().decrypt(
                CiphertextBlob=bytes(wrapped), KeyId=self._kms_key_id, EncryptionContext={"purpose": purpose}
            )
        )
        return self._keys.setdefault(data_key_id, DataKey(data_key_id, answer["Plaintext"]))

    def _kms(self) -> KMSClient:
        with self._lock:  # boto3 clients may be shared by threads, but not made by two at once
            if self._client is None:
                self._client = kms_client()
            return self._client


class ManifestSigner:
    """Signs with a KMS key that never leaves KMS (ECC_NIST_P256): what no writer of the lake can."""

    def __init__(self, kms_key_id: str, client: KMSClient | None = None) -> None:
        self.kms_key_id = kms_key_id
        self._client = client or kms_client()

    def sign(self, message: bytes) -> bytes:
        """ECDSA over SHA-256 of a message of at most 4,096 bytes (KMS' limit); DER.

        Raises:
            botocore.exceptions.ClientError, BotoCoreError: KMS refused or can't be reached.
        """
        answer = self._client.sign(
            KeyId=self.kms_key_id, Message=message, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
        )
        return answer["Signature"]

    def public_key_der(self) -> bytes:
        """SubjectPublicKeyInfo, for those who verify."""
        return self._client.get_public_key(KeyId=self.kms_key_id)["PublicKey"]
