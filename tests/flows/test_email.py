"""A mail leaves once, only while it should, and one bad address holds up nobody."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parseaddr

import pytest

from functions.send_email.deliver import Delivery, RetryLaterError, UnknownMailError
from functions.send_email.message import MalformedMessageError, read_email_id
from shared.clock import utc_now
from shared.email_links import read_link_token
from shared.ids import new_id
from tests.fixtures.mails import ISSUER, LINK_KEY, refusal


def text_of(request):
    return request["Content"]["Simple"]["Body"]["Text"]["Data"]


def html_of(request):
    return request["Content"]["Simple"]["Body"]["Html"]["Data"]


def feed(mail_room, email_id, event_type="Delivery", **detail):
    """What SES says, through the function that hears it."""
    from functions.record_email_feedback.feedback import Feedback
    from functions.record_email_feedback.record import record_feedback

    state = {"Send": "sent", "Delivery": "delivered", "Bounce": "bounced", "Complaint": "complained"}[event_type]
    feedback = Feedback(email_id, "ses-from-event", state, detail.get("reason"))
    return record_feedback(mail_room.desk.connection, feedback, utc_now())


def test_a_mail_is_sent_with_its_tag_its_configuration_set_and_one_event(mail_room):
    email_id = mail_room.queue(mail_room.add_user(given_name="Ada"))
    assert mail_room.deliver(email_id) == Delivery.SENT
    (request,) = mail_room.ses.taken
    assert request["EmailTags"] == [{"Name": "mail_id", "Value": str(email_id)}]
    assert request["ConfigurationSetName"] == "platform"
    assert request["Destination"] == {"ToAddresses": ["ada@example.com"]}
    assert parseaddr(request["FromEmailAddress"])[1] == "no-reply@example.com"
    row = mail_room.row(email_id)
    assert (row["state"], row["ses_message_id"]) == ("sent", "ses-1")
    (event,) = mail_room.desk.events("email.sent")
    assert event["payload"]["email_id"] == str(email_id)


@pytest.mark.parametrize(
    ("template", "purpose", "path"),
    [
        ("welcome", "set_password", "/password/set"),
        ("password_reset", "set_password", "/password/set"),
        ("email_verification", "verify_email", "/email/verify"),
        ("trust_device", "trust_device", "/device/trust"),
    ],
)
def test_each_link_opens_its_own_page_with_a_token_that_no_table_holds(mail_room, template, purpose, path):
    email_id = mail_room.queue(mail_room.add_user(), template, link_purpose=purpose)
    mail_room.deliver(email_id)
    (request,) = mail_room.ses.taken
    for body in (text_of(request), html_of(request)):
        (token,) = set(re.findall(re.escape(f"{ISSUER}{path}?token=") + r"(ap_ln_[\w-]+)", body))
        assert read_link_token(LINK_KEY, token, purpose) == email_id
    for table in ("email_log", "outbox", "users"):
        assert token not in str(mail_room.desk.rows(f"SELECT * FROM {table}"))


def test_a_security_notice_has_no_token_and_says_what_happened(mail_room):
    from psycopg.types.json import Jsonb

    email_id = mail_room.queue(
        mail_room.add_user(),
        "security_notice",
        link_purpose=None,
        link_expires_at=None,
        parameters=Jsonb({"what": "password_changed"}),
    )
    mail_room.deliver(email_id)
    (request,) = mail_room.ses.taken
    assert "Your password was changed" in text_of(request)
    assert "ap_ln_" not in text_of(request) + html_of(request)


def test_mails_fetch_nothing_and_carry_no_markup_of_the_persons_name(mail_room):
    email_id = mail_room.queue(mail_room.add_user(name='<b onmouseover="x">Eve & Co'))
    mail_room.deliver(email_id)
    html = html_of(mail_room.ses.taken[0])
    assert "onmouseover" not in html
    assert not re.search(r"<(img|script|link|iframe|object)\b|url\(|@import", html)
    assert set(re.findall(r'(?:src|href)="(?!http://localhost:9000)([^"]*)"', html)) == set()
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize("name", ["Visit http://evil.example", "evil.example.com", "a@b", "x" * 65, "a\u2028b"])
def test_a_name_that_a_mail_program_would_turn_into_a_link_is_left_out(mail_room, name):
    mail_room.deliver(mail_room.queue(mail_room.add_user(given_name=name)))
    assert text_of(mail_room.ses.taken[0]).startswith("Hello,")


def test_a_redelivered_message_of_a_sent_mail_does_nothing(mail_room):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.deliver(email_id)
    for state in ("sent", "delivered", "bounced", "complained", "failed"):
        mail_room.desk.connection.execute("UPDATE email_log SET state = %s", (state,))
        assert mail_room.deliver(email_id) == Delivery.DONE_BEFORE
    assert len(mail_room.ses.taken) == len(mail_room.desk.events("email.sent")) == 1


def test_an_unknown_outcome_is_waited_for_and_not_sent_again_when_ses_says_it_took_it(mail_room):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.ses.moods = ["takes it and never answers"]
    with pytest.raises(TimeoutError):
        mail_room.deliver(email_id)
    assert mail_room.row(email_id)["state"] == "sending"
    mail_room.pass_time(300)
    with pytest.raises(RetryLaterError):
        mail_room.deliver(email_id)
    assert feed(mail_room, email_id)
    mail_room.pass_time(3_600)
    assert mail_room.deliver(email_id) == Delivery.DONE_BEFORE
    assert len(mail_room.ses.taken) == 1
    assert len(mail_room.desk.events("email.sent")) == len(mail_room.desk.events("email.delivered")) == 1


def test_a_crash_between_ses_and_the_commit_sends_no_second_mail(mail_room):
    email_id = mail_room.queue(mail_room.add_user())

    class Died(BaseException):
        pass

    send = mail_room.services.sender.send

    def send_then_die(*arguments):
        send(*arguments)
        raise Died

    mail_room.services.sender.send = send_then_die
    with pytest.raises(Died):
        mail_room.deliver(email_id)
    mail_room.services.sender.send = send
    assert feed(mail_room, email_id, "Send")
    mail_room.pass_time(3_600)
    assert mail_room.deliver(email_id) == Delivery.DONE_BEFORE
    assert len(mail_room.ses.taken) == 1
    assert mail_room.row(email_id)["state"] == "sent"


def test_only_after_the_lookup_time_without_a_word_is_it_sent_again(mail_room):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.ses.moods = [TimeoutError("never arrived")]
    with pytest.raises(TimeoutError):
        mail_room.deliver(email_id)
    mail_room.pass_time(601)
    assert mail_room.deliver(email_id) == Delivery.SENT
    assert len(mail_room.ses.taken) == 1


def test_sending_is_committed_before_ses_hears_of_the_mail(mail_room):
    from tests.fixtures.provisioning import connect

    email_id = mail_room.queue(mail_room.add_user())
    send, seen = mail_room.ses.send_email, []

    def look_then_send(**request):
        with connect(mail_room.desk.dsn) as other:
            seen.extend(other.execute("SELECT state FROM email_log WHERE id = %s", (email_id,)).fetchall())
        return send(**request)

    mail_room.ses.send_email = look_then_send
    mail_room.deliver(email_id)
    assert seen == [("sending",)]


@pytest.mark.parametrize("code", ["TooManyRequestsException", "SendingPausedException", "NotFoundException"])
def test_a_refusal_that_passes_is_tried_again_without_waiting_for_the_lookup(mail_room, code):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.ses.moods = [refusal(code)]
    with pytest.raises(RetryLaterError):
        mail_room.deliver(email_id)
    assert mail_room.row(email_id)["state"] == "handed_over"
    assert mail_room.deliver(email_id) == Delivery.SENT
    assert len(mail_room.ses.taken) == 1


def test_a_server_error_of_ses_is_an_unknown_outcome(mail_room):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.ses.moods = [refusal("InternalServiceErrorException")]
    with pytest.raises(Exception, match="InternalService"):
        mail_room.deliver(email_id)
    assert mail_room.row(email_id)["state"] == "sending"


@pytest.mark.parametrize(
    ("code", "reason"), [("MessageRejected", "rejected_by_ses"), ("BadRequestException", "bad_address")]
)
def test_a_permanent_refusal_fails_the_mail_with_its_reason_and_is_acknowledged(mail_room, code, reason):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.ses.moods = [refusal(code)]
    assert mail_room.deliver(email_id) == Delivery.FAILED
    assert (mail_room.row(email_id)["state"], mail_room.row(email_id)["detail"]) == ("failed", reason)
    assert mail_room.desk.events("email.failed")[0]["payload"]["reason"] == reason
    assert mail_room.deliver(email_id) == Delivery.DONE_BEFORE


def test_an_address_that_ses_cannot_take_fails_without_asking_it(mail_room):
    email_id = mail_room.queue(mail_room.add_user("жук@example.com"))
    assert mail_room.deliver(email_id) == Delivery.FAILED
    assert mail_room.row(email_id)["detail"] == "bad_address"
    assert not mail_room.ses.taken


def test_an_international_domain_is_sent_to_in_its_ascii_form(mail_room):
    mail_room.deliver(mail_room.queue(mail_room.add_user("Ada@bücher.example")))
    assert mail_room.ses.taken[0]["Destination"]["ToAddresses"] == ["Ada@xn--bcher-kva.example"]


PAST = utc_now() - timedelta(days=1)
UNSENDABLE = {
    "link_expired": "UPDATE email_log SET link_expires_at = now() - interval '1 second'",
    "link_void": "UPDATE email_log SET link_void_at = now()",
    "link_spent": "UPDATE email_log SET link_spent_at = now()",
    "user_disabled": "UPDATE users SET status = 'disabled'",
    "user_erased": "UPDATE users SET status = 'erased', email = NULL, email_canonical = NULL",
}


@pytest.mark.parametrize("reason", UNSENDABLE)
def test_a_mail_that_nobody_should_get_any_more_is_not_sent(mail_room, reason):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.desk.connection.execute(UNSENDABLE[reason])
    mail_room.pass_time(5)
    assert mail_room.deliver(email_id) == Delivery.FAILED
    assert mail_room.row(email_id)["detail"] == reason
    assert mail_room.desk.events("email.failed")[0]["payload"]["reason"] == reason
    assert not mail_room.ses.taken


def test_a_link_mailed_before_the_password_changed_is_void(mail_room):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.desk.connection.execute("UPDATE users SET credentials_changed_at = now() + interval '1 second'")
    assert mail_room.deliver(email_id) == Delivery.FAILED
    assert mail_room.row(email_id)["detail"] == "link_void"


def test_a_message_for_no_mail_and_a_message_that_is_none_come_back(mail_room):
    with pytest.raises(UnknownMailError):
        mail_room.deliver(new_id())
    for body in (
        "",
        "{",
        "[]",
        "1",
        '{"email_id": 1, "version": 1}',
        '{"email_id": "x", "version": 1}',
        '{"version": 2}',
    ):
        with pytest.raises(MalformedMessageError):
            read_email_id(body)
    email_id = new_id()
    assert read_email_id(f'{{"email_id": "{email_id}", "version": 1}}') == email_id


def test_a_mails_state_only_goes_forward_whatever_order_ses_speaks_in(mail_room):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.deliver(email_id)
    assert feed(mail_room, email_id, "Bounce", reason="permanent:general")
    for late in ("Send", "Delivery", "Bounce"):
        assert not feed(mail_room, email_id, late)
    assert (mail_room.row(email_id)["state"], mail_room.row(email_id)["detail"]) == ("bounced", "permanent:general")
    assert feed(mail_room, email_id, "Complaint", reason="abuse")
    assert mail_room.row(email_id)["state"] == "complained"
    counts = [len(mail_room.desk.events(f"email.{state}")) for state in ("sent", "delivered", "bounced", "complained")]
    assert counts == [1, 0, 1, 1]


# An e-mail change


def queue_of_change(mail_room, user_id, template: str, to: str, **changes):
    from psycopg.types.json import Jsonb

    change_id = new_id()
    mail_room.desk.connection.execute(
        "INSERT INTO email_changes (id, user_id, old_email, old_email_canonical, new_email, new_email_canonical,"
        " expires_at) VALUES (%s, %s, 'old@example.com', 'old@example.com', 'new@example.org', 'new@example.org',"
        " now() + interval '1 day')",
        [change_id, user_id],
    )
    parameters = Jsonb({"change": str(change_id), "to": to})
    purpose = "undo_email_change" if template == "email_changed" else "confirm_email_change"
    return mail_room.queue(user_id, template, link_purpose=purpose, parameters=parameters, **changes)


@pytest.mark.parametrize(
    ("template", "to", "address"),
    [
        ("email_change", "old", "old@example.com"),
        ("email_change", "new", "new@example.org"),
        ("email_changed", "old", "old@example.com"),
    ],
)
def test_each_mail_of_an_e_mail_change_goes_to_its_own_side_whatever_the_account_says(mail_room, template, to, address):
    email_id = queue_of_change(mail_room, mail_room.add_user("now@example.net"), template, to)
    mail_room.deliver(email_id)
    (request,) = mail_room.ses.taken
    assert request["Destination"] == {"ToAddresses": [address]}
    assert ("new@example.org" in text_of(request)) is (to == "old")
    assert "old@example.com" not in text_of(request)


def test_no_mail_of_an_e_mail_change_of_somebody_else_is_sent(mail_room):
    stranger, user_id = mail_room.add_user("eve@example.com"), mail_room.add_user("ada@example.com")
    email_id = queue_of_change(mail_room, user_id, "email_change", "new")
    mail_room.desk.connection.execute("UPDATE email_log SET user_id = %s WHERE id = %s", [stranger, email_id])
    mail_room.deliver(email_id)
    assert mail_room.ses.taken == []
