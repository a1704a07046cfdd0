"""What administrators and seeds create is written with its events and its notes to token cores, or not at all."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from events.profile import Profile
from shared import secret_format
from shared.database.authority import first_horizon, poll_changes
from shared.database.steps import run
from shared.identity.email import InvalidEmail
from shared.identity.mails import requesting_email
from shared.identity.recording import Recording
from shared.identity.registering_users import NewUser, assigning_user_roles, creating_user
from shared.identity.registration import (
    AlreadyExistsError,
    NewClient,
    RegistrationError,
    UnknownNameError,
    assigning_client_roles,
    creating_client,
    creating_permission,
    creating_resource_server,
    creating_role,
    creating_scope,
    issuing_client_secret,
    revoking_client_secret,
)
from shared.ids import new_id
from shared.pseudonyms import identifier_hash

NOW = datetime.now(UTC)
AUDIENCE = "https://orders.example.com"
BY_ADA = Recording("0190f3a4-6c1e-7b2a-9d3e-5f60718293a4", NOW, "req-12345678")
KEY = b"p" * 32


@pytest.fixture
def organisation(postgres_dsn: str):
    with psycopg.connect(postgres_dsn, autocommit=True) as connection, connection.transaction():
        run(connection, creating_resource_server(BY_ADA, AUDIENCE, "Orders"))
        run(connection, creating_permission(BY_ADA, AUDIENCE, "orders:read"))
        run(connection, creating_scope(BY_ADA, AUDIENCE, "orders.read", ["orders:read"], "See your orders"))
        run(connection, creating_role(BY_ADA, "orders-reader", [(AUDIENCE, "orders:read")]))
        run(
            connection,
            creating_client(BY_ADA, NewClient("shop", "Shop", grant_types=("client_credentials",)), ["orders-reader"]),
        )
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        yield connection


def test_each_thing_created_is_an_event_by_its_creator(organisation, recorded) -> None:
    events = recorded()
    assert [event.type for event in events] == [
        "resource_server.created", "permission.created", "scope.created", "role.created", "client.created",
        "client.roles_assigned",
    ]  # fmt: skip
    assert {(event.actor, event.request_id) for event in events} == {(BY_ADA.actor, "req-12345678")}
    assert events[3].subject == "role:orders-reader"
    assert (events[4].subject, events[4].client_id) == ("client:shop", "shop")
    assert json.loads(events[3].payload)["permissions"] == [f"{AUDIENCE} orders:read"]


def test_a_change_and_its_event_are_rolled_back_together(organisation, recorded) -> None:
    before = len(recorded())
    with pytest.raises(UnknownNameError), organisation.transaction():
        run(organisation, creating_client(BY_ADA, NewClient("other", "Other"), ["no-such-role"]))
    assert len(recorded()) == before
    assert organisation.execute("SELECT count(*) FROM clients").fetchone() == (1,)


@pytest.mark.parametrize(
    ("steps", "error", "field"),
    [
        (lambda: creating_resource_server(BY_ADA, AUDIENCE, "x"), AlreadyExistsError, "audience"),
        (lambda: creating_permission(BY_ADA, AUDIENCE, "orders:read"), AlreadyExistsError, "name"),
        (lambda: creating_permission(BY_ADA, AUDIENCE, "Orders Read"), RegistrationError, "name"),
        (lambda: creating_permission(BY_ADA, "https://nowhere", "a:b"), UnknownNameError, "audience"),
        (lambda: creating_scope(BY_ADA, AUDIENCE, "orders.read", []), AlreadyExistsError, "name"),
        (lambda: creating_scope(BY_ADA, AUDIENCE, "openid", []), RegistrationError, "name"),
        (lambda: creating_scope(BY_ADA, AUDIENCE, "new", ["orders:fly"]), UnknownNameError, "permissions"),
        (lambda: creating_role(BY_ADA, "orders-reader", []), AlreadyExistsError, "name"),
        (lambda: creating_role(BY_ADA, "Orders", []), RegistrationError, "name"),
        (lambda: creating_role(BY_ADA, "new", [("https://nowhere", "orders:read")]), UnknownNameError, "permissions"),
        (lambda: creating_client(BY_ADA, NewClient("shop", "x")), AlreadyExistsError, "client_id"),
        (lambda: assigning_client_roles(BY_ADA, "nobody", ["orders-reader"]), UnknownNameError, "client_id"),
        (lambda: issuing_client_secret(BY_ADA, "nobody"), UnknownNameError, "client_id"),
        (lambda: revoking_client_secret(BY_ADA, "shop", new_id()), UnknownNameError, "client_secret_id"),
    ],
)
def test_what_contradicts_what_there_is_is_refused_and_named(organisation, recorded, steps, error, field) -> None:
    before = len(recorded())
    with pytest.raises(error) as caught, organisation.transaction():
        run(organisation, steps())
    assert caught.value.field == field
    assert len(recorded()) == before


def test_a_secret_is_shown_once_and_kept_as_a_hash(organisation, recorded) -> None:
    issued = run(organisation, issuing_client_secret(BY_ADA, "shop"))
    assert secret_format.is_well_formed("ap_cs_", issued.secret)
    assert issued.secret not in repr(issued)
    assert organisation.execute("SELECT hash FROM client_secrets").fetchall() == [
        (secret_format.sha256(issued.secret),)
    ]
    assert all(issued.secret[6:] not in event.to_json() for event in recorded())
    assert json.loads(recorded()[-1].payload)["client_secret_id"] == str(issued.id)


def test_two_secrets_live_so_that_one_can_be_rotated_and_never_three(organisation) -> None:
    first = run(organisation, issuing_client_secret(BY_ADA, "shop"))
    run(organisation, issuing_client_secret(BY_ADA, "shop"))
    with pytest.raises(RegistrationError, match="two live secrets"):
        run(organisation, issuing_client_secret(BY_ADA, "shop"))
    run(organisation, revoking_client_secret(BY_ADA, "shop", first.id))
    run(organisation, issuing_client_secret(BY_ADA, "shop"))


def test_an_expired_secret_makes_room(organisation) -> None:
    for _ in range(2):
        run(organisation, issuing_client_secret(BY_ADA, "shop", NOW - timedelta(seconds=1)))
    run(organisation, issuing_client_secret(BY_ADA, "shop"))


def test_of_many_that_ask_at_once_two_get_a_secret(organisation, postgres_dsn: str) -> None:
    def ask(_: int) -> bool:
        try:
            with psycopg.connect(postgres_dsn) as connection:
                run(connection, issuing_client_secret(BY_ADA, "shop"))
        except RegistrationError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 2


def test_a_public_client_gets_no_secret(organisation) -> None:
    run(
        organisation,
        creating_client(BY_ADA, NewClient("app", "App", client_type="public", token_endpoint_auth_method="none")),
    )
    with pytest.raises(RegistrationError, match="public client"):
        run(organisation, issuing_client_secret(BY_ADA, "app"))


def test_token_cores_hear_of_every_change(organisation, subject_key_store) -> None:
    horizon = run(organisation, first_horizon())
    with organisation.transaction():
        run(organisation, creating_role(BY_ADA, "auditor", []))
        run(organisation, assigning_client_roles(BY_ADA, "shop", ["auditor"]))
        user_id = run(organisation, creating_user(BY_ADA, NewUser("ada@example.com"), subject_key_store, KEY))
    _, changes = run(organisation, poll_changes(horizon))
    assert {tuple(change) for change in changes} == {("role", "auditor"), ("client", "shop"), ("user", str(user_id))}


def test_a_users_details_are_in_the_event_encrypted_only(organisation, recorded, subject_key_store) -> None:
    user = NewUser("Ada@Example.com", "emp-1815", Profile(name="Ada Lovelace"), email_verified=True)
    with organisation.transaction():
        user_id = run(organisation, creating_user(BY_ADA, user, subject_key_store, KEY, ["orders-reader"]))
    created, assigned = recorded()[-2:]
    assert (created.type, created.subject, assigned.type) == ("user.created", str(user_id), "user.roles_assigned")
    assert json.loads(created.payload)["external_id_hash"] == identifier_hash(KEY, "emp-1815")
    for personal in ("Ada", "Lovelace", "emp-1815", "xample.com"):
        assert personal not in created.to_json()
    key = subject_key_store.get_or_create(organisation, str(user_id))
    details = json.loads(key.decrypt(created.event_id, created.personal))
    assert details == {"email": "Ada@Example.com", "profile": {"name": "Ada Lovelace"}, "external_id": "emp-1815"}
    row = organisation.execute(
        "SELECT email, email_canonical, profile, status, email_verified_at IS NOT NULL FROM users"
    ).fetchone()
    assert row == ("Ada@Example.com", "ada@example.com", {"name": "Ada Lovelace"}, "active", True)


@pytest.mark.parametrize(
    ("user", "field"),
    [(NewUser("ADA@example.com", "emp-2"), "email"), (NewUser("other@example.com", "emp-1815"), "external_id")],
)
def test_an_address_or_external_id_is_one_persons(organisation, subject_key_store, user, field) -> None:
    run(organisation, creating_user(BY_ADA, NewUser("ada@example.com", "emp-1815"), subject_key_store, KEY))
    with pytest.raises(AlreadyExistsError) as caught:
        run(organisation, creating_user(BY_ADA, user, subject_key_store, KEY))
    assert caught.value.field == field


def test_a_malformed_address_creates_nobody(organisation, subject_key_store) -> None:
    with pytest.raises(InvalidEmail):
        run(organisation, creating_user(BY_ADA, NewUser("not an address"), subject_key_store, KEY))


def test_a_role_is_held_once_and_told_of_once(organisation, recorded, subject_key_store) -> None:
    user_id = run(organisation, creating_user(BY_ADA, NewUser("ada@example.com"), subject_key_store, KEY))
    assert run(organisation, assigning_user_roles(BY_ADA, user_id, ["orders-reader"])) == ("orders-reader",)
    before = len(recorded())
    assert run(organisation, assigning_user_roles(BY_ADA, user_id, ["orders-reader"])) == ()
    assert len(recorded()) == before
    with pytest.raises(UnknownNameError):
        run(organisation, assigning_user_roles(BY_ADA, user_id, ["no-such-role"]))


def test_a_mail_is_a_row_without_address_or_secret(organisation, recorded) -> None:
    user_id = new_id()
    email_id = run(
        organisation,
        requesting_email(BY_ADA, user_id, "welcome", link_purpose="set_password", link_lives=timedelta(days=1)),
    )
    row = organisation.execute(
        "SELECT id, user_id, template, state, link_purpose, link_expires_at FROM email_log"
    ).fetchone()
    assert row == (email_id, user_id, "welcome", "queued", "set_password", NOW + timedelta(days=1))
    assert recorded()[-1].type == "email.requested"
