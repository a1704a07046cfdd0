"""SQS over HTTP without blocking the event loop: the JSON protocol, signed by botocore."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from local.lambda_service.settings import LambdaSettings

CONTENT_TYPE = "application/x-amz-json-1.0"
ANSWER_SECONDS = 30
"""Longer than the longest long poll."""


class SqsCallError(Exception):
    """SQS refused, or can't be reached; `code` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class SqsClient:
    """One connection pool for all event source mappings."""

    def __init__(self, settings: LambdaSettings) -> None:
        self._url = settings.sqs_endpoint_url.rstrip("/") + "/"
        self._signer = SigV4Auth(
            Credentials(settings.access_key_id, settings.secret_access_key), "sqs", settings.region
        )
        verify = ssl.create_default_context(cafile=str(settings.ca_file)) if settings.ca_file else True
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=5)
        self._http = httpx.AsyncClient(verify=verify, limits=limits, timeout=timeout, trust_env=False)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        """Raises: SqsCallError."""
        body = json.dumps(members)
        headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"AmazonSQS.{operation}"}
        request = AWSRequest(method="POST", url=self._url, data=body, headers=headers)
        self._signer.add_auth(request)
        try:
            response = await self._http.post(self._url, content=body, headers=dict(request.headers.items()))
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise SqsCallError("Unreachable", f"{type(error).__name__}: {error}") from None
        if response.status_code != 200:
            code = response.headers.get("x-amzn-query-error", answer.get("__type", "")).partition(";")[0]
            raise SqsCallError(code, str(answer.get("message")))
        return dict(answer)
