"""Buckets: create, list, delete, what is in them, and their configuration."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from local.aws.s3 import bucket_config, notifications
from local.aws.s3.errors import S3Error
from local.aws.s3.listing import OWNER, list_object_versions, list_objects, list_objects_v2
from local.aws.s3.xml import document, iso_time, parse

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.aws.s3.service import S3Service

_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!xn--)[a-z0-9](?:[a-z0-9-]|\.(?=[a-z0-9])){1,61}[a-z0-9]")


def xml_response(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/xml")


def list_buckets(service: S3Service) -> Response:
    entries = [
        (
            "Bucket",
            [("Name", row["name"]), ("CreationDate", iso_time(row["created_ms"])), ("BucketRegion", row["region"])],
        )
        for row in service.store.buckets()
    ]
    return xml_response(document("ListAllMyBucketsResult", [("Owner", OWNER), ("Buckets", entries)]))


async def create(service: S3Service, request: Request, bucket: str, _key: str) -> Response:
    if not _NAME.fullmatch(bucket):
        raise S3Error("InvalidBucketName", BucketName=bucket)
    body = await request.body()
    region = (parse(body).findtext("LocationConstraint") if body else None) or service.region
    is_new = await asyncio.to_thread(service.store.create_bucket, bucket, region)
    if not is_new and service.region != "us-east-1":  # there, and only there, creating it again succeeds
        raise S3Error("BucketAlreadyOwnedByYou", BucketName=bucket)
    return Response(status_code=200, headers={"Location": f"/{bucket}", "x-amz-bucket-arn": f"arn:aws:s3:::{bucket}"})


async def head(service: S3Service, _request: Request, bucket: str, _key: str) -> Response:
    row = await asyncio.to_thread(service.store.bucket, bucket)
    return Response(headers={"x-amz-bucket-region": row["region"], "x-amz-access-point-alias": "false"})


async def delete(service: S3Service, _request: Request, bucket: str, _key: str) -> Response:
    await asyncio.to_thread(service.store.delete_bucket, bucket)
    return Response(status_code=204)


async def location(service: S3Service, _request: Request, bucket: str, _key: str) -> Response:
    row = await asyncio.to_thread(service.store.bucket, bucket)
    region = "" if row["region"] == "us-east-1" else row["region"]
    body = (
        document("LocationConstraint", []).decode().replace("></LocationConstraint>", f">{region}</LocationConstraint>")
    )
    return xml_response(body.encode())


async def list_contents(service: S3Service, request: Request, bucket: str, _key: str) -> Response:
    query = dict(request.query_params)
    chosen = list_objects_v2 if query.get("list-type") == "2" else list_objects
    return await _listed(service, bucket, chosen, query)


async def list_versions(service: S3Service, request: Request, bucket: str, _key: str) -> Response:
    return await _listed(service, bucket, list_object_versions, dict(request.query_params))


async def _listed(service: S3Service, bucket: str, chosen: Any, query: dict[str, str]) -> Response:
    def work() -> bytes:
        service.store.bucket(bucket)
        body: bytes = chosen(service.database.reader, bucket, query)
        return body

    return xml_response(await asyncio.to_thread(work))


def sub_resource(name: str) -> Any:
    """The handler of `?name` on a bucket."""

    async def handle(service: S3Service, request: Request, bucket: str, _key: str) -> Response:
        store = service.store
        await asyncio.to_thread(store.bucket, bucket)
        if request.method == "GET":
            kept = await asyncio.to_thread(store.config, bucket, name)
            body = kept if kept is not None else bucket_config.default(name)
            return Response(body, media_type="application/json" if name == "policy" else "application/xml")
        if name in bucket_config.READ_ONLY:
            raise S3Error("MethodNotAllowed")
        if request.method == "DELETE":
            await asyncio.to_thread(store.put_config, bucket, name, None)
            return Response(status_code=204)
        if request.method != "PUT":
            raise S3Error("MethodNotAllowed")
        body = await request.body()
        if name in bucket_config.REFUSED:
            raise S3Error("NotImplemented")
        if name == "notification":
            await _check_destinations(service, bucket, body)
        elif name == "versioning":
            if parse(body).findtext("Status") not in {"Enabled", "Suspended"}:
                raise S3Error("MalformedXML")
        elif name not in {"policy", "acl"}:
            parse(body)
        await asyncio.to_thread(store.put_config, bucket, name, body)
        service.queues.wake()
        return Response(status_code=204 if name == "policy" else 200)

    return handle


async def _check_destinations(service: S3Service, bucket: str, body: bytes) -> None:
    """As S3 does when it is configured: each queue has to exist, and gets a test event."""
    queues = {notifications.queue_name(rule.queue_arn) for rule in notifications.parse_rules(body)}
    for queue in queues:
        if not await service.queues.has_queue(queue):
            raise S3Error("InvalidArgument", "Unable to validate the following destination configurations")
    event = notifications.test_event(bucket, time.time_ns() // 1_000_000)

    def announce() -> None:
        with service.database.transaction() as db:
            db.executemany(
                "INSERT INTO outbox (queue, body) VALUES (?, ?)", [(queue, event) for queue in sorted(queues)]
            )

    await asyncio.to_thread(announce)
