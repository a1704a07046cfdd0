"""P7: keys are announced before they sign, published until what they signed has expired, private only when wrapped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.aead import UnsealError
from shared.database.authority import first_horizon, poll_changes
from shared.database.steps import run
from shared.kms import DataKeys
from shared.signing_keys import (
    UnknownSigningKeyError,
    activating_signing_key,
    create_signing_key,
    load_signing_keys,
    load_signing_keys_async,
    public_jwk,
)

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_key_signs_what_its_jwk_verifies(connection, data_keys: DataKeys, algorithm) -> None:
    kid = create_signing_key(connection, data_keys, algorithm, "active", now=NOW)
    (key,) = load_signing_keys(connection, data_keys, NOW)
    assert (key.kid, key.algorithm, key.state) == (kid, algorithm, "active")
    token = jwt.encode({"sub": "x"}, key.private_key, algorithm=algorithm)
    assert jwt.decode(token, jwt.PyJWK(key.public_jwk).key, algorithms=[algorithm]) == {"sub": "x"}
    assert key.public_jwk["alg"] == algorithm and key.public_jwk["kid"] == kid


def test_the_kid_is_the_thumbprint_of_rfc_7638() -> None:
    """Section 3.1's key is RSA; its thumbprint is the RFC's known answer."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    from base64 import urlsafe_b64decode

    public = RSAPublicNumbers(65537, int.from_bytes(urlsafe_b64decode(n + "=="), "big")).public_key()

    class OnlyPublic:
        def public_key(self):
            return public

    assert public_jwk(OnlyPublic())["kid"] == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_private_half_is_at_rest_only_wrapped_and_never_shown(connection, data_keys: DataKeys) -> None:
    create_signing_key(connection, data_keys, "ES256", "active", now=NOW)
    (key,) = load_signing_keys(connection, data_keys, NOW)
    assert isinstance(key.private_key, ec.EllipticCurvePrivateKey)
    secret = key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (row,) = connection.execute("SELECT wrapped_private_key, public_jwk FROM signing_keys").fetchall()
    assert secret not in row[0]
    assert "d" not in row[1] and "d" not in key.public_jwk
    assert "private_key" not in repr(key)


def test_a_key_is_announced_before_it_signs_and_published_after(connection, data_keys: DataKeys) -> None:
    old = create_signing_key(connection, data_keys, "ES256", "active", now=NOW)
    new = create_signing_key(connection, data_keys, "ES256", "announced", now=NOW)
    states = {key.kid: key.state for key in load_signing_keys(connection, data_keys, NOW)}
    assert states == {old: "active", new: "announced"}
    run(connection, activating_signing_key(new, now=NOW, publish_until=LATER))
    keys = {key.kid: key for key in load_signing_keys(connection, data_keys, NOW)}
    assert (keys[old].state, keys[old].private_key) == ("retired", None)
    assert keys[new].state == "active" and keys[new].private_key is not None
    assert {key.kid for key in load_signing_keys(connection, data_keys, LATER)} == {new}


def test_each_algorithm_rotates_alone(connection, data_keys: DataKeys) -> None:
    rsa = create_signing_key(connection, data_keys, "RS256", "active", now=NOW)
    create_signing_key(connection, data_keys, "ES256", "active", now=NOW)
    new = create_signing_key(connection, data_keys, "ES256", "announced", now=NOW)
    run(connection, activating_signing_key(new, now=NOW, publish_until=LATER))
    states = {key.kid: key.state for key in load_signing_keys(connection, data_keys, NOW)}
    assert states[rsa] == "active"


def test_two_active_keys_of_an_algorithm_cannot_be(connection, data_keys: DataKeys) -> None:
    create_signing_key(connection, data_keys, "ES256", "active", now=NOW)
    with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
        create_signing_key(connection, data_keys, "ES256", "active", now=NOW)


def test_only_an_announced_key_is_activated(connection, data_keys: DataKeys) -> None:
    kid = create_signing_key(connection, data_keys, "ES256", "active", now=NOW)
    for unknown in (kid, "nothing"):
        with pytest.raises(UnknownSigningKeyError):
            run(connection, activating_signing_key(unknown, now=NOW, publish_until=LATER))
    assert [key.state for key in load_signing_keys(connection, data_keys, NOW)] == ["active"]


def test_every_step_is_an_event_and_reaches_token_cores(postgres_dsn: str, data_keys: DataKeys, recorded) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        horizon = run(connection, first_horizon())
        old = create_signing_key(connection, data_keys, "ES256", "active", now=NOW)
        new = create_signing_key(connection, data_keys, "ES256", "announced", now=NOW)
        run(connection, activating_signing_key(new, now=NOW, publish_until=LATER))
    assert [event.type for event in recorded()] == [
        "signing_key.created", "signing_key.activated", "signing_key.created", "signing_key.retired",
        "signing_key.activated",
    ]  # fmt: skip
    with psycopg.connect(postgres_dsn) as connection:
        _, changes = run(connection, poll_changes(horizon))
    assert {("key", old), ("key", new)} == {tuple(change) for change in changes}


async def test_token_cores_load_the_same_keys(postgres_dsn: str, async_connection, kms, kms_key_id: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        kid = create_signing_key(connection, DataKeys(kms_key_id, kms), "ES256", "active", now=NOW)
    (key,) = await load_signing_keys_async(async_connection, DataKeys(kms_key_id, kms), NOW)
    assert key.kid == kid


def test_a_key_put_under_another_kid_is_not_used(connection, data_keys: DataKeys) -> None:
    create_signing_key(connection, data_keys, "ES256", "active", now=NOW)
    connection.execute("UPDATE signing_keys SET kid = 'another'")
    with pytest.raises(UnsealError):
        load_signing_keys(connection, data_keys, NOW)
