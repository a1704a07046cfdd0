from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shared.secrets import SecretReader, UnreadableSecretError


class Store:
    """Answers as Secrets Manager does, and counts."""

    def __init__(self, secrets: dict[str, str], failure: Exception | None = None) -> None:
        self.secrets, self.failure, self.asked = secrets, failure, []

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
        self.asked.append(SecretId)
        if self.failure is not None:
            raise self.failure
        if SecretId not in self.secrets:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "canary"}}, "GetSecretValue")
        return {"SecretString": self.secrets[SecretId]}


def test_a_key_of_a_json_secret_is_read() -> None:
    store = Store({"prod/db": json.dumps({"url": "postgresql://x", "other": "y"})})
    assert SecretReader(store).resolve("secretsmanager:prod/db#url") == "postgresql://x"


def test_without_a_key_the_whole_secret_is_meant() -> None:
    assert SecretReader(Store({"prod/key": "abc"})).resolve("secretsmanager:prod/key") == "abc"


def test_each_secret_is_asked_for_once() -> None:
    store = Store({"s": '{"a": "1", "b": "2"}'})
    reader = SecretReader(store)
    assert [reader.resolve("secretsmanager:s#a"), reader.resolve("secretsmanager:s#b")] == ["1", "2"]
    assert store.asked == ["s"]


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("secretsmanager:", "names no secret"), ("secretsmanager:#key", "names no secret"),
        ("secretsmanager:none#key", "ResourceNotFoundException"), ("secretsmanager:s#missing", "no such JSON key"),
        ("secretsmanager:text#key", "no such JSON key"), ("secretsmanager:list#key", "no such JSON key"),
        ("secretsmanager:s#number", "not text"),
    ],
)  # fmt: skip
def test_what_can_not_be_followed_says_which_and_why_and_no_value(reference: str, why: str) -> None:
    store = Store({"s": '{"number": 4711, "canary": "canary"}', "text": "canary", "list": '["canary"]'})
    with pytest.raises(UnreadableSecretError) as caught:
        SecretReader(store).resolve(reference)
    assert reference in str(caught.value) and why in str(caught.value)
    assert "canary" not in str(caught.value) and "4711" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_endpoint_that_is_down_is_named_by_its_kind() -> None:
    store = Store({}, EndpointConnectionError(endpoint_url="https://canary"))
    with pytest.raises(UnreadableSecretError, match="EndpointConnectionError") as caught:
        SecretReader(store).resolve("secretsmanager:s")
    assert "canary" not in str(caught.value)
