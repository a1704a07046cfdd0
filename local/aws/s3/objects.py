"""Objects: put (also as a copy, and only where none is), get with ranges and conditions, delete, tags."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from starlette.responses import Response, StreamingResponse

from local.aws.s3 import bucket_config, upload_body
from local.aws.s3.buckets import xml_response
from local.aws.s3.errors import S3Error
from local.aws.s3.store import NULL_VERSION, Condition, NewObject, StoredObject
from local.aws.s3.xml import document, iso_time, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request

    from local.aws.s3.service import S3Service
    from local.aws.s3.xml import Node

_KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_ENCRYPTION = "x-amz-server-side-encryption"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MAX_METADATA_BYTES = 2048
_CHUNK = 1 << 20


def headers_to_keep(request: Request) -> dict[str, str]:
    """What a write states about its object: content headers, metadata, storage class, encryption."""
    given = request.headers
    kept = {name: given[name] for name in _KEPT if name in given}
    kept.setdefault("content-type", "binary/octet-stream")
    encodings = [one.strip() for one in kept.get("content-encoding", "").split(",")]
    kept["content-encoding"] = ",".join(one for one in encodings if one and one != "aws-chunked")
    if not kept["content-encoding"]:
        del kept["content-encoding"]
    metadata = {name: value for name, value in given.items() if name.startswith("x-amz-meta-")}
    if sum(len(name) + len(value) for name, value in metadata.items()) > _MAX_METADATA_BYTES + 11 * len(metadata):
        raise S3Error("MetadataTooLarge")
    kept |= metadata | {_ENCRYPTION: given.get(_ENCRYPTION, "AES256")}
    kept |= {name: value for name, value in given.items() if name.startswith(f"{_ENCRYPTION}-aws-kms")}
    if given.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        kept["x-amz-storage-class"] = given["x-amz-storage-class"]
    return kept


def tags_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.headers.get("x-amz-tagging", ""), keep_blank_values=True))


def condition_of(request: Request) -> Condition:
    """The condition of a write.

    Raises:
        S3Error: If-None-Match with anything but `*`, as S3 knows it.
    """
    none_match = request.headers.get("if-none-match")
    if none_match not in {None, "*"}:
        raise S3Error("NotImplemented", "If-None-Match of a write has to be *")
    match = request.headers.get("if-match")
    return Condition(create_only=none_match == "*", etag=match.strip('"') if match else None)


async def put(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    if "x-amz-copy-source" in request.headers:
        return await _copy(service, request, bucket, key)
    store, condition = service.store, condition_of(request)
    headers, tags = headers_to_keep(request), tags_of(request)
    condition.check(await asyncio.to_thread(store.find, bucket, key))  # early: spares the body
    blob = store.new_blob()
    try:
        received = await upload_body.receive(request, store.blob_path(blob))
    except BaseException:
        store.discard(blob)
        raise
    headers |= {f"x-amz-checksum-{name}": value for name, value in received.checksums.items()}
    new = NewObject(bucket, key, blob, received.size, received.md5.hex(), headers, tags)
    stored = await asyncio.to_thread(store.put, new, condition, "ObjectCreated:Put")
    service.queues.wake()
    checksums = {name: value for name, value in headers.items() if name.startswith("x-amz-checksum-")}
    return Response(headers={**_identity(stored), **checksums, _ENCRYPTION: headers[_ENCRYPTION]})


async def _copy(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    store, condition = service.store, condition_of(request)
    source = await asyncio.to_thread(source_of, service, request)
    is_replaced = request.headers.get("x-amz-metadata-directive", "COPY") == "REPLACE"
    if (source.bucket, source.key) == (bucket, key) and not is_replaced and _ENCRYPTION not in request.headers:
        raise S3Error(
            "InvalidArgument", "This copy request is illegal because it is trying to copy an object to itself."
        )
    headers = headers_to_keep(request) if is_replaced else dict(source.headers)
    tags = tags_of(request) if request.headers.get("x-amz-tagging-directive") == "REPLACE" else source.tags
    blob = store.new_blob()
    etag, size = source.etag, source.size

    def work() -> StoredObject:
        nonlocal etag
        etag = copy_range(store.blob_path(source.blob or ""), store.blob_path(blob), 0, size)
        new = NewObject(bucket, key, blob, size, etag, headers, tags)
        return store.put(new, condition, "ObjectCreated:Copy")

    stored = await asyncio.to_thread(work)
    service.queues.wake()
    fields: list[Node] = [("LastModified", iso_time(stored.modified_ms)), ("ETag", f'"{etag}"')]
    response = xml_response(document("CopyObjectResult", fields))
    response.headers.update({name: value for name, value in _identity(stored).items() if name != "ETag"})
    return response


def source_of(service: S3Service, request: Request) -> StoredObject:
    """The object that x-amz-copy-source names, its conditions checked."""
    text, _, query = request.headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(text).lstrip("/").partition("/")
    version = dict(parse_qsl(query)).get("versionId")
    source = service.store.find(bucket, key, version)
    if source is None or source.is_delete_marker:
        raise S3Error("NoSuchVersion" if version else "NoSuchKey", Key=key)
    match = request.headers.get("x-amz-copy-source-if-match")
    none_match = request.headers.get("x-amz-copy-source-if-none-match")
    if (match and match.strip('"') != source.etag) or (none_match and none_match.strip('"') == source.etag):
        raise S3Error("PreconditionFailed")
    return source


def copy_range(source: Path, target: Path, start: int, length: int) -> str:
    """Copy bytes, fsynced. Returns their MD5 in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    with source.open("rb") as reader, target.open("xb") as writer:
        reader.seek(start)
        while length and (piece := reader.read(min(length, _CHUNK))):
            digest.update(piece)
            writer.write(piece)
            length -= len(piece)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


