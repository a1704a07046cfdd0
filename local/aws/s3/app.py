"""S3's REST interface (https://docs.aws.amazon.com/AmazonS3/latest/API/), path style and bucket.localhost."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from local.aws.s3 import bucket_config, buckets, objects, uploads
from local.aws.s3.errors import S3Error

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from local.aws.s3.service import S3Service

_log = logging.getLogger(__name__)
_BUCKET_HOST = re.compile(r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(?:s3\.)?localhost(?::\d+)?$")


class S3App:
    """The ASGI application over a service. Who calls was decided before."""

    def __init__(self, service: S3Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = secrets.token_hex(8).upper()
        try:
            bucket, key = _address(request)
            response = await self._handle(request, bucket, key)
        except ClientDisconnect:
            return
        except S3Error as error:
            body = b"" if request.method == "HEAD" else error.xml(scope["path"], request_id)
            headers = {"x-amz-delete-marker": "true"} if error.details.get("DeleteMarker") else {}
            response = Response(body, error.status, headers, media_type="application/xml")
        except Exception:  # noqa: BLE001
            _log.exception("%s %s failed", request.method, scope["path"])
            response = Response(S3Error("InternalError").xml(scope["path"], request_id), 500)
        response.headers["x-amz-request-id"] = request_id
        response.headers["x-amz-id-2"] = "local"
        await response(scope, receive, send)

    async def _handle(self, request: Request, bucket: str, key: str) -> Response:
        if not bucket:
            if request.method != "GET":
                raise S3Error("MethodNotAllowed")
            return await asyncio.to_thread(buckets.list_buckets, self._service)
        handler = _bucket_handler(request) if not key else _object_handler(request)
        response: Response = await handler(self._service, request, bucket, key)
        return response


def _address(request: Request) -> tuple[str, str]:
    """Bucket and key, from the raw path: a key may hold encoded slashes and dots."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    path = unquote(raw.split(b"?")[0].decode("latin-1"), encoding="utf-8", errors="replace")
    found = _BUCKET_HOST.match(request.headers.get("host", ""))
    if found:
        return found.group(1), path[1:]
    bucket, _, key = path[1:].partition("/")
    if len(key.encode()) > 1024:
        raise S3Error("KeyTooLongError")
    return bucket, key


def _bucket_handler(request: Request) -> Any:
    query, method = request.query_params, request.method
    for name in bucket_config.DEFAULTS:
        if name in query:
            return buckets.sub_resource(name)
    if "delete" in query and method == "POST":
        return objects.delete_many
    plain = {"PUT": buckets.create, "HEAD": buckets.head, "DELETE": buckets.delete}
    if method in plain and not any(
        name in query for name in ("inventory", "analytics", "metrics", "intelligent-tiering")
    ):
        return plain[method]
    if method == "GET":
        for name, handler in (
            ("location", buckets.location),
            ("uploads", uploads.list_uploads),
            ("versions", buckets.list_versions),
        ):
            if name in query:
                return handler
        if any(name in query for name in ("inventory", "analytics", "metrics", "intelligent-tiering")):
            raise S3Error("NotImplemented")
        return buckets.list_contents
    raise S3Error("NotImplemented" if method == "POST" else "MethodNotAllowed")


def _object_handler(request: Request) -> Any:
    query, method = request.query_params, request.method
    for name in ("legal-hold", "retention", "torrent", "select", "restore"):
        if name in query:
            raise S3Error("NotImplemented")
    if "tagging" in query:
        return objects.tagging
    if "acl" in query:
        return objects.acl
    if "uploadId" in query:
        chosen = {
            "PUT": uploads.put_part,
            "GET": uploads.list_parts,
            "POST": uploads.complete,
            "DELETE": uploads.abort,
        }
    elif "uploads" in query:
        chosen = {"POST": uploads.create}
    elif "attributes" in query:
        chosen = {"GET": objects.attributes}
    else:
        chosen = {"PUT": objects.put, "GET": objects.get, "HEAD": objects.get, "DELETE": objects.delete}
    if method not in chosen:
        raise S3Error("MethodNotAllowed")
    return chosen[method]
