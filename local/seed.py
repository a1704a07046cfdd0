"""`python -m local.seed`: a demo organisation with an API, roles, clients, people and a provisioning sender; made once.

What it made, with the secrets, is written as JSON to the file that its input (`SEED`) names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from argon2 import PasswordHasher

from events.control import ControlType
from events.envelope import PLATFORM
from events.payloads.sign_in import PasswordSet
from events.profile import Profile
from events.types import CommandType, EventType
from functions.admin_api.permissions import ADMIN_PERMISSIONS
from local.stack.layout import write_atomically
from shared.clock import utc_now
from shared.config import DatabaseSettings, DataKeySettings, PseudonymSettings, load_settings
from shared.database.outbox import inserting_events
from shared.database.steps import Statement, run
from shared.identity.recording import Recording
from shared.identity.registering_users import NewUser, creating_user
from shared.identity.registration import (
    NewClient,
    creating_client,
    creating_permission,
    creating_resource_server,
    creating_role,
    creating_scope,
    issuing_client_secret,
)
from shared.kms import DataKeys
from shared.signing_keys import creating_signing_key
from shared.subject_keys import SubjectKeys

if TYPE_CHECKING:
    from shared.database.steps import Steps

ORDERS = "https://orders.demo.example"
DEMO_ROLES = ("clerk", "supervisor")


class Settings(DatabaseSettings, DataKeySettings, PseudonymSettings):
    """What the seeds need of the platform's settings."""


def main() -> None:
    settings = load_settings(Settings)
    asked = json.loads(os.environ["SEED"])
    output = Path(asked["output"])
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        if output.exists() and connection.execute("SELECT 1 FROM clients LIMIT 1").fetchone():
            return
        seeds = Seeds(DataKeys(settings.kms_data_key_id), settings.pseudonym_key.get_secret_value(), asked)
        made = run(connection, seeds.everything())
        connection.commit()
    write_atomically(output, json.dumps(made, indent=2))


