"""What is registered in the token core: a machine client, a web client, and a signed-in person per family."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import redis

from shared.database.steps import run
from shared.identity.recording import Recording
from shared.identity.registration import (
    NewClient,
    creating_client,
    creating_permission,
    creating_resource_server,
    creating_role,
    creating_scope,
    issuing_client_secret,
)
from shared.ids import new_id
from shared.signing_keys import create_signing_key
from token_core.tokens.authorization_code import AuthorizationCode, code_hash, make_code

if TYPE_CHECKING:
    import uuid

    from shared.kms import DataKeys

API = "https://orders.example"
SCOPES = ("openid", "offline_access", "orders.read")
REDIRECT_URI = "https://app.example/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass(frozen=True)
class Secrets:
    machine: str
    web: str


def register(dsn: str, data_keys: DataKeys) -> Secrets:
    """The organisation; returns its clients' secrets."""
    now = datetime.now(UTC)
    recording = Recording("benchmark", now)
    with psycopg.connect(dsn) as connection:
        for algorithm in ("ES256", "RS256"):
            create_signing_key(connection, data_keys, algorithm, "active", now=now)
        run(connection, creating_resource_server(recording, API, "orders"))
        for action in ("read", "write"):
            run(connection, creating_permission(recording, API, f"orders:{action}"))
            run(connection, creating_scope(recording, API, f"orders.{action}", [f"orders:{action}"]))
        run(connection, creating_role(recording, "clerk", [(API, "orders:read"), (API, "orders:write")]))
        machine = NewClient(
            "machine", "Machine", grant_types=("client_credentials",), allowed_scopes=("orders.read", "orders.write")
        )
        web = NewClient(
            "web",
            "Web",
            grant_types=("authorization_code", "refresh_token"),
            redirect_uris=(REDIRECT_URI,),
            allowed_scopes=SCOPES,
        )
        run(connection, creating_client(recording, machine, ("clerk",)))
        run(connection, creating_client(recording, web, ()))
        return Secrets(*(run(connection, issuing_client_secret(recording, name)).secret for name in ("machine", "web")))


def issue_codes(dsn: str, redis_url: str, count: int) -> list[str]:
    """As many signed-in people, each with a code as the authorization endpoint leaves it in Redis."""
    codes = []
    with psycopg.connect(dsn) as connection, redis.RedisCluster.from_url(redis_url) as store:
        for _ in range(count):
            user_id, session_id = new_id(), new_id()
            _insert_person(connection, user_id, session_id)
            code, content = _code(user_id, session_id)
            store.set(f"code:{{{code_hash(code).hex()}}}", content.to_json(), ex=60)
            codes.append(code)
    return codes


def _insert_person(connection: psycopg.Connection[Any], user_id: uuid.UUID, session_id: uuid.UUID) -> None:
    email = f"{user_id}@example.com"
    connection.execute(
        "INSERT INTO users (id, email, email_canonical, email_verified_at, profile) VALUES (%s, %s, %s, now(), %s)",
        (user_id, email, email, json.dumps({"name": "Ada Example"})),
    )
    connection.execute(
        "INSERT INTO role_bindings (id, role_id, user_id, granted_by)"
        " SELECT %s, id, %s, 'benchmark' FROM roles WHERE name = 'clerk'",
        (new_id(), user_id),
    )
    connection.execute(
        "INSERT INTO sign_in_sessions (id, user_id, secret_hash, amr, expires_at) VALUES (%s, %s, %s, %s, %s)",
        (session_id, user_id, b"x", ["pwd"], datetime.now(UTC) + timedelta(hours=8)),
    )


def _code(user_id: uuid.UUID, session_id: uuid.UUID) -> tuple[str, AuthorizationCode]:
    now = datetime.now(UTC)
    content = AuthorizationCode(
        client_id="web", user_id=user_id, session_id=session_id, redirect_uri=REDIRECT_URI, scopes=SCOPES,
        nonce="n-0S6_WzA2Mj", code_challenge=CHALLENGE, auth_time=int(now.timestamp()), amr=("pwd",), acr=None,
        issued_at_ms=int(now.timestamp() * 1000),
    )  # fmt: skip
    return make_code(now), content
