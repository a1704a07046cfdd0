"""The key pairs that sign tokens: made here, kept with the private half wrapped, announced before they sign (P7)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from psycopg.types.json import Jsonb

from events.envelope import PLATFORM
from events.payloads.signing_key import SigningKeyActivated, SigningKeyCreated, SigningKeyRetired
from events.record import build_event
from events.types import EventType
from shared.database.authority import noting_change
from shared.database.outbox import inserting_events
from shared.database.steps import Statement, run, run_async
from shared.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from events.payloads.fields import Payload
    from shared.database.steps import AsyncConnection, Steps, SyncConnection
    from shared.kms import DataKeys

Algorithm = Literal["ES256", "RS256"]
State = Literal["announced", "active"]
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
RSA_BITS = 2048

_INSERT = (
    "INSERT INTO signing_keys (kid, algorithm, state, public_jwk, data_key_id, wrapped_private_key, activate_at)"
    " VALUES (%(kid)s, %(algorithm)s, %(state)s, %(public_jwk)s, %(data_key_id)s, %(wrapped)s, %(activate_at)s)"
)
_LOAD = (
    "SELECT kid, algorithm, state, public_jwk, data_key_id, wrapped_private_key, activate_at, publish_until"
    " FROM signing_keys WHERE state IN ('announced', 'active')"
    " OR (state = 'retired' AND publish_until > %(now)s) ORDER BY created_at, kid"
)
_ACTIVATE = (
    "UPDATE signing_keys SET state = 'active', activate_at = %(now)s"
    " WHERE kid = %(kid)s AND state = 'announced' RETURNING algorithm"
)
_RETIRE_ACTIVE = (
    "UPDATE signing_keys SET state = 'retired', retired_at = %(now)s, publish_until = %(publish_until)s"
    " WHERE state = 'active' AND algorithm = (SELECT algorithm FROM signing_keys WHERE kid = %(kid)s"
    " AND state = 'announced') RETURNING kid, algorithm"
)


_WITHDRAW = (
    "UPDATE signing_keys old SET state = 'compromised', retired_at = %(now)s, publish_until = %(now)s"
    " FROM (SELECT kid, state FROM signing_keys WHERE kid = %(kid)s FOR UPDATE) before"
    " WHERE old.kid = before.kid AND old.state <> 'compromised' RETURNING old.algorithm, before.state"
)
_OLDEST_ANNOUNCED = (
    "SELECT kid FROM signing_keys WHERE state = 'announced' AND algorithm = %(algorithm)s ORDER BY created_at LIMIT 1"
)


class UnknownSigningKeyError(LookupError):
    """There is no announced key of that kid."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A published key. `private_key` is None where it no longer signs."""

    kid: str
    algorithm: Algorithm
    state: str
    public_jwk: dict[str, str]
    private_key: PrivateKey | None = field(repr=False)
    activate_at: datetime | None
    publish_until: datetime | None


def creating_signing_key(
    data_keys: DataKeys,
    algorithm: Algorithm,
    state: State,
    *,
    now: datetime,
    activate_at: datetime | None = None,
    actor: str = PLATFORM,
    shard_count: int = 1,
) -> Steps[str]:
    """Make a key pair in the caller's transaction, with its event and its note to token cores. Returns the kid.

    Raises:
        psycopg.errors.UniqueViolation: `active`, and the algorithm has an active key.
        botocore.exceptions.ClientError, BotoCoreError: KMS refused or can't be reached.
    """
    private_key = _generate(algorithm)
    jwk = public_jwk(private_key)
    data_key = yield from data_keys.current("signing")
    secret = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    yield Statement(
        _INSERT,
        {
            "kid": jwk["kid"],
            "algorithm": algorithm,
            "state": state,
            "public_jwk": Jsonb(jwk),
            "data_key_id": data_key.id,
            "wrapped": data_key.wrap(secret, _context(jwk["kid"])),
            "activate_at": now if state == "active" else activate_at,
        },
    )
    made = [(EventType.SIGNING_KEY_CREATED, SigningKeyCreated(kid=jwk["kid"], algorithm=algorithm))]
    activated = [(EventType.SIGNING_KEY_ACTIVATED, SigningKeyActivated(kid=jwk["kid"], algorithm=algorithm))]
    yield from _record([*made, *(activated if state == "active" else [])], now, actor, shard_count)
    yield from noting_change("key", jwk["kid"])
    return jwk["kid"]


