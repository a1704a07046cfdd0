"""S3 as the local cloud serves it, through boto3 and awswrangler, against the running endpoint."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.local.aws_endpoint import Endpoint


def until_killed(write):
    """What a writer does when its server is killed under it is the client's affair."""
    with contextlib.suppress(Exception):
        write()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    running = Endpoint(tmp_path_factory.mktemp("aws-s3")).start()
    yield running
    running.process.stop()


@pytest.fixture(scope="module")
def s3(endpoint):
    return endpoint.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "b-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]
    s3.create_bucket(Bucket=name)
    return name


def refused(code):
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_an_object_comes_back_with_bytes_type_and_metadata(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"bytes", ContentType="text/x", Metadata={"one": "1"})
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"bytes"
    assert (got["ContentType"], got["Metadata"], got["ContentLength"]) == ("text/x", {"one": "1"}, 5)
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"bytes").hexdigest()}"'


def test_create_only_writes_refuse_an_existing_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"second" * 100_000, IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


@pytest.mark.parametrize("versioning", [None, "Enabled"])
def test_of_many_concurrent_create_only_writes_exactly_one_wins(endpoint, s3, bucket, versioning):
    if versioning:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": versioning})
    start = threading.Barrier(16)

    def write(n):
        client = endpoint.client("s3")
        start.wait()
        try:
            client.put_object(Bucket=bucket, Key="k", Body=b"%d" % n * 50_000, IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"]
        return n

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(write, range(16)))
    winners = [answer for answer in answers if isinstance(answer, int)]
    assert len(winners) == 1
    assert set(answers) - set(winners) == {"PreconditionFailed"}
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"%d" % winners[0] * 50_000


