"""Who calls, which service, and how that service says no (SigV4: the Authorization header or a presigned URL)."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from starlette.responses import Response

from local.aws.s3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import Headers

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")


@dataclass(frozen=True)
class Caller:
    """What the signature's scope says. All empty when the request is not signed."""

    access_key_id: str = ""
    region: str = ""
    service: str = ""


def caller_of(headers: Headers, query: Mapping[str, str]) -> Caller:
    text = headers.get("authorization", "") or f"Credential={query.get('X-Amz-Credential', '')}"
    found = _SCOPE.search(text)
    if found is not None:
        return Caller(*found.groups())
    if headers.get("x-amz-target", "").startswith("AmazonSQS."):
        return Caller(service="sqs")
    return Caller()


def refusal(caller: Caller, headers: Headers, path: str) -> Response:
    """The answer to a key that nobody has, or to no key at all, in the protocol of the service that was asked."""
    is_signed = bool(caller.access_key_id)
    if caller.service in {"s3", ""} and "x-amz-target" not in headers:
        error = (
            S3Error("InvalidAccessKeyId", AWSAccessKeyId=caller.access_key_id) if is_signed else S3Error("AccessDenied")
        )
        return Response(error.xml(path, uuid.uuid4().hex[:16].upper()), 403, media_type="application/xml")
    message = "The security token included in the request is invalid."
    if not is_signed:
        message = "Missing Authentication Token"
    if "x-amz-target" in headers:
        kind = "UnrecognizedClientException" if is_signed else "MissingAuthenticationTokenException"
        return json_error(kind, message, 400)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return query_error("InvalidClientTokenId" if is_signed else "MissingAuthenticationToken", message, 403)
    return json_error(
        "UnrecognizedClientException" if is_signed else "MissingAuthenticationTokenException", message, 403
    )


def json_error(kind: str, message: str, status: int) -> Response:
    """An error of the JSON and REST-JSON protocols."""
    body = json.dumps({"__type": kind, "message": message})
    headers = {"x-amzn-ErrorType": kind, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(body, status, headers, media_type="application/x-amz-json-1.1")


def query_error(code: str, message: str, status: int) -> Response:
    """An error of the query protocol (STS, SES v1)."""
    fields = f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    body = f"<ErrorResponse><Error>{fields}</Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    return Response(body, status, media_type="text/xml")
