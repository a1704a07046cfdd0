"""Multipart uploads (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.responses import Response

from local.aws.s3 import upload_body
from local.aws.s3.buckets import xml_response
from local.aws.s3.errors import S3Error
from local.aws.s3.listing import OWNER
from local.aws.s3.objects import condition_of, copy_range, headers_to_keep, source_of, tags_of
from local.aws.s3.xml import document, iso_time, parse

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.aws.s3.service import S3Service
    from local.aws.s3.xml import Node

_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


async def create(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    headers, tags = headers_to_keep(request), tags_of(request)
    upload = await asyncio.to_thread(service.store.create_upload, bucket, key, headers, tags)
    fields: list[Node] = [("Bucket", bucket), ("Key", key), ("UploadId", upload)]
    return xml_response(document("InitiateMultipartUploadResult", fields))


async def put_part(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    store, upload = service.store, request.query_params["uploadId"]
    text = request.query_params.get("partNumber", "")
    if not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    await asyncio.to_thread(store.upload, bucket, key, upload)
    blob = store.new_blob()
    try:
        if "x-amz-copy-source" in request.headers:
            source = await asyncio.to_thread(source_of, service, request)
            span = _COPY_RANGE.fullmatch(request.headers.get("x-amz-copy-source-range", f"bytes=0-{source.size - 1}"))
            if span is None or int(span.group(2)) >= source.size:
                raise S3Error("InvalidRange")  # noqa: TRY301
            start, size = int(span.group(1)), int(span.group(2)) - int(span.group(1)) + 1
            paths = store.blob_path(source.blob or ""), store.blob_path(blob)
            etag = await asyncio.to_thread(copy_range, *paths, start, size)
            await asyncio.to_thread(store.put_part, upload, int(text), blob, size, etag)
            fields: list[Node] = [("LastModified", iso_time(source.modified_ms)), ("ETag", f'"{etag}"')]
            return xml_response(document("CopyPartResult", fields))
        received = await upload_body.receive(request, store.blob_path(blob))
        await asyncio.to_thread(store.put_part, upload, int(text), blob, received.size, received.md5.hex())
    except BaseException:
        store.discard(blob)
        raise
    checksums = {f"x-amz-checksum-{name}": value for name, value in received.checksums.items()}
    return Response(headers={"ETag": f'"{received.md5.hex()}"', **checksums})


async def complete(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    store = service.store
    row = await asyncio.to_thread(store.upload, bucket, key, request.query_params["uploadId"])
    wanted = []
    for part in parse(await request.body()).findall("Part"):
        number = part.findtext("PartNumber") or ""
        if not number.isdigit():
            raise S3Error("MalformedXML")
        wanted.append((int(number), (part.findtext("ETag") or "").strip('"')))
    stored = await asyncio.to_thread(store.complete_upload, row, wanted, condition_of(request))
    service.queues.wake()
    fields: list[Node] = [
        ("Location", f"{request.base_url}{bucket}/{key}"),
        ("Bucket", bucket),
        ("Key", key),
        ("ETag", f'"{stored.etag}"'),
    ]
    response = xml_response(document("CompleteMultipartUploadResult", fields))
    if stored.version_id != "null":
        response.headers["x-amz-version-id"] = stored.version_id
    return response


async def abort(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    row = await asyncio.to_thread(service.store.upload, bucket, key, request.query_params["uploadId"])
    await asyncio.to_thread(service.store.abort_upload, row["id"])
    return Response(status_code=204)


async def list_parts(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    query = request.query_params
    row = await asyncio.to_thread(service.store.upload, bucket, key, query["uploadId"])
    after, limit = int(query.get("part-number-marker", 0)), min(int(query.get("max-parts", 1000)), 1000)
    parts = [part for part in await asyncio.to_thread(service.store.parts, row["id"]) if part["number"] > after]
    page = parts[:limit]
    fields: list[Node] = [
        ("Bucket", bucket),
        ("Key", key),
        ("UploadId", row["id"]),
        ("Owner", OWNER),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", page[-1]["number"] if page else None),
        ("MaxParts", limit),
        ("IsTruncated", len(parts) > limit),
    ]
    for part in page:
        entry: list[Node] = [("PartNumber", part["number"]), ("LastModified", iso_time(part["modified_ms"]))]
        fields.append(("Part", [*entry, ("ETag", f'"{part["etag"]}"'), ("Size", part["size"])]))
    return xml_response(document("ListPartsResult", fields))


async def list_uploads(service: S3Service, request: Request, bucket: str, _key: str) -> Response:
    """All of them: local stacks have few."""
    prefix = request.query_params.get("prefix", "")
    fields: list[Node] = [("Bucket", bucket), ("Prefix", prefix), ("IsTruncated", False)]
    for row in await asyncio.to_thread(service.store.uploads, bucket):
        if row["key"].startswith(prefix):
            entry: list[Node] = [("Key", row["key"]), ("UploadId", row["id"]), ("StorageClass", "STANDARD")]
            fields.append(("Upload", [*entry, ("Initiated", iso_time(row["initiated_ms"]))]))
    return xml_response(document("ListMultipartUploadsResult", fields))