async def get(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    """GetObject and HeadObject."""
    version = request.query_params.get("versionId")
    found = await asyncio.to_thread(service.store.find, bucket, key, version)
    if found is None:
        raise S3Error("NoSuchVersion" if version else "NoSuchKey", Key=key)
    if found.is_delete_marker:
        raise S3Error("MethodNotAllowed" if version else "NoSuchKey", Key=key, DeleteMarker="true")
    headers = _identity(found) | {
        name: value for name, value in found.headers.items() if not name.startswith("x-amz-checksum-")
    }
    headers |= {"Last-Modified": formatdate(found.modified_ms // 1000, usegmt=True), "Accept-Ranges": "bytes"}
    if found.tags:
        headers["x-amz-tagging-count"] = str(len(found.tags))
    if _is_unmodified(request, found):
        return Response(status_code=304, headers={"ETag": headers["ETag"], "Last-Modified": headers["Last-Modified"]})
    for name in _KEPT:
        if f"response-{name}" in request.query_params:
            headers[name] = request.query_params[f"response-{name}"]
    span = _range(request.headers.get("range", ""), found.size)
    if span is None and request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= {name: value for name, value in found.headers.items() if name.startswith("x-amz-checksum-")}
    start, end = span or (0, found.size)
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    status = 206 if span is not None else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    try:
        # Opened before the answer begins: once open, a delete cannot take the bytes away.
        descriptor = os.open(service.store.blob_path(found.blob or ""), os.O_RDONLY)
    except FileNotFoundError:
        raise S3Error("NoSuchKey", Key=key) from None  # replaced or deleted between the two steps
    return StreamingResponse(_read(descriptor, start, end), status, headers)


def _read(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(start)
        while start < end and (piece := file.read(min(end - start, _CHUNK))):
            start += len(piece)
            yield piece


def _is_unmodified(request: Request, found: StoredObject) -> bool:
    """RFC 9110 13.2.2. Returns whether the answer is 304.

    Raises:
        S3Error: PreconditionFailed.
    """
    headers, modified = request.headers, found.modified_ms // 1000

    def seconds(name: str) -> float | None:
        try:
            return parsedate_to_datetime(headers[name]).timestamp() if name in headers else None
        except ValueError:
            return None

    if "if-match" in headers:
        if headers["if-match"].strip('"') not in {"*", found.etag}:
            raise S3Error("PreconditionFailed", Condition="If-Match")
    elif (limit := seconds("if-unmodified-since")) is not None and modified > limit:
        raise S3Error("PreconditionFailed", Condition="If-Unmodified-Since")
    if "if-none-match" in headers:
        return headers["if-none-match"].strip('"') in {"*", found.etag}
    limit = seconds("if-modified-since")
    return limit is not None and modified <= limit


def _range(header: str, size: int) -> tuple[int, int] | None:
    """The half-open span of `bytes=first-last`, `first-`, `-suffix`; None where S3 ignores the header.

    Raises:
        S3Error: InvalidRange.
    """
    parsed = _RANGE.fullmatch(header.replace(" ", ""))
    if not parsed or not any(parsed.groups()):
        return None
    first, last = parsed.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= size or (not first and int(last) == 0):
        raise S3Error("InvalidRange", ActualObjectSize=str(size))
    return start, end


async def delete(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    await asyncio.to_thread(service.store.bucket, bucket)
    version = request.query_params.get("versionId")
    gone = await asyncio.to_thread(service.store.delete, bucket, key, version)
    service.queues.wake()
    headers = {}
    if gone is not None and (gone.version_id != NULL_VERSION or gone.is_delete_marker):
        headers["x-amz-version-id"] = gone.version_id
    if gone is not None and gone.is_delete_marker:
        headers["x-amz-delete-marker"] = "true"
    return Response(status_code=204, headers=headers)


async def delete_many(service: S3Service, request: Request, bucket: str, _key: str) -> Response:
    await asyncio.to_thread(service.store.bucket, bucket)
    root = parse(await request.body())
    wanted = [(one.findtext("Key") or "", one.findtext("VersionId")) for one in root.findall("Object")]
    if not wanted or len(wanted) > 1000:
        raise S3Error("MalformedXML")
    is_quiet = root.findtext("Quiet") == "true"

    def work() -> list[Node]:
        nodes: list[Node] = []
        for key, version in wanted:
            gone = service.store.delete(bucket, key, version)
            fields: list[Node] = [("Key", key), ("VersionId", version)]
            if gone is not None and gone.is_delete_marker:
                fields += [("DeleteMarker", "true"), ("DeleteMarkerVersionId", gone.version_id)]
            nodes.append(("Deleted", fields))
        return nodes

    deleted = await asyncio.to_thread(work)
    service.queues.wake()
    return xml_response(document("DeleteResult", [] if is_quiet else deleted))


async def tagging(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    version = request.query_params.get("versionId")
    found = await asyncio.to_thread(service.store.find, bucket, key, version)
    if found is None or found.is_delete_marker:
        raise S3Error("NoSuchKey", Key=key)
    if request.method == "GET":
        pairs: list[Node] = [("Tag", [("Key", name), ("Value", value)]) for name, value in found.tags.items()]
        return xml_response(document("Tagging", [("TagSet", pairs)]))
    tags: dict[str, str] = {}
    if request.method == "PUT":
        tags = {
            one.findtext("Key") or "": one.findtext("Value") or "" for one in parse(await request.body()).iter("Tag")
        }
    await asyncio.to_thread(service.store.set_tags, found, tags)
    return Response(status_code=204 if request.method == "DELETE" else 200)


async def acl(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    found = await asyncio.to_thread(service.store.find, bucket, key, request.query_params.get("versionId"))
    if found is None or found.is_delete_marker:
        raise S3Error("NoSuchKey", Key=key)
    if request.method != "GET":
        raise S3Error("NotImplemented")
    return xml_response(bucket_config.ACL.encode())


async def attributes(service: S3Service, request: Request, bucket: str, key: str) -> Response:
    found = await asyncio.to_thread(service.store.find, bucket, key, request.query_params.get("versionId"))
    if found is None or found.is_delete_marker:
        raise S3Error("NoSuchKey", Key=key)
    wanted = {one.strip() for one in request.headers.get("x-amz-object-attributes", "").split(",")}
    fields: dict[str, object] = {"ETag": found.etag, "ObjectSize": found.size, "StorageClass": "STANDARD"}
    checksums = [(f"Checksum{n[15:].upper()}", v) for n, v in found.headers.items() if n.startswith("x-amz-checksum-")]
    fields["Checksum"] = checksums or None
    response = xml_response(
        document("GetObjectAttributesResponse", [(name, value) for name, value in fields.items() if name in wanted])
    )
    response.headers["Last-Modified"] = formatdate(found.modified_ms // 1000, usegmt=True)
    return response


def _identity(stored: StoredObject) -> dict[str, str]:
    version = {"x-amz-version-id": stored.version_id} if stored.version_id != NULL_VERSION else {}
    return {"ETag": f'"{stored.etag}"', **version}