def test_create_only_is_possible_again_after_a_delete(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")


def test_if_match_replaces_exactly_the_version_it_names(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    with refused("PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    with refused("NoSuchKey"):
        s3.put_object(Bucket=bucket, Key="other", Body=b"3", IfMatch=etag)


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-100", b"56789", "bytes 5-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_gives_these_bytes_only(s3, bucket, asked, expected, content_range):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert (got["Body"].read(), got["ContentRange"]) == (expected, content_range)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_beyond_the_end_is_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with refused("InvalidRange"):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")


def test_conditional_reads_answer_304_and_412(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    with refused("304"):
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    with refused("PreconditionFailed"):
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')


ODD_KEYS = ["a b+c", "é/ü", "x=1/y=2", "a&b<c>", "percent%20", "\U0001f600", "//double", "tab\there", "~z"]


def test_keys_of_any_characters_are_listed_and_read(s3, bucket):
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(ODD_KEYS, key=lambda key: key.encode())
    assert [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in listed] == listed


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
def test_pages_of_any_size_name_each_key_and_prefix_once_in_order(s3, bucket, operation, page_size):
    keys = ["a", "d/1", "d/2", "d/e/3", "d0", "f/1", "f/g/1", "z"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = list(
        s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": page_size}, Delimiter="/")
    )
    listed = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    prefixes = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    assert (listed, prefixes) == (["a", "d0", "z"], ["d/", "f/"])
    flat = s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": page_size}, Prefix="d/")
    assert [entry["Key"] for page in flat for entry in page.get("Contents", [])] == ["d/1", "d/2", "d/e/3"]


def test_start_after_begins_behind_the_key(s3, bucket):
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    found = s3.list_objects_v2(Bucket=bucket, StartAfter="a", MaxKeys=1)
    assert ([entry["Key"] for entry in found["Contents"]], found["IsTruncated"], found["KeyCount"]) == (["b"], True, 1)


def test_a_versioned_bucket_keeps_every_version_and_delete_markers(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"]
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [entry["VersionId"] for entry in listed["Versions"]] == [second, first]
    assert [entry["IsLatest"] for entry in listed["DeleteMarkers"]] == [True]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_version_listings_page_through_all_versions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = {(key, s3.put_object(Bucket=bucket, Key=key, Body=b"")["VersionId"]) for key in "aab" for _ in range(2)}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    listed = [(entry["Key"], entry["VersionId"]) for page in pages for entry in page.get("Versions", [])]
    assert len(listed) == len(made)
    assert set(listed) == made


def test_many_are_deleted_in_one_request(s3, bucket):
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    found = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in "abx"]})
    assert {entry["Key"] for entry in found["Deleted"]} == set("abx")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]


def test_a_copy_keeps_bytes_and_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b/é", Body=b"bytes", Metadata={"m": "1"})
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/é"})
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert (got["Body"].read(), got["Metadata"]) == (b"bytes", {"m": "1"})


def test_a_large_object_goes_up_in_parts_and_comes_down_whole(s3, bucket):
    body = bytes(range(256)) * 45_000  # 11.5 MB: three parts
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(body), bucket, "large", Config=config)
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-3"')
    received = io.BytesIO()
    s3.download_fileobj(bucket, "large", received, Config=config)
    assert received.getvalue() == body


def test_an_upload_with_a_wrong_part_is_refused_and_can_be_aborted(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    wrong = {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}
    with refused("InvalidPart"):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=wrong)
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    with refused("NoSuchUpload"):
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


def test_a_body_that_is_not_what_its_checksum_says_is_refused(s3, bucket):
    with refused("BadDigest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"body", ChecksumSHA256="A" * 43 + "=")
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


def test_a_chunked_upload_is_stored_without_its_framing(endpoint, bucket):
    scope = "AWS4-HMAC-SHA256 Credential=DEVELOPER/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    headers = {
        "authorization": scope,
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "9",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    body = b"4;chunk-signature=0\r\nwiki\r\n5\r\npedia\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n"
    crc = base64.b64encode(zlib.crc32(b"wikipedia").to_bytes(4, "big"))
    url = f"{endpoint.url}/{bucket}/k"
    assert httpx.put(url, content=body % crc, headers=headers).status_code == 200
    got = httpx.get(url, headers={"authorization": scope})
    assert (got.content, got.headers.get("content-encoding")) == (b"wikipedia", None)
    assert b"BadDigest" in httpx.put(url, content=body % b"AAAAAA==", headers=headers).content


CONFIGURATIONS = [
    ("policy", {"Policy": '{"Version": "2012-10-17", "Statement": []}'}, "NoSuchBucketPolicy"),
    (
        "lifecycle_configuration",
        {
            "LifecycleConfiguration": {
                "Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 1}}]
            }
        },
        "NoSuchLifecycleConfiguration",
    ),
    ("tagging", {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}, "NoSuchTagSet"),
]


@pytest.mark.parametrize(("name", "given", "missing"), CONFIGURATIONS)
def test_a_buckets_configuration_is_given_back_as_it_was_put(s3, bucket, name, given, missing):
    with refused(missing):
        getattr(s3, f"get_bucket_{name}")(Bucket=bucket)
    getattr(s3, f"put_bucket_{name}")(Bucket=bucket, **given)
    got = getattr(s3, f"get_bucket_{name}")(Bucket=bucket)
    value = next(iter(given.values()))
    assert (got["Policy"] == value) if name == "policy" else (value.items() <= got.items())


def test_a_bucket_that_holds_something_is_not_deleted(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    with refused("NoSuchBucket"):
        s3.list_objects_v2(Bucket=bucket)


def test_malformed_xml_gets_s3s_error_and_an_unknown_feature_says_so(endpoint, bucket):
    scope = "AWS4-HMAC-SHA256 Credential=DEVELOPER/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    for body in (b"<not", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'):
        answer = httpx.put(f"{endpoint.url}/{bucket}?versioning", content=body, headers={"authorization": scope})
        assert (answer.status_code, b"<Code>MalformedXML</Code>" in answer.content) == (400, True)
    answer = httpx.put(f"{endpoint.url}/{bucket}?replication", content=b"<x/>", headers={"authorization": scope})
    assert (answer.status_code, b"<Code>NotImplemented</Code>" in answer.content) == (501, True)


def test_an_unknown_key_and_no_key_are_refused(endpoint, bucket):
    with refused("InvalidAccessKeyId"):
        endpoint.client("s3", access_key="UNKNOWN").list_buckets()
    assert b"<Code>AccessDenied</Code>" in httpx.get(f"{endpoint.url}/{bucket}/k").content


def test_an_answer_before_the_body_leaves_the_connection_usable(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    for _ in range(3):
        with refused("PreconditionFailed"):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 3_000_000, IfNoneMatch="*")
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_notifications_reach_the_queue_as_s3_sends_them(endpoint, s3, bucket):
    url, arn = endpoint.queue("load")
    endpoint.notify(bucket, arn, prefix="raw/", suffix=".parquet")
    s3.put_object(Bucket=bucket, Key="raw/d=1/a b+é.parquet", Body=b"12345")
    s3.put_object(Bucket=bucket, Key="other/a.parquet", Body=b"")
    s3.put_object(Bucket=bucket, Key="raw/a.json", Body=b"")
    test, event = endpoint.take(url, 3)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    (record,) = event["Records"]
    assert (record["eventName"], record["eventSource"], record["eventVersion"]) == (
        "ObjectCreated:Put",
        "aws:s3",
        "2.1",
    )
    assert record["s3"]["bucket"]["name"] == bucket
    assert record["s3"]["object"]["key"] == "raw/d%3D1/a+b%2B%C3%A9.parquet"
    assert record["s3"]["object"]["size"] == 5


def test_a_notification_to_a_queue_that_is_not_there_is_refused(endpoint, bucket):
    with refused("InvalidArgument"):
        endpoint.notify(bucket, "arn:aws:sqs:us-east-1:123456789012:nowhere")


def test_awswrangler_writes_exactly_one_named_object_and_reads_it_back(endpoint, bucket):
    import awswrangler
    import boto3
    import pandas as pd

    session = boto3.Session("DEVELOPER", "secret", region_name="us-east-1")
    awswrangler.config.s3_endpoint_url = endpoint.url
    try:
        frame = pd.DataFrame({"n": range(5000), "text": ["x" * 90] * 5000})
        path = f"s3://{bucket}/raw/part=1/exact.parquet"
        awswrangler.s3.to_parquet(frame, path=path, boto3_session=session)
        assert awswrangler.s3.list_objects(f"s3://{bucket}/", boto3_session=session) == [path]
        assert len(awswrangler.s3.read_parquet(path, boto3_session=session)) == 5000
    finally:
        awswrangler.config.s3_endpoint_url = None


def test_pyarrow_s3_file_system_works(endpoint, bucket):
    from pyarrow import fs

    files = fs.S3FileSystem(
        access_key="DEVELOPER",
        secret_key="secret",
        region="us-east-1",
        endpoint_override=f"127.0.0.1:{endpoint.port}",
        scheme="http",
    )
    with files.open_output_stream(f"{bucket}/dir/file") as stream:
        stream.write(b"x" * 6_000_000)
    with files.open_input_file(f"{bucket}/dir/file") as file:
        file.seek(5_999_990)
        assert file.read() == b"x" * 10
    assert [info.path for info in files.get_file_info(fs.FileSelector(f"{bucket}/dir"))] == [f"{bucket}/dir/file"]


@pytest.mark.alone
def test_no_object_version_or_notification_is_lost_when_it_is_killed_again_and_again(tmp_path):
    endpoint = Endpoint(tmp_path).start()
    try:
        s3 = endpoint.client("s3")
        s3.create_bucket(Bucket="lake")
        s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        url, arn = endpoint.queue("load")
        endpoint.notify("lake", arn, prefix="raw/")
        written = {}

        def write():
            client = endpoint.client("s3", retries=1)
            while True:
                n = len(written)
                body = b"%08d" % n * 5_000
                answer = client.put_object(Bucket="lake", Key=f"raw/{n}", Body=body, Metadata={"n": str(n)})
                written[n] = (answer["VersionId"], body)

        for round_number in range(1, 3):
            writer = threading.Thread(target=until_killed, args=(write,))
            writer.start()
            while len(written) < round_number * 40 and writer.is_alive():
                writer.join(0.01)
            endpoint.process.kill()
            writer.join()
            endpoint.start()
        s3 = endpoint.client("s3")
        for n, (version, body) in written.items():
            got = s3.get_object(Bucket="lake", Key=f"raw/{n}", VersionId=version)
            assert (got["Body"].read(), got["Metadata"]) == (body, {"n": str(n)})
        events = endpoint.take(url, 10_000)
        told = {record["s3"]["object"]["key"] for event in events for record in event.get("Records", [])}
        assert {f"raw/{n}" for n in written} <= told
        blobs = list((tmp_path / "data" / "s3" / "blobs").glob("*/*"))
        versions = [
            v for page in s3.get_paginator("list_object_versions").paginate(Bucket="lake") for v in page["Versions"]
        ]
        assert len(blobs) == len(versions)  # what was never acknowledged leaves no file behind
    finally:
        endpoint.process.stop()


@pytest.mark.alone
def test_a_notification_that_waits_when_it_is_killed_is_sent_after_the_restart(tmp_path):
    import sqlite3

    endpoint = Endpoint(tmp_path).start()
    try:
        url, _ = endpoint.queue("load")
        endpoint.process.kill()
        with sqlite3.connect(tmp_path / "data" / "aws.sqlite3") as database:
            database.execute("INSERT INTO outbox (queue, body) VALUES ('load', '{\"waited\": true}')")
        database.close()
        endpoint.start()
        assert endpoint.take(url, 1, wait_seconds=10) == [{"waited": True}]
    finally:
        endpoint.process.stop()
