from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from pydantic import ValidationError

from events.payloads.fields import Origin
from events.payloads.sign_in import SessionEnded, SignInSucceeded
from events.payloads.user import UserDetails
from events.record import UnregisteredPayloadError, build_event
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
