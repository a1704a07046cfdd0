"""Whatever the code asks of a table that grows, an index answers.

The planner is told to avoid sequential scans, so that on small tables, too, one is made only where no index serves; then the
story is played, and Postgres' own counters say which tables were scanned.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import pytest

from tests.fixtures.person import Person
from tests.fixtures.stack import eventually

pytestmark = pytest.mark.alone

GROWING = (
    "users",
    "password_credentials",
    "clients",
    "client_secrets",
    "consents",
    "role_bindings",
    "sign_in_sessions",
    "device_credentials",
    "guess_budgets",
    "refresh_families",
    "redeemed_codes",
    "revoked_access_tokens",
    "subject_keys",
    "outbox",
    "sealed_segments",
    "inbox",
    "parked_commands",
    "email_log",
    "authority_changes",
)
END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
SCANNED = """
SELECT relname, seq_scan FROM pg_stat_user_tables
 WHERE seq_scan > 0 AND regexp_replace(relname, '_(p?[0-9_]+|default)$', '') = ANY(%s)
"""


@pytest.fixture
def planner_without_scans(stack):
    """For every connection of the platform: those that are open are ended and come back."""

    def tell(setting: str) -> None:
        with stack.postgres() as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} {setting}")
            connection.execute(END_OTHERS, [connection.info.dbname])

    tell("SET enable_seqscan = off")
    yield
    tell("RESET enable_seqscan")


def test_every_query_has_its_index(stack, planner_without_scans):
    facts = stack.facts
    web, api = facts["demo"]["web_client"], facts["demo"]["api_client"]
    run = uuid.uuid4().hex[:10]
    external_id, email = f"idx-{run}", f"idx.{run}@people.example"

    def command(kind: str, **payload):
        stack.provision(
            {
                "command_id": f"{kind}-{run}",
                "type": kind,
                "version": 1,
                "issued_at": datetime.now(UTC).isoformat(),
                "user": {"external_id": external_id},
                "payload": payload,
            },
            group=external_id,
        )

    with stack.http() as http:
        eventually(lambda: http.get(f"{facts['issuer']}/health/ready").json()["status"] == "ready", "ready again")
        with stack.postgres() as connection:
            connection.execute("SELECT pg_stat_reset()")

        command("user.create", email=email, roles=["clerk"])
        link = re.search(r"\S+/password/set\?\S+", eventually(lambda: stack.mails(email), "mail")[0]["text"]).group()
        person = Person(http, facts["issuer"], email, "ein sehr langer satz 42")
        person.submit(http.get(link), password=person.password, repeated=person.password)
        tokens = person.tokens(web, "openid email offline_access orders:read")
        auth = (web["client_id"], web["client_secret"])

        def post(path, auth=auth, **form):
            answer = http.post(f"{facts['issuer']}{path}", data=form, auth=auth)
            assert answer.status_code == 200, answer.text
            return answer

        refreshed = post("/oauth2/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
        bearer = {"Authorization": f"Bearer {refreshed['access_token']}"}
        assert http.get(f"{facts['issuer']}/oauth2/userinfo", headers=bearer).status_code == 200
        introspect = (api["client_id"], api["client_secret"])
        assert post("/oauth2/introspect", introspect, token=refreshed["access_token"]).json()["active"]
        post("/oauth2/revoke", token=refreshed["access_token"])
        post("/oauth2/revoke", token=refreshed["refresh_token"])
        person.submit(http.get(f"{facts['issuer']}/password/forgot"), email=email)
        command("user.assign_roles", roles=["supervisor"])
        command("user.update", email=f"new.{email}")
        command("user.disable")
        command("user.erase")

        def erased():
            with stack.postgres() as connection:
                return connection.execute(
                    "SELECT 1 FROM inbox WHERE sender = %s AND command_id = %s AND state = 'applied'",
                    ["AIDALOCALDEVELOPER00", f"user.erase-{run}"],
                ).fetchone()

        eventually(erased, "the user's end")

        client = stack.clickhouse()
        eventually(
            lambda: client.query("SELECT count() FROM events WHERE type = 'user.erased'").result_rows[0][0],
            "the end in ClickHouse",
        )
    assert scanned_tables(stack) == set(), "no index serves some query on these"

    with stack.postgres() as connection:  # the same counters do tell of a query that has none
        connection.execute("SELECT 1 FROM users WHERE profile ->> 'name' = 'nobody'")
    eventually(lambda: "users" in scanned_tables(stack), "the scan that was just made")


def scanned_tables(stack) -> set[str]:
    """Growing tables that were read from end to end. Connections are ended first, because they count in batches."""
    with stack.postgres() as connection:
        connection.execute(END_OTHERS, [connection.info.dbname])
        return {row[0] for row in connection.execute(SCANNED, [list(GROWING)]).fetchall()}
