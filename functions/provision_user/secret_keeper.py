"""Puts the secret of a client that a command registered where its sender's policy says: never into a queue or a log."""

from __future__ import annotations

from typing import Any


class SecretsManagerKeeper:
    """Through boto3's client, made at the first secret."""

    def __init__(self, client: Any = None) -> None:
        self._client = client

    def __call__(self, name: str, value: str) -> None:
        """Create the secret, or give it a new value: one that a command left that didn't commit counts for nothing.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: Secrets Manager refused or can't be reached.
        """
        if self._client is None:
            import boto3  # noqa: PLC0415 - few commands make secrets

            self._client = boto3.client("secretsmanager")
        try:
            self._client.create_secret(Name=name, SecretString=value)
        except self._client.exceptions.ResourceExistsException:
            self._client.put_secret_value(SecretId=name, SecretString=value)
