"""References to AWS Secrets Manager in settings: `secretsmanager:<secret name>#<json key>`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

SCHEME = "secretsmanager:"


class UnreadableSecretError(ValueError):
    """The reference can't be followed. The message names the reference and why, never a value."""


class SecretReader:
    """Follows references; asks for each secret once."""

    def __init__(self, client: SecretsManagerClient | None = None) -> None:
        self._client = client
        self._secrets: dict[str, Any] = {}

    def resolve(self, reference: str) -> str:
        """The text behind `secretsmanager:<name>#<json key>`, or the whole secret where no key is named.

        Raises:
            UnreadableSecretError: malformed, not there, not allowed, or without that key.
        """
        name, _, key = reference.removeprefix(SCHEME).partition("#")
        if not name:
            raise UnreadableSecretError(f"{reference}: names no secret")
        if name not in self._secrets:
            self._secrets[name] = self._fetch(reference, name)
        text = self._secrets[name]
        if not key:
            return str(text)
        try:
            value = json.loads(text)[key]
        except (ValueError, KeyError, TypeError):
            raise UnreadableSecretError(f"{reference}: the secret has no such JSON key") from None
        if not isinstance(value, str):
            raise UnreadableSecretError(f"{reference}: the key's value is not text")
        return value

    def _fetch(self, reference: str, name: str) -> str:
        try:
            if self._client is None:
                self._client = boto3.client("secretsmanager")
            return self._client.get_secret_value(SecretId=name)["SecretString"]
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown error")
            raise UnreadableSecretError(f"{reference}: {code}") from None
        except (BotoCoreError, KeyError) as error:
            raise UnreadableSecretError(f"{reference}: {type(error).__name__}") from None