def activating_signing_key(
    kid: str, *, now: datetime, publish_until: datetime, actor: str = PLATFORM, shard_count: int = 1
) -> Steps[None]:
    """Let an announced key sign from now on; the one before it retires, and is published until `publish_until`.

    Raises:
        UnknownSigningKeyError: no announced key has this kid.
    """
    retired = yield Statement(_RETIRE_ACTIVE, {"kid": kid, "now": now, "publish_until": publish_until})
    activated = yield Statement(_ACTIVATE, {"kid": kid, "now": now})
    if not activated:
        raise UnknownSigningKeyError(kid)
    events: list[tuple[EventType, Payload]] = [
        (EventType.SIGNING_KEY_RETIRED, SigningKeyRetired(kid=old, algorithm=algorithm)) for old, algorithm in retired
    ]
    events.append((EventType.SIGNING_KEY_ACTIVATED, SigningKeyActivated(kid=kid, algorithm=activated[0][0])))
    yield from _record(events, now, actor, shard_count)
    for changed in [*(old for old, _ in retired), kid]:
        yield from noting_change("key", changed)


def withdrawing_signing_key(
    data_keys: DataKeys, kid: str, *, now: datetime, actor: str = PLATFORM, shard_count: int = 1
) -> Steps[None]:
    """Take a compromised key out at once. Where it signed, an announced one signs from now on, or a new one.

    Withdrawing twice is the same as once.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: KMS is needed, and refused or can't be reached.
    """
    rows = yield Statement(_WITHDRAW, {"kid": kid, "now": now})
    if not rows:
        return
    algorithm, state = rows[0]
    payload = SigningKeyRetired(kid=kid, algorithm=algorithm, reason="compromised")
    yield from _record([(EventType.SIGNING_KEY_RETIRED, payload)], now, actor, shard_count)
    yield from noting_change("key", kid)
    if state != "active":
        return
    waiting = yield Statement(_OLDEST_ANNOUNCED, {"algorithm": algorithm})
    if waiting:
        yield from activating_signing_key(
            waiting[0][0], now=now, publish_until=now, actor=actor, shard_count=shard_count
        )
    else:
        yield from creating_signing_key(data_keys, algorithm, "active", now=now, actor=actor, shard_count=shard_count)


def loading_signing_keys(data_keys: DataKeys, now: datetime) -> Steps[tuple[SigningKey, ...]]:
    """Every published key, oldest first; those that sign or will sign with their private half.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: KMS is needed, and refused or can't be reached.
        shared.aead.UnsealError: a row was tampered with.
    """
    rows = yield Statement(_LOAD, {"now": now})
    keys = []
    for kid, algorithm, state, jwk, data_key_id, wrapped, activate_at, publish_until in rows:
        private_key = None
        if state != "retired":
            data_key = yield from data_keys.by_id(data_key_id)
            loaded = load_der_private_key(data_key.unwrap(bytes(wrapped), _context(kid)), password=None)
            assert isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
            private_key = loaded
        keys.append(SigningKey(kid, algorithm, state, jwk, private_key, activate_at, publish_until))
    return tuple(keys)


def create_signing_key(
    connection: SyncConnection, data_keys: DataKeys, algorithm: Algorithm, state: State, *, now: datetime
) -> str:
    """`creating_signing_key`, for functions and seeds."""
    return run(connection, creating_signing_key(data_keys, algorithm, state, now=now))


def load_signing_keys(connection: SyncConnection, data_keys: DataKeys, now: datetime) -> tuple[SigningKey, ...]:
    """`loading_signing_keys`, for functions."""
    return run(connection, loading_signing_keys(data_keys, now))


async def load_signing_keys_async(
    connection: AsyncConnection, data_keys: DataKeys, now: datetime
) -> tuple[SigningKey, ...]:
    """`loading_signing_keys`, for token cores."""
    return await run_async(connection, loading_signing_keys(data_keys, now))


def public_jwk(private_key: PrivateKey) -> dict[str, str]:
    """The public half as a JWK (RFC 7517, RFC 7518 6), its kid the thumbprint (RFC 7638)."""
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        point = private_key.public_key().public_numbers()
        members = {"crv": "P-256", "kty": "EC", "x": _base64url(point.x, 32), "y": _base64url(point.y, 32)}
        algorithm = "ES256"
    else:
        numbers = private_key.public_key().public_numbers()
        members = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
        algorithm = "RS256"
    # RFC 7638 3: the required members in lexicographic order, no spaces.
    canonical = "{" + ",".join(f'"{name}":"{members[name]}"' for name in sorted(members)) + "}"
    thumbprint = urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=").decode("ascii")
    return {**members, "use": "sig", "alg": algorithm, "kid": thumbprint}


def _generate(algorithm: Algorithm) -> PrivateKey:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def _record(events: list[tuple[EventType, Any]], now: datetime, actor: str, shard_count: int) -> Steps[None]:
    built = [
        build_event(event_type, payload=payload, subject=PLATFORM, actor=actor, now=now, event_id=new_id())
        for event_type, payload in events
    ]
    yield from inserting_events(built, shard_count)


def _base64url(number: int, size: int = 0) -> str:
    data = number.to_bytes(size or (number.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _context(kid: str) -> bytes:
    return f"signing key\0{kid}".encode()
