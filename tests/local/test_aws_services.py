"""KMS, Secrets Manager, Glue, STS and SES of the local cloud, through boto3, against the running endpoint."""

from __future__ import annotations

import contextlib
import json

import httpx
import psutil
import pytest
from botocore.exceptions import ClientError

from tests.local.aws_endpoint import Endpoint

CONTENT = {
    "Simple": {"Subject": {"Data": "Hallo ü"}, "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>html</p>"}}}
}


def until_killed(write):
    """What a writer does when its server is killed under it is the client's affair."""
    with contextlib.suppress(Exception):
        write()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    running = Endpoint(tmp_path_factory.mktemp("aws-services")).start()
    yield running
    running.process.stop()


@pytest.fixture(scope="module")
def ses(endpoint):
    client = endpoint.client("sesv2")
    client.create_email_identity(EmailIdentity="auth.example")
    client.create_configuration_set(ConfigurationSetName="events")
    client.create_configuration_set_event_destination(
        ConfigurationSetName="events",
        EventDestinationName="bus",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"],
            "EventBridgeDestination": {"EventBusArn": "arn:aws:events:us-east-1:123456789012:event-bus/default"},
        },
    )
    client.create_configuration_set(ConfigurationSetName="silent")
    return client


def send(ses, to, sender="Auth <no-reply@auth.example>", **more):
    return ses.send_email(FromEmailAddress=sender, Destination={"ToAddresses": to}, Content=CONTENT, **more)[
        "MessageId"
    ]


def test_get_caller_identity_tells_whose_key_it_is(endpoint):
    found = endpoint.client("sts").get_caller_identity()
    assert (found["Arn"], found["UserId"]) == ("arn:aws:iam::123456789012:user/developer", "AIDADEVELOPER")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sqs", "list_queues", "InvalidClientTokenId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("kms", "list_keys", "UnrecognizedClientException"),
        ("secretsmanager", "list_secrets", "UnrecognizedClientException"),
        ("sesv2", "list_email_identities", "UnrecognizedClientException"),
    ],
)
def test_an_unknown_key_gets_the_services_own_error(endpoint, service, operation, code):
    with pytest.raises(ClientError, match=rf"\({code}\)"):
        getattr(endpoint.client(service, access_key="UNKNOWN"), operation)()


def test_a_mail_from_an_unverified_sender_is_refused(ses):
    with pytest.raises(ses.exceptions.MessageRejected, match="not verified"):
        send(ses, ["a@example.com"], sender="x@other.example")


def test_a_mail_with_an_unknown_configuration_set_is_refused(ses):
    with pytest.raises(ses.exceptions.NotFoundException):
        send(ses, ["a@example.com"], ConfigurationSetName="nope")


@pytest.mark.parametrize("to", [[], ["not an address"], ["a@example.com"] * 51])
def test_a_mail_to_nobody_or_too_many_or_no_address_is_refused(ses, to):
    with pytest.raises(ses.exceptions.BadRequestException):
        send(ses, to)


def test_the_mailbox_shows_what_was_sent(endpoint, ses):
    first = send(ses, ["one@example.com"], EmailTags=[{"Name": "mail_id", "Value": "m1"}])
    second = send(ses, ["Two <Two@example.com>"])
    box = f"{endpoint.url}/_local/mailbox"
    (found,) = httpx.get(box, params={"to": "one@example.com"}).json()["messages"]
    assert (found["id"], found["subject"], found["text"], found["html"]) == (first, "Hallo ü", "text", "<p>html</p>")
    assert (found["tags"], found["to"], found["from"]) == (
        {"mail_id": "m1"},
        ["one@example.com"],
        "Auth <no-reply@auth.example>",
    )
    assert [mail["id"] for mail in httpx.get(box, params={"after": first}).json()["messages"]] == [second]
    assert httpx.get(box, params={"to": "two@example.com", "limit": 1}).json()["messages"][0]["id"] == second
    assert httpx.get(f"{box}/{first}").json()["headers"]["Subject"] == "Hallo ü"
    assert httpx.get(f"{box}/nope").status_code == 404
    assert httpx.get(box, params={"limit": "x"}).status_code == 400


