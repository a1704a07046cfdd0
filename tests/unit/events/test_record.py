from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.payloads.fields import Origin
from events.payloads.sign_in import SessionEnded, SignInSucceeded
from events.payloads.token import TokenIssued
from events.payloads.user import UserDetails
from events.record import UnregisteredPayloadError, build_event, build_issued_event
from events.types import EventType

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVENT_ID = UUID("0190f3a4-6c1e-7b2a-9d3e-5f60718293a4")
SUBJECT = "0190f3a4-6c1e-7b2a-9d3e-5f6071829300"


class ReversingCipher:
    key_id = "key-1"

    def encrypt(self, event_id: str, plaintext: bytes) -> str:
        return f"{event_id}:{plaintext[::-1].decode()}"


def build(**arguments):
    defaults = {
        "payload": SignInSucceeded(amr=("pwd",), device_known=False),
        "subject": SUBJECT,
        "actor": SUBJECT,
        "now": NOW,
        "event_id": EVENT_ID,
    }
    return build_event(arguments.pop("event_type", EventType.SIGN_IN_SUCCEEDED), **{**defaults, **arguments})


def test_an_event_has_the_payloads_version_and_its_text() -> None:
    event = build(request_id="req-12345678", client_id="shop", session_id=EVENT_ID)
    assert (event.event_id, event.type, event.version) == (str(EVENT_ID), "sign_in.succeeded", 1)
    assert (event.request_id, event.client_id, event.session_id) == ("req-12345678", "shop", str(EVENT_ID))
    assert event.payload == '{"amr":["pwd"],"device_known":false,"address_hash":null,"outcome":"success"}'
    assert type(event.type) is str


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (NOW, "2026-01-02T03:04:05.000000Z"),
        (NOW.replace(microsecond=7), "2026-01-02T03:04:05.000007Z"),
        (NOW.astimezone(timezone(timedelta(hours=9))), "2026-01-02T03:04:05.000000Z"),
    ],
)
def test_the_time_is_written_in_one_way(now: datetime, text: str) -> None:
    assert build(now=now).occurred_at == text


def test_personal_fields_are_encrypted_with_the_event_id() -> None:
    event = build(personal=Origin(address="203.0.113.7"), cipher=ReversingCipher())
    assert event.subject_key_id == "key-1"
    assert event.personal == f"{EVENT_ID}:" + '{"address":"203.0.113.7"}'[::-1]
    assert "203.0.113.7" not in event.to_json()


def test_personal_fields_of_an_erased_person_are_left_out_not_written_in_the_clear() -> None:
    event = build(personal=Origin(address="203.0.113.7"), cipher=None)
    assert (event.subject_key_id, event.personal) == (None, None)
    assert "203.0.113.7" not in event.to_json()


def test_a_payload_of_another_type_is_refused() -> None:
    with pytest.raises(UnregisteredPayloadError):
        build(payload=SessionEnded(reason="signed_out"))


def test_personal_fields_of_another_type_are_refused() -> None:
    with pytest.raises(UnregisteredPayloadError):
        build(personal=UserDetails(email="a@example.com"), cipher=ReversingCipher())


def test_a_payload_takes_no_field_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        SessionEnded(reason="signed_out", email="a@example.com")


def test_a_lone_surrogate_never_gets_into_a_payload() -> None:
    with pytest.raises(ValidationError):
        SignInSucceeded(amr=("\ud800",), device_known=False)


def test_a_refused_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        SessionEnded(reason="Hunter2 was my password")
    assert "Hunter2" not in str(caught.value)


@given(
    grant_type=st.text(min_size=1, max_size=20),
    audience=st.lists(st.text(min_size=1, max_size=20), max_size=3).map(tuple),
    scope=st.text(max_size=40) | st.just('"jti":"-"') | st.just('"expires_at":0,"family_id":null,"generation":null'),
    expires_at=st.integers(0, 2**40),
    family_id=st.none() | st.uuids(),
    generation=st.none() | st.integers(1, 2**31),
    session_id=st.none() | st.uuids(),
)
def test_the_event_of_every_token_is_the_one_that_its_model_makes(
    grant_type, audience, scope, expires_at, family_id, generation, session_id
) -> None:
    own = {"jti": str(EVENT_ID), "expires_at": expires_at, "generation": generation}
    shared = {"grant_type": grant_type, "audience": audience, "scope": scope}
    of = {
        "subject": SUBJECT, "actor": "client:a", "now": NOW, "event_id": str(EVENT_ID), "request_id": "r", "client_id": "a",
        "session_id": session_id,
    }  # fmt: skip
    payload = TokenIssued(**shared, **own, family_id=None if family_id is None else str(family_id))
    assert build_issued_event(**shared, **own, **of, family_id=family_id) == build_event(
        EventType.TOKEN_ISSUED, payload=payload, **of
    )


def test_a_value_that_the_contract_does_not_take_is_no_issued_event() -> None:
    with pytest.raises(ValidationError):
        build_issued_event(
            grant_type="g", jti="j", audience=("a",), scope="s" * 2049, expires_at=1, family_id=None, generation=None,
            subject="s", actor="a", now=NOW, event_id=str(EVENT_ID), request_id=None, client_id="c", session_id=None,
        )  # fmt: skip
