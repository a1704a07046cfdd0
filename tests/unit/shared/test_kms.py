"""Data keys through a real KMS endpoint (moto server) and real Postgres."""

from __future__ import annotations

import psycopg
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from shared.aead import UnsealError
from shared.database.steps import run, run_async
from shared.ids import new_id
from shared.kms import DataKeys, ManifestSigner


class CountingKms:
    """The real client, counting what is asked of it."""

    def __init__(self, client) -> None:
        self.client, self.calls = client, []

    def __getattr__(self, name: str):
        def call(**arguments):
            self.calls.append(name)
            return getattr(self.client, name)(**arguments)

        return call


def test_what_one_process_wraps_another_unwraps(postgres_dsn: str, kms, kms_key_id: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        made = run(connection, DataKeys(kms_key_id, kms).current("signing"))
        wrapped = made.wrap(b"private", b"context")
    with psycopg.connect(postgres_dsn) as connection:
        found = run(connection, DataKeys(kms_key_id, kms).by_id(made.id))
        assert found.unwrap(wrapped, b"context") == b"private"
        with pytest.raises(UnsealError):
            found.unwrap(wrapped, b"another context")


def test_the_key_is_never_at_rest_in_the_clear(connection, data_keys: DataKeys) -> None:
    made = run(connection, data_keys.current("subject"))
    row = connection.execute("SELECT wrapped FROM data_keys").fetchone()
    assert made.key not in row[0]
    assert repr(made.key) not in repr(made)


def test_a_key_is_made_once_and_unwrapped_once_per_process(postgres_dsn: str, kms, kms_key_id: str) -> None:
    counting = CountingKms(kms)
    keys = DataKeys(kms_key_id, counting)
    with psycopg.connect(postgres_dsn) as connection:
        first = run(connection, keys.current("subject"))
    with psycopg.connect(postgres_dsn) as connection:
        assert [run(connection, keys.current("subject")) for _ in range(3)] == [first] * 3
        assert run(connection, keys.by_id(first.id)) == first
    assert counting.calls == ["generate_data_key", "decrypt"]


def test_a_key_of_a_transaction_that_failed_is_not_used_again(postgres_dsn: str, data_keys: DataKeys) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        lost = run(connection, data_keys.current("subject"))
        connection.rollback()
        kept = run(connection, data_keys.current("subject"))
        assert kept.id != lost.id


def test_a_retired_key_still_unwraps_but_wraps_no_more(connection, data_keys: DataKeys) -> None:
    old = run(connection, data_keys.current("subject"))
    connection.execute("UPDATE data_keys SET retired_at = now()")
    assert run(connection, data_keys.current("subject")).id != old.id
    assert run(connection, data_keys.by_id(old.id)) == old


def test_purposes_have_keys_of_their_own(connection, data_keys: DataKeys) -> None:
    assert run(connection, data_keys.current("subject")).id != run(connection, data_keys.current("signing")).id


def test_kms_binds_a_key_to_its_purpose(connection, kms, kms_key_id: str, data_keys: DataKeys) -> None:
    made = run(connection, data_keys.current("subject"))
    connection.execute("UPDATE data_keys SET purpose = 'signing'")
    with pytest.raises(ClientError):
        run(connection, DataKeys(kms_key_id, kms).by_id(made.id))


def test_an_unknown_key_is_a_lookup_error(connection, data_keys: DataKeys) -> None:
    with pytest.raises(LookupError):
        run(connection, data_keys.by_id(new_id()))


async def test_async_callers_get_the_same_key(postgres_dsn: str, async_connection, kms, kms_key_id: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        made = run(connection, DataKeys(kms_key_id, kms).current("subject"))
    assert await run_async(async_connection, DataKeys(kms_key_id, kms).current("subject")) == made


def test_a_manifest_is_signed_so_that_anybody_can_verify_it(kms) -> None:
    key_id = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signer = ManifestSigner(key_id, kms)
    signature = signer.sign(b"manifest")
    public_key = load_der_public_key(signer.public_key_der())
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    public_key.verify(signature, b"manifest", ec.ECDSA(SHA256()))
