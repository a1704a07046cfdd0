"""Sessions, consents, refresh families and not-before through the admin API, as the token core's own tables tell."""

from __future__ import annotations

import pytest

from shared.clock import utc_now
from shared.identity.registration import NewClient, creating_client
from shared.ids import new_id

_SESSION = """
INSERT INTO sign_in_sessions (id, user_id, secret_hash, amr, expires_at)
VALUES (%s, %s, '\\x00', '{pwd}', now() + interval '1 day')
"""
_FAMILY = """
INSERT INTO refresh_families (id, user_id, client_id, session_id, scopes, auth_time, amr, current_hash, idle_expires_at,
                              expires_at)
SELECT %s, %s, id, %s, '{openid}', now(), '{pwd}', '\\x00', now() + interval '1 day', now() + interval '1 day'
FROM clients WHERE client_id = 'web'
"""


class Person:
    def __init__(self, admin):
        self.id, self.session, self.family = admin.person(), new_id(), new_id()
        desk = admin.desk.connection
        if not admin.desk.rows("SELECT 1 FROM clients"):
            admin.do(creating_client(admin.recording, NewClient("web", "Web")))
        desk.execute(_SESSION, (self.session, self.id))
        desk.execute(_FAMILY, (self.family, self.id, self.session))
        desk.execute(
            "INSERT INTO consents (user_id, client_id, scopes) SELECT %s, id, '{openid}' FROM clients", (self.id,)
        )


@pytest.fixture
def person(admin):
    return Person(admin)


async def listed(admin, person, what):
    page = (await admin.get(f"/users/{person.id}/{what}")).json()
    return [item.get("id") or item["client_id"] for item in page["items"]]


async def test_a_session_ends_with_its_families_once(admin, desk, person):
    assert await listed(admin, person, "sessions") == [str(person.session)]
    assert await listed(admin, person, "refresh-families") == [str(person.family)]
    for _ in range(2):
        assert (await admin.send("DELETE", f"/sessions/{person.session}")).status_code == 204
    assert await listed(admin, person, "sessions") == []
    assert await listed(admin, person, "refresh-families") == []
    every = (await admin.get(f"/users/{person.id}/sessions", show="all")).json()["items"]
    assert every[0]["end_reason"] == "ended_by_administrator"
    assert [event["type"] for event in desk.events("session.ended", "token.revoked")] == [
        "session.ended",
        "token.revoked",
    ]
    assert (await admin.send("DELETE", f"/sessions/{new_id()}")).status_code == 404


async def test_a_family_ends_alone_and_a_consent_with_what_came_of_it(admin, desk, person):
    assert (await admin.send("DELETE", f"/refresh-families/{person.family}")).status_code == 204
    assert await listed(admin, person, "sessions") == [str(person.session)]
    other = Person(admin)
    assert await listed(admin, other, "consents") == ["web"]
    assert (await admin.send("DELETE", f"/users/{other.id}/consents/web")).status_code == 204
    assert await listed(admin, other, "refresh-families") == []
    assert (await admin.send("DELETE", f"/users/{other.id}/consents/web")).status_code == 404
    assert desk.events("consent.revoked")[0]["subject"] == other.id


async def test_signing_a_person_out_ends_all_they_have_and_nothing_of_others(admin, desk, person):
    other = Person(admin)
    answer = await admin.send("POST", f"/users/{person.id}/sign-out")
    assert answer.json() == {"sessions": 1, "refresh_families": 1}
    assert await listed(admin, other, "sessions") == [str(other.session)]
    assert len(desk.events("user.access_ended")) == 1


async def test_an_administrator_who_is_signed_out_has_to_sign_in_again(admin):
    other = admin.person("users:read")
    before = {"authorization": f"Bearer {_token(other)}"}
    assert (await admin.client.get("/users", headers=before)).status_code == 200
    await admin.send("POST", f"/users/{other}/sign-out")
    assert (await admin.client.get("/users", headers=before)).status_code == 401


async def test_signing_a_client_out_revokes_its_families(admin, desk, person):
    answer = await admin.send("POST", "/clients/web/sign-out")
    assert answer.json() == {"sessions": 0, "refresh_families": 1}
    assert await listed(admin, person, "sessions") == [str(person.session)]
    assert desk.rows("SELECT not_before FROM clients")[0]["not_before"] is not None
    assert (await admin.send("POST", "/clients/nobody/sign-out")).status_code == 404


async def test_signing_everybody_out_takes_the_words_and_ends_the_callers_token_too(admin, desk, person):
    refused = await admin.send("POST", "/platform/sign-out", {"confirm": "yes"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "confirm")
    before = admin.headers()
    answer = await admin.client.post("/platform/sign-out", json={"confirm": "sign everybody out"}, headers=before)
    assert answer.status_code == 200, answer.text
    assert (await admin.client.get("/users", headers=before)).status_code == 401
    assert await listed(admin, person, "sessions") == []
    assert await listed(admin, person, "refresh-families") == []
    assert desk.events("platform.access_ended")[0]["actor"] == admin.subject
    assert desk.rows("SELECT instant FROM platform_instants")[0]["instant"] <= utc_now()


def _token(subject):
    from tests.fixtures.administration import token

    return token(subject)