def test_a_raw_message_is_read_apart(endpoint, ses):
    raw = (
        b"From: no-reply@auth.example\r\nTo: raw@example.com\r\nSubject: =?utf-8?q?=C3=BC?=\r\n"
        b"X-SES-MESSAGE-TAGS: mail_id=m7\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nraw text\r\n"
    )
    identifier = ses.send_email(Content={"Raw": {"Data": raw}})["MessageId"]
    found = httpx.get(f"{endpoint.url}/_local/mailbox/{identifier}").json()
    assert (found["subject"], found["text"].strip(), found["tags"]) == ("ü", "raw text", {"mail_id": "m7"})


def test_events_come_as_eventbridge_sends_them_and_the_simulator_bounces_and_complains(endpoint, ses):
    url, _ = endpoint.queue("mail-events")
    to = ["a@example.com", "bounce@simulator.amazonses.com", "complaint@simulator.amazonses.com"]
    tags = [{"Name": "mail_id", "Value": "m1"}]
    identifier = send(ses, to, ConfigurationSetName="events", EmailTags=tags)
    send(ses, to, ConfigurationSetName="silent")
    send(ses, to)
    events = endpoint.take(url, 5)
    assert [event["detail"]["eventType"] for event in events] == ["Send", "Delivery", "Bounce", "Complaint"]
    assert {event["source"] for event in events} == {"aws.ses"}
    for event in events:
        mail = event["detail"]["mail"]
        assert (mail["messageId"], mail["tags"]["mail_id"], mail["destination"]) == (identifier, ["m1"], to)
    bounce, complaint = events[2]["detail"]["bounce"], events[3]["detail"]["complaint"]
    assert bounce["bounceType"] == "Permanent"
    assert [one["emailAddress"] for one in bounce["bouncedRecipients"]] == ["bounce@simulator.amazonses.com"]
    assert [one["emailAddress"] for one in complaint["complainedRecipients"]] == ["complaint@simulator.amazonses.com"]


def test_ses_v1_reads_see_what_v2_made(endpoint, ses):
    assert endpoint.client("ses").list_identities()["Identities"] == ["auth.example"]


def test_its_data_is_closed_to_other_users_of_the_machine(endpoint):
    assert (endpoint.directory / "data").stat().st_mode & 0o077 == 0


def test_a_wrong_configuration_is_named_and_nothing_starts(tmp_path):
    endpoint = Endpoint(tmp_path)
    endpoint.config.write_text(json.dumps({**json.loads(endpoint.config.read_text()), "account_id": "12"}))
    with pytest.raises(RuntimeError, match="account_id"):
        endpoint.start()


def test_a_taken_port_is_named(endpoint, tmp_path):
    other = Endpoint(tmp_path)
    other.port = endpoint.port
    with pytest.raises(RuntimeError, match=str(endpoint.port)):
        other.new_process().start().wait_until(lambda: False)