class Seeds:
    """All in one transaction: a stack is seeded or it isn't."""

    def __init__(self, data_keys: DataKeys, pseudonym_key: bytes, asked: dict[str, Any]) -> None:
        self._data_keys = data_keys
        self._subject_keys = SubjectKeys(data_keys)
        self._pseudonym_key = pseudonym_key
        self._asked = asked
        self._recording = Recording(actor=PLATFORM, now=utc_now())

    def everything(self) -> Steps[dict[str, Any]]:
        recording, asked = self._recording, self._asked
        yield from creating_signing_key(self._data_keys, "ES256", "active", now=recording.now)
        yield from creating_signing_key(self._data_keys, "RS256", "active", now=recording.now)
        yield from self._apis()
        yield from self._senders()
        user = yield from self._person("demo.user@people.example", "Dana Demo", asked["user_password"], ("supervisor",))
        admin = yield from self._person(
            "demo.admin@people.example", "Alex Admin", asked["admin_password"], ("administrator",)
        )
        machine = yield from self._client(
            NewClient(
                "demo-machine",
                "Demo machine",
                grant_types=("client_credentials",),
                allowed_scopes=("orders:read", "orders:write"),
            ),
            roles=("clerk",),
        )
        scopes = ("openid", "profile", "email", "offline_access", "orders:read", "orders:write", "admin")
        web = yield from self._client(
            NewClient(
                "demo-web",
                "Demo web application",
                redirect_uris=tuple(asked["callbacks"]),
                post_logout_redirect_uris=tuple(origin + "/" for origin in asked["origins"]),
                grant_types=("authorization_code", "refresh_token"),
                allowed_scopes=scopes,
            )
        )
        public = yield from self._client(
            NewClient(
                "demo-public",
                "Demo app on a device",
                client_type="public",
                token_endpoint_auth_method="none",  # noqa: S106  a method's name
                redirect_uris=("http://127.0.0.1/callback", *asked["callbacks"]),
                post_logout_redirect_uris=tuple(origin + "/" for origin in asked["origins"]),
                allowed_origins=tuple(asked["origins"]),
                grant_types=("authorization_code", "refresh_token"),
                allowed_scopes=scopes,
            )
        )
        api = yield from self._client(
            NewClient("demo-orders-api", "Demo orders API", resource_server_audience=ORDERS), roles=()
        )
        return {
            "machine_client": {**machine, "scope": "orders:read"},
            "web_client": web,
            "public_client": public,
            "api_client": {**api, "audience": ORDERS},
            "user": user,
            "admin": admin,
        }

    def _apis(self) -> Steps[None]:
        recording, admin_api = self._recording, self._asked["admin_api_audience"]
        yield from creating_resource_server(recording, ORDERS, "Demo orders API")
        yield from creating_permission(recording, ORDERS, "orders:read", "See orders")
        yield from creating_permission(recording, ORDERS, "orders:write", "Change orders")
        yield from creating_scope(recording, ORDERS, "orders:read", ["orders:read"], "See your orders")
        yield from creating_scope(recording, ORDERS, "orders:write", ["orders:write"], "Change your orders")
        yield from creating_resource_server(recording, admin_api, "Admin API")
        for name, description in ADMIN_PERMISSIONS.items():
            yield from creating_permission(recording, admin_api, name, description)
        yield from creating_scope(recording, admin_api, "admin", list(ADMIN_PERMISSIONS), "Administer the platform")
        yield from creating_role(recording, "clerk", [(ORDERS, "orders:read")], "Reads orders")
        yield from creating_role(
            recording, "supervisor", [(ORDERS, "orders:read"), (ORDERS, "orders:write")], "Reads and changes orders"
        )
        held = [(admin_api, name) for name in ADMIN_PERMISSIONS]
        held += [(ORDERS, "orders:read"), (ORDERS, "orders:write")]  # nobody grants what they don't hold
        yield from creating_role(recording, "administrator", held, "Administers the platform")

    def _senders(self) -> Steps[None]:
        policies: tuple[tuple[str, str, list[str], list[str]], ...] = (
            (self._asked["developer_sender_id"], "developer", [str(one) for one in CommandType], list(DEMO_ROLES)),
            (self._asked["platform_sender_id"], "admin API", [str(one) for one in ControlType], []),
        )
        for sender_id, name, commands, roles in policies:
            yield Statement(
                "INSERT INTO sender_policies (sender_id, name, commands, roles, scopes, secret_prefix)"
                " VALUES (%(sender_id)s, %(name)s, %(commands)s, %(roles)s, %(scopes)s, 'demo/clients/')",
                {
                    "sender_id": sender_id,
                    "name": name,
                    "commands": commands,
                    "roles": roles,
                    "scopes": ["orders:read", "orders:write"] if roles else [],
                },
            )

    def _person(self, email: str, name: str, password: str, roles: tuple[str, ...]) -> Steps[dict[str, str]]:
        new = NewUser(email=email, profile=Profile(name=name), email_verified=True)
        user_id = yield from creating_user(self._recording, new, self._subject_keys, self._pseudonym_key, roles)
        yield Statement(
            "INSERT INTO password_credentials (user_id, hash) VALUES (%(user_id)s, %(hash)s)",
            # other parameters than the token core's would only be rehashed at the first sign-in
            {"user_id": user_id, "hash": PasswordHasher(2, 19_456, 1).hash(password)},
        )
        event = self._recording.event(EventType.PASSWORD_SET, PasswordSet(by="seed"), str(user_id))
        yield from inserting_events([event], self._recording.outbox_shards)
        return {"email": email, "password": password, "subject": str(user_id)}

    def _client(self, client: NewClient, roles: tuple[str, ...] = ()) -> Steps[dict[str, str]]:
        yield from creating_client(self._recording, client, roles)
        if client.client_type == "public":
            return {"client_id": client.client_id}
        issued = yield from issuing_client_secret(self._recording, client.client_id)
        return {"client_id": client.client_id, "client_secret": issued.secret}


if __name__ == "__main__":
    main()
