"""The story that the platform is for: from a message on a queue to rows in Parquet and ClickHouse, once each.

Told with what an outsider has: stack.json, boto3, Chromium, npm openid-client, pyarrow, SQL.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.fixtures.browser import chromium
from tests.fixtures.stack import eventually

pytestmark = pytest.mark.alone

PASSWORD = "pflaumenkuchen mit sahne 7"


@pytest.fixture
def browser_page():
    """Chromium. Its own store of authorities is the machine's; that the stack's certificate verifies is openid-client's part."""
    with chromium() as browser:
        yield browser.new_page(ignore_https_errors=True)


def test_a_person_from_provisioning_to_the_audit(stack, openid_client, browser_page):
    facts = stack.facts
    web = facts["demo"]["web_client"]
    run = uuid.uuid4().hex[:10]
    external_id, email = f"emp-{run}", f"ada.{run}@people.example"

    # A backend drops a message on the queue ...
    command_id = f"create-{run}"
    stack.provision(
        {
            "command_id": command_id,
            "type": "user.create",
            "version": 1,
            "issued_at": datetime.now(UTC).isoformat(),
            "user": {"external_id": external_id},
            "payload": {"email": email, "profile": {"name": "Ada Lovelace", "given_name": "Ada"}},
        },
        group=external_id,
    )

    # ... the user appears ...
    with stack.postgres() as connection:
        user_id = eventually(
            lambda: connection.execute("SELECT id FROM users WHERE external_id = %s", [external_id]).fetchone(),
            "the user in Postgres",
        )[0]
    subject = str(user_id)

    # ... and gets a mail, whose link sets a password.
    mail = eventually(lambda: stack.mails(email), "the welcome mail")[0]
    link = re.search(rf"{re.escape(facts['issuer'])}/password/set\?\S+", mail["text"]).group()
    browser_page.goto(link)
    for field in browser_page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    browser_page.get_by_role("button").last.click()
    browser_page.wait_for_load_state()
    assert "ap_ln_" not in browser_page.content()

    # They sign in with it, and an unmodified OpenID Connect client gets tokens.
    openid_client.call(
        "discover", issuer=facts["issuer"], client_id=web["client_id"], client_secret=web["client_secret"]
    )
    asked = openid_client.call(
        "authorize",
        redirect_uri=web["redirect_uri"],
        scope="openid profile email offline_access",
        prompt="login consent",
    )
    browser_page.goto(asked["url"])
    browser_page.get_by_label("E-mail").fill(email)
    browser_page.get_by_label("Password", exact=True).fill(PASSWORD)
    browser_page.get_by_role("button", name="Sign in").click()
    browser_page.wait_for_load_state()
    if browser_page.get_by_role("button", name="Allow", exact=True).count():
        browser_page.get_by_role("button", name="Allow", exact=True).click()
    browser_page.wait_for_url(re.compile(re.escape(web["redirect_uri"]) + r"\?.*code="))
    tokens = openid_client.call("callback", url=browser_page.url)
    assert tokens["claims"]["sub"] == subject
    userinfo = openid_client.call("userinfo", access_token=tokens["access_token"], subject=subject)
    assert (userinfo["email"], userinfo["name"]) == (email, "Ada Lovelace")

    # They are refreshed, and revoked.
    refreshed = openid_client.call("refresh", refresh_token=tokens["refresh_token"])
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    openid_client.call("revoke", token=refreshed["refresh_token"])
    refused = openid_client.attempt("refresh", refresh_token=refreshed["refresh_token"])
    assert refused["error"] == "invalid_grant"

    # Every one of these steps is in the lake and in ClickHouse, once each.
    jtis = {claims_of(one)["jti"] for one in (tokens["access_token"], refreshed["access_token"])}
    expected = Counter(
        {
            "user.created": 1,
            "command.applied": 1,
            "email.requested": 1,  # the welcome
            "email.sent": 1,
            "password.set": 1,
            "email.verified": 1,
            "sign_in.succeeded": 1,
            "consent.granted": 1,
            "authorization_code.issued": 1,
            "token.issued": 2,
            "token.revoked": 1,
        }
    )

    def counted(rows):
        return Counter(row["type"] for row in rows if row["type"] in expected)

    def in_lake():
        rows = stack.lake_rows("subject = $subject", subject=subject)
        return rows if counted(rows) >= expected else None

    rows = eventually(in_lake, "all steps in Parquet")
    assert counted(rows) == expected
    assert {str(row["jti"]) for row in rows if row["type"] == "token.issued"} == jtis
    assert len({row["event_id"] for row in rows}) == len(rows)

    client = stack.clickhouse()

    def in_clickhouse():
        found = client.query("SELECT type FROM events WHERE subject = {s:String}", parameters={"s": subject})
        seen = Counter(row[0] for row in found.result_rows if row[0] in expected)
        return seen if seen >= expected else None

    assert eventually(in_clickhouse, "all steps in ClickHouse") == expected
    total = client.query(
        "SELECT count(), uniqExact(event_id) FROM events WHERE subject = {s:String}", parameters={"s": subject}
    ).result_rows[0]
    assert total[0] == total[1]


def claims_of(token: str) -> dict:
    import base64
    import json

    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
