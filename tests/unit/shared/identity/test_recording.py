from __future__ import annotations

import json
from datetime import UTC, datetime

from events.payloads.sign_in import SessionEnded
from events.types import EventType
from shared.identity.recording import Recording
from shared.ids import new_id

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_all_events_of_one_piece_of_work_tell_the_same_actor_request_and_time() -> None:
    recording = Recording("user:1", NOW, "request-1")
    session_id = new_id()
    one, two = (
        recording.event(EventType.SESSION_ENDED, SessionEnded(reason="gone"), subject, session_id=session_id)
        for subject in ("a", "b")
    )
    assert (one.subject, two.subject) == ("a", "b")
    assert {(each.actor, each.request_id, each.occurred_at, each.session_id) for each in (one, two)} == {
        ("user:1", "request-1", "2026-11-21T12:00:00.000000Z", str(session_id))
    }
    assert json.loads(one.payload)["reason"] == "gone" and one.personal is None


def test_every_event_has_an_id_of_its_own() -> None:
    recording = Recording("user:1", NOW)
    events = [recording.event(EventType.SESSION_ENDED, SessionEnded(reason="gone"), "a") for _ in range(100)]
    assert len({event.event_id for event in events}) == 100
