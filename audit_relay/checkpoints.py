"""Signed checkpoints of producers' starts, sealed heads and ends: what a tamperer of the lake can't forge (ADR 1)."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from shared.clock import monotonic_seconds, rfc3339, utc_now
from shared.ids import new_id

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

    from audit_relay.leases import Lease
    from audit_relay.metrics import Metrics
    from audit_relay.postgres import Row, Session

CHECKPOINT_VERSION = 1
SIGNING_ALGORITHM: Final = "ECDSA_SHA_256"
STANDBY_SECONDS = 2.0

# An ended incarnation is signed until a day after its end, and longer while not all of it is sealed.
_PRODUCERS = """
SELECT producer, kind, shard, service, started_at, sealed_number, encode(sealed_hash, 'hex') AS sealed_hash,
       ended_at, ended_number, uncertain_number, end_reason
  FROM producers
 WHERE ended_at IS NULL OR ended_at > now() - interval '1 day' OR sealed_number < ended_number
 ORDER BY producer
"""
_PREVIOUS = "SELECT id, body FROM audit_checkpoints ORDER BY id DESC LIMIT 1"
_STORE = """
INSERT INTO audit_checkpoints (id, body, signature, kms_key_id)
VALUES (%(id)s, %(body)s, %(signature)s, %(key)s)
"""


class CheckpointSigner:
    """Signs what changed since the last one; the first after a start names every producer that lives."""

    def __init__(
        self, lease: Lease, session: Session, kms: KMSClient, key_id: str, interval_seconds: float, metrics: Metrics
    ) -> None:
        self._lease = lease
        self._session = session
        self._kms = kms
        self._key_id = key_id
        self._interval_seconds = interval_seconds
        self._metrics = metrics
        self._signed: dict[str, dict[str, Any]] | None = None
        self._due = 0.0

    def step(self) -> float:
        """Sign when it is time. Never called by what seals, so that a KMS that is down holds nothing up.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: KMS can't sign; the next step tries again.
        """
        if not self._lease.is_held and not self._lease.acquire(self._session):
            return STANDBY_SECONDS
        self._lease.keep(self._session)
        if monotonic_seconds() >= self._due:
            self.sign()
            self._due = monotonic_seconds() + self._interval_seconds
        return STANDBY_SECONDS / 2

    def sign(self) -> bool:
        """Sign and store one checkpoint; False where nothing changed."""
        with self._session.transaction() as transaction:
            rows = transaction.execute(_PRODUCERS).fetchall()
            previous = transaction.execute(_PREVIOUS).fetchone()
        state = {row["producer"]: _stated(row) for row in rows}
        known = self._signed
        news = [each for producer, each in state.items() if known is None or known.get(producer) != each]
        if not news:
            return False
        body = json.dumps(
            {
                "version": CHECKPOINT_VERSION,
                "made_at": rfc3339(utc_now()),
                "whole": known is None,
                "previous_id": None if previous is None else str(previous["id"]),
                "previous_digest": None if previous is None else sha256(previous["body"].encode()).hexdigest(),
                "producers": news,
            },
            separators=(",", ":"),
        )
        # RAW: KMS hashes what it gets, so that this signs the SHA-256 of the 32-byte digest, however long the body is.
        answer = self._kms.sign(
            KeyId=self._key_id,
            Message=sha256(body.encode()).digest(),
            MessageType="RAW",
            SigningAlgorithm=SIGNING_ALGORITHM,
        )
        with self._session.transaction() as transaction:
            self._lease.hold(transaction)
            transaction.execute(
                _STORE, {"id": new_id(), "body": body, "signature": answer["Signature"], "key": answer["KeyId"]}
            )
        self._signed = state
        self._metrics.checkpoint_signed()
        return True


def _stated(row: Row) -> dict[str, Any]:
    return {
        **row,
        "started_at": rfc3339(row["started_at"]),
        "ended_at": None if row["ended_at"] is None else rfc3339(row["ended_at"]),
    }
