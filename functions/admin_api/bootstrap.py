"""`python -m functions.admin_api.bootstrap --email ADDRESS`: makes the first administrator, once, and closes for good.

In one transaction: the admin API with its permissions and scope, the role `administrator`, a user who holds it with a
welcome mail whose link sets the password, the public client `admin-cli` to sign in with (its redirect URI is on the
loopback: RFC 8252), and signing keys where there are none. It leaves the event `platform.bootstrapped`, and a row that
refuses every second run, whoever asks, also after that administrator is gone. No secret is printed: there is none.

Exit codes: 0 made, 1 closed already or contradicted, 2 wrong settings or arguments.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from events.envelope import PLATFORM
from events.payloads.platform import PlatformBootstrapped
from events.types import EventType
from functions.admin_api.config import BootstrapSettings
from functions.admin_api.permissions import ADMIN_PERMISSIONS, ROLE, SCOPE
from shared.clock import utc_now
from shared.config import load_settings
from shared.database.outbox import inserting_events
from shared.database.steps import Statement, run
from shared.identity.email import InvalidEmail
from shared.identity.mails import requesting_email
from shared.identity.recording import Recording
from shared.identity.registering_users import NewUser, creating_user
from shared.identity.registration import (
    NewClient,
    RegistrationError,
    creating_client,
    creating_permission,
    creating_resource_server,
    creating_role,
    creating_scope,
)
from shared.kms import DataKeys
from shared.signing_keys import creating_signing_key
from shared.subject_keys import SubjectKeys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from shared.database.steps import Steps

CLIENT_ID = "admin-cli"
REDIRECT_URI = "http://127.0.0.1/callback"


class ClosedError(Exception):
    """There is a first administrator, or was."""


def bootstrapping(
    recording: Recording,
    email: str,
    audience: str,
    data_keys: DataKeys,
    subject_keys: SubjectKeys,
    pseudonym_key: bytes,
    welcome_link: timedelta,
) -> Steps[UUID]:
    """All of it, in the caller's transaction. Returns the administrator's id.

    Raises:
        ClosedError: it was done before, or somebody holds an administrator's role already.
        RegistrationError, shared.identity.email.InvalidEmail: what is asked contradicts what there is.
    """
    claimed = yield Statement(
        "INSERT INTO platform_instants (name, instant, actor) VALUES ('bootstrapped', %(now)s, %(actor)s)"
        " ON CONFLICT (name) DO NOTHING RETURNING name",
        {"now": recording.now, "actor": recording.actor},
    )
    administrators = yield Statement(
        "SELECT 1 FROM role_bindings b JOIN roles r ON r.id = b.role_id WHERE r.name = %(role)s LIMIT 1", {"role": ROLE}
    )
    if not claimed or administrators:
        raise ClosedError
    yield from _api(recording, audience)
    new = NewUser(email=email)
    user_id = yield from creating_user(recording, new, subject_keys, pseudonym_key, (ROLE,))
    yield from requesting_email(recording, user_id, "welcome", link_purpose="set_password", link_lives=welcome_link)
    client = NewClient(
        CLIENT_ID,
        "Administration",
        client_type="public",
        token_endpoint_auth_method="none",  # noqa: S106 - a method's name
        redirect_uris=(REDIRECT_URI,),
        grant_types=("authorization_code", "refresh_token"),
        allowed_scopes=("openid", "offline_access", SCOPE),
    )
    yield from creating_client(recording, client)
    keys = yield Statement("SELECT algorithm FROM signing_keys WHERE state = 'active'", {})
    active = {algorithm for (algorithm,) in keys}
    for algorithm in ("ES256", "RS256"):
        if algorithm not in active:
            yield from creating_signing_key(
                data_keys, algorithm, "active", now=recording.now, shard_count=recording.outbox_shards
            )
    payload = PlatformBootstrapped(user_id=str(user_id), role=ROLE, client_id=CLIENT_ID)
    event = recording.event(EventType.PLATFORM_BOOTSTRAPPED, payload, PLATFORM)
    yield from inserting_events([event], recording.outbox_shards)
    return user_id


def _api(recording: Recording, audience: str) -> Steps[None]:
    yield from creating_resource_server(recording, audience, "Admin API")
    for name, description in ADMIN_PERMISSIONS.items():
        yield from creating_permission(recording, audience, name, description)
    yield from creating_scope(recording, audience, SCOPE, list(ADMIN_PERMISSIONS), "Administer the platform")
    carried = [(audience, name) for name in ADMIN_PERMISSIONS]
    yield from creating_role(recording, ROLE, carried, "Administers the platform")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m functions.admin_api.bootstrap", description=__doc__)
    parser.add_argument("--email", required=True, help="the first administrator's address")
    asked = parser.parse_args(arguments)
    settings = load_settings(BootstrapSettings)
    data_keys = DataKeys(settings.kms_data_key_id)
    recording = Recording(PLATFORM, utc_now(), outbox_shards=settings.outbox_shards)
    try:
        with psycopg.connect(settings.database_url.get_secret_value(), prepare_threshold=None) as connection:
            user_id = run(
                connection,
                bootstrapping(
                    recording,
                    asked.email,
                    settings.admin_api_audience,
                    data_keys,
                    SubjectKeys(data_keys),
                    settings.pseudonym_key.get_secret_value(),
                    timedelta(days=1),
                ),
            )
    except ClosedError:
        sys.stderr.write("closed: the first administrator was made before; ask an administrator\n")
        return 1
    except (RegistrationError, InvalidEmail) as error:
        sys.stderr.write(f"nothing was changed: {error}\n")
        return 1
    sys.stdout.write(f"administrator {user_id}: a mail with a link that sets the password is on its way\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
