"""Which of SES's answers mean no, which not now, and which leave it open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from functions.send_email.deliver import NotSentError, PermanentSendError
from functions.send_email.rendering import Rendered
from functions.send_email.ses import SesSender
from tests.unit.functions.send_email.test_mail import MAIL

RENDERED = Rendered("Subject", "text", "<p>html</p>")


class Ses:
    def __init__(self, failure: Exception | None = None) -> None:
        self.failure, self.sent = failure, []

    def send_email(self, **mail: object) -> dict[str, str]:
        if self.failure is not None:
            raise self.failure
        self.sent.append(mail)
        return {"MessageId": "ses-1"}


def sender(ses: Ses) -> SesSender:
    return SesSender(ses, email_from="id@example.com", configuration_set="set")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "SendEmail")


def test_a_mail_goes_to_its_one_person_and_bears_its_id() -> None:
    ses = Ses()
    assert sender(ses).send(MAIL, RENDERED) == "ses-1"
    (sent,) = ses.sent
    assert sent["Destination"] == {"ToAddresses": ["Ada@example.com"]}
    assert sent["EmailTags"] == [{"Name": "mail_id", "Value": str(MAIL.id)}]
    assert sent["Content"]["Simple"]["Headers"] == [{"Name": "Auto-Submitted", "Value": "auto-generated"}]


def test_the_domain_goes_out_in_ascii_and_the_local_part_as_given() -> None:
    ses = Ses()
    sender(ses).send(
        replace(MAIL, email="Ada@B\u00fccher.example", email_canonical="ada@xn--bcher-kva.example"), RENDERED
    )
    assert ses.sent[0]["Destination"] == {"ToAddresses": ["Ada@xn--bcher-kva.example"]}


@pytest.mark.parametrize(
    "email", ["zo\u00e9@example.com", "a da@example.com", "@example.com", "ada\n@example.com", None]
)
def test_an_address_that_ses_can_not_take_is_never_tried(email: str | None) -> None:
    ses = Ses()
    with pytest.raises(PermanentSendError, match="bad_address"):
        sender(ses).send(replace(MAIL, email=email), RENDERED)
    assert ses.sent == []


@pytest.mark.parametrize(
    ("code", "reason"), [("MessageRejected", "rejected_by_ses"), ("BadRequestException", "bad_address")]
)
def test_a_mail_that_ses_refuses_for_good_has_failed(code: str, reason: str) -> None:
    with pytest.raises(PermanentSendError) as caught:
        sender(Ses(refused(code))).send(MAIL, RENDERED)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "failure",
    [
        refused("TooManyRequestsException"), refused("SendingPausedException"), refused("AccessDeniedException"),
        ConnectTimeoutError(endpoint_url="https://ses"), EndpointConnectionError(endpoint_url="https://ses"),
    ],
    ids=lambda failure: type(failure).__name__,
)  # fmt: skip
def test_what_certainly_did_not_leave_is_tried_again_at_once(failure: Exception) -> None:
    with pytest.raises(NotSentError):
        sender(Ses(failure)).send(MAIL, RENDERED)


@pytest.mark.parametrize(
    "failure",
    [refused("InternalServiceError"), refused("ServiceUnavailable"), ReadTimeoutError(endpoint_url="https://ses")],
)
def test_what_may_have_left_is_neither_failed_nor_unsent(failure: Exception) -> None:
    with pytest.raises(type(failure)) as caught:
        sender(Ses(failure)).send(MAIL, RENDERED)
    assert not isinstance(caught.value, PermanentSendError | NotSentError)
