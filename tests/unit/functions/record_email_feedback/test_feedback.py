"""SES's events, as EventBridge delivers them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.record_email_feedback.feedback import MalformedFeedbackError, read_feedback
from shared.ids import new_id

EMAIL_ID = new_id()


def envelope(event_type, *, tags=True, **detail):
    mail = {"messageId": "ses-1", "tags": {"mail_id": [str(EMAIL_ID)], "ses:from-domain": ["example.com"]}}
    if not tags:
        del mail["tags"]["mail_id"]
    return json.dumps(
        {
            "version": "0",
            "source": "aws.ses",
            "detail-type": f"Email {event_type}",
            "detail": {"eventType": event_type, "mail": mail, **detail},
        }
    )


@pytest.mark.parametrize(
    ("event_type", "detail", "state", "reason"),
    [
        ("Send", {"send": {}}, "sent", None),
        ("Delivery", {"delivery": {"smtpResponse": "250 ok"}}, "delivered", None),
        ("Bounce", {"bounce": {"bounceType": "Permanent", "bounceSubType": "General"}}, "bounced", "permanent:general"),
        (
            "Bounce",
            {"bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull"}},
            "bounced",
            "transient:mailbox_full",
        ),
        ("Bounce", {"bounce": {}}, "bounced", "unspecified:unspecified"),
        ("Complaint", {"complaint": {"complaintFeedbackType": "not-spam"}}, "complained", "not_spam"),
        ("Complaint", {}, "complained", "unspecified"),
        ("Reject", {"reject": {"reason": "Bad content"}}, "failed", "rejected_by_ses"),
    ],
)
def test_each_event_is_a_state_and_a_reason(event_type, detail, state, reason):
    feedback = read_feedback(envelope(event_type, **detail))
    assert (feedback.email_id, feedback.ses_message_id) == (EMAIL_ID, "ses-1")
    assert (feedback.state, feedback.reason) == (state, reason)


@pytest.mark.parametrize("event_type", ["Open", "Click", "DeliveryDelay", "Subscription"])
def test_what_says_nothing_of_a_mails_state_is_passed_over(event_type):
    assert read_feedback(envelope(event_type)) is None


def test_somebody_elses_mail_is_passed_over():
    assert read_feedback(envelope("Send", tags=False)) is None


@given(
    st.text()
    | st.recursive(st.none() | st.text() | st.integers(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)).map(
        json.dumps
    )
)
def test_anything_else_is_malformed_and_stays_in_the_dead_letter_queue(body):
    with pytest.raises(MalformedFeedbackError):
        read_feedback(body)