@pytest.mark.alone
def test_keys_secrets_catalogue_identities_and_mail_outlive_a_kill(tmp_path):
    endpoint = Endpoint(tmp_path).start()
    try:
        kms, secrets = endpoint.client("kms"), endpoint.client("secretsmanager")
        glue, ses = endpoint.client("glue"), endpoint.client("sesv2")
        symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/data", TargetKeyId=symmetric)
        context = {"purpose": "test"}
        wrapped = kms.generate_data_key(KeyId="alias/data", KeySpec="AES_256", EncryptionContext=context)
        signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        signature = kms.sign(KeyId=signing, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        public = kms.get_public_key(KeyId=signing)["PublicKey"]
        first = secrets.create_secret(Name="app/db", SecretString="one")["VersionId"]
        second = secrets.put_secret_value(SecretId="app/db", SecretString="two")["VersionId"]
        glue.create_database(DatabaseInput={"Name": "db"})
        columns = {"StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}]}}
        keys = [{"Name": "d", "Type": "string"}]
        glue.create_table(DatabaseName="db", TableInput={"Name": "t", "PartitionKeys": keys, **columns})
        glue.create_partition(DatabaseName="db", TableName="t", PartitionInput={"Values": ["2026"], **columns})
        ses.create_email_identity(EmailIdentity="auth.example")
        ses.create_configuration_set(ConfigurationSetName="set")
        sent = [send(ses, ["a@example.com"]) for _ in range(3)]

        endpoint.restart_after_kill()

        plain = kms.decrypt(CiphertextBlob=wrapped["CiphertextBlob"], EncryptionContext=context)["Plaintext"]
        assert plain == wrapped["Plaintext"]
        with pytest.raises(ClientError, match="InvalidCiphertext"):
            kms.decrypt(CiphertextBlob=wrapped["CiphertextBlob"], EncryptionContext={"purpose": "other"})
        verified = kms.verify(KeyId=signing, Message=b"m", Signature=signature, SigningAlgorithm="ECDSA_SHA_256")
        assert verified["SignatureValid"]
        assert kms.get_public_key(KeyId=signing)["PublicKey"] == public
        assert secrets.get_secret_value(SecretId="app/db")["VersionId"] == second
        previous = secrets.get_secret_value(SecretId="app/db", VersionStage="AWSPREVIOUS")
        assert (previous["VersionId"], previous["SecretString"]) == (first, "one")
        assert glue.get_table(DatabaseName="db", Name="t")["Table"]["PartitionKeys"] == keys
        assert [p["Values"] for p in glue.get_partitions(DatabaseName="db", TableName="t")["Partitions"]] == [["2026"]]
        assert ses.list_configuration_sets()["ConfigurationSets"] == ["set"]
        box = httpx.get(f"{endpoint.url}/_local/mailbox").json()["messages"]
        assert [mail["id"] for mail in box] == sent[::-1]
        sent.append(send(ses, ["a@example.com"]))
    finally:
        endpoint.process.stop()


@pytest.mark.alone
def test_no_secret_version_or_mail_is_lost_when_it_is_killed_while_they_are_written(tmp_path):
    import threading

    endpoint = Endpoint(tmp_path).start()
    try:
        endpoint.client("sesv2").create_email_identity(EmailIdentity="auth.example")
        secrets, mails = [], []

        def write():
            manager, ses = endpoint.client("secretsmanager", retries=1), endpoint.client("sesv2", retries=1)
            while True:
                n = len(secrets)
                name = manager.create_secret(Name=f"s{n}-{len(mails)}", SecretString=str(n))["Name"]
                secrets.append((name, str(n)))
                mails.append(send(ses, ["a@example.com"]))

        for round_number in range(1, 3):
            writer = threading.Thread(target=until_killed, args=(write,))
            writer.start()
            while len(mails) < round_number * 30 and writer.is_alive():
                writer.join(0.01)
            endpoint.process.kill()
            writer.join()
            secrets_before = len(secrets)
            secrets.append(None)  # the next round's names differ from one whose answer was lost
            endpoint.start()
            assert secrets_before
        manager = endpoint.client("secretsmanager")
        for name, value in filter(None, secrets):
            assert manager.get_secret_value(SecretId=name)["SecretString"] == value
        box = httpx.get(f"{endpoint.url}/_local/mailbox", params={"limit": 1000}).json()["messages"]
        assert set(mails) <= {mail["id"] for mail in box}
        assert len(mails) >= 60
    finally:
        endpoint.process.stop()


@pytest.mark.alone
def test_sigterm_ends_it_cleanly_although_a_client_waits_in_a_long_poll(tmp_path):
    import threading

    endpoint = Endpoint(tmp_path).start()
    url, _ = endpoint.queue("q")
    sqs = endpoint.client("sqs", retries=1)
    waiter = threading.Thread(target=lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20))
    waiter.start()
    process = psutil.Process(endpoint.process.pid)
    while not [c for c in process.net_connections() if c.status == "ESTABLISHED"]:
        waiter.join(0.01)
    assert endpoint.process.stop(timeout_seconds=10) == 0
    waiter.join()
