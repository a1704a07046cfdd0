"""SES v2, SendEmail: what is sent, and which of its errors mean what.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.send_email.deliver import NotSentError, PermanentSendError

if TYPE_CHECKING:
    from functions.send_email.mail import Mail
    from functions.send_email.rendering import Rendered

MAIL_ID_TAG = "mail_id"
# The mail itself is at fault: no retry mends it.
_PERMANENT = {"MessageRejected": "rejected_by_ses", "BadRequestException": "bad_address"}
# The account, its identities or its rate: SES said no before it took anything.
_NOT_NOW = {
    "TooManyRequestsException",
    "LimitExceededException",
    "ThrottlingException",
    "Throttling",
    "AccountSuspendedException",
    "SendingPausedException",
    "MailFromDomainNotVerifiedException",
    "NotFoundException",
    "AccessDeniedException",
}


class SesSender:
    """Sends through a client that never retries by itself: a retry after a lost answer would be a second mail.

    Args:
        client: boto3's `sesv2`, made by `ses_client`.
    """

    def __init__(self, client: Any, *, email_from: str, configuration_set: str) -> None:
        self._client = client
        self._from = email_from
        self._configuration_set = configuration_set

    def send(self, mail: Mail, rendered: Rendered) -> str:
        """SES's message id.

        Raises:
            PermanentSendError: SES will never take it.
            NotSentError: SES did not take it now.
            botocore.exceptions.BotoCoreError, ClientError: it may have.
        """
        from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError  # noqa: PLC0415

        address = _deliverable(mail)
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._from,
                Destination={"ToAddresses": [address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": rendered.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": rendered.text, "Charset": "UTF-8"},
                            "Html": {"Data": rendered.html, "Charset": "UTF-8"},
                        },
                        # RFC 3834 section 5: no vacation responder answers
                        "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                    }
                },
                ConfigurationSetName=self._configuration_set,
                EmailTags=[{"Name": MAIL_ID_TAG, "Value": str(mail.id)}],
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _PERMANENT:
                raise PermanentSendError(_PERMANENT[code]) from error
            if code in _NOT_NOW:
                raise NotSentError(code) from error
            raise
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise NotSentError(type(error).__name__) from error
        return str(answer["MessageId"])


def ses_client() -> Any:
    """boto3's client by its standard configuration, but without retries."""
    import boto3  # noqa: PLC0415 - slow, and tests of the verb don't need it
    from botocore.config import Config  # noqa: PLC0415

    once = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=3, read_timeout=20)
    return boto3.client("sesv2", config=once)


def _deliverable(mail: Mail) -> str:
    """The local part as given, the domain in its ASCII form. SES takes only ASCII (it has no SMTPUTF8)."""
    local = (mail.email or "").rpartition("@")[0]
    domain = (mail.email_canonical or "").rpartition("@")[2]
    address = f"{local}@{domain}"
    if not local or not domain or not address.isascii() or any(character.isspace() for character in address):
        raise PermanentSendError("bad_address")
    return address
