"""ListObjects, ListObjectsV2, ListObjectVersions: in UTF-8 order, pages by key, common prefixes skipped over."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from local.aws.s3.errors import S3Error
from local.aws.s3.store import StoredObject
from local.aws.s3.xml import document, iso_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from local.aws.s3.xml import Node

OWNER: list[Node] = [("ID", "0" * 64), ("DisplayName", "local")]
_MAX_KEYS = 1000


@dataclass
class _Page:
    entries: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""  # the last key or common prefix on this page
    is_truncated: bool = False


def list_objects_v2(db: sqlite3.Connection, bucket: str, query: Mapping[str, str]) -> bytes:
    token = query.get("continuation-token")
    after = _from_token(token) if token is not None else query.get("start-after", "")
    prefix, delimiter, limit = query.get("prefix", ""), query.get("delimiter", ""), _max_keys(query, "max-keys")
    page = _page(db, bucket, prefix, delimiter, after, limit)
    show, has_owner = _show(query), query.get("fetch-owner") == "true"
    children: list[Node] = [
        ("Name", bucket),
        ("Prefix", show(prefix)),
        ("Delimiter", show(delimiter) if delimiter else None),
        ("MaxKeys", limit),
        ("EncodingType", query.get("encoding-type")),
        ("KeyCount", len(page.entries) + len(page.prefixes)),
        ("IsTruncated", page.is_truncated),
        ("ContinuationToken", token),
        ("NextContinuationToken", _to_token(page.last) if page.is_truncated else None),
        ("StartAfter", show(query["start-after"]) if "start-after" in query else None),
    ]
    return document("ListBucketResult", [*children, *_contents(page, show, has_owner=has_owner)])


def list_objects(db: sqlite3.Connection, bucket: str, query: Mapping[str, str]) -> bytes:
    marker, prefix, delimiter = query.get("marker", ""), query.get("prefix", ""), query.get("delimiter", "")
    limit, show = _max_keys(query, "max-keys"), _show(query)
    page = _page(db, bucket, prefix, delimiter, marker, limit)
    children: list[Node] = [
        ("Name", bucket),
        ("Prefix", show(prefix)),
        ("Marker", show(marker)),
        ("NextMarker", show(page.last) if page.is_truncated and delimiter else None),
        ("Delimiter", show(delimiter) if delimiter else None),
        ("MaxKeys", limit),
        ("EncodingType", query.get("encoding-type")),
        ("IsTruncated", page.is_truncated),
    ]
    return document("ListBucketResult", [*children, *_contents(page, show, has_owner=True)])


def list_object_versions(db: sqlite3.Connection, bucket: str, query: Mapping[str, str]) -> bytes:
    prefix, delimiter, limit = query.get("prefix", ""), query.get("delimiter", ""), _max_keys(query, "max-keys")
    key_marker, version_marker, show = query.get("key-marker", ""), query.get("version-id-marker", ""), _show(query)
    nodes: list[Node] = []
    prefixes: list[str] = []
    is_truncated, last = False, ("", "")
    for row in db.execute(
        "SELECT * FROM objects WHERE bucket = ? AND key >= ? ORDER BY key, sequence DESC",
        [bucket, key_marker or prefix],
    ):
        found = StoredObject.from_row(row)
        if not found.key.startswith(prefix):
            if found.key > prefix:
                break
            continue
        if found.key == key_marker:  # within the marker's key: go on behind the marker's version, or behind the key
            if version_marker and found.version_id == version_marker:
                version_marker = ""
                key_marker = "\0" + key_marker  # the rest of this key's versions are wanted
            continue
        common = _common_prefix(found.key, prefix, delimiter)
        if common is not None and (common in prefixes or common <= key_marker):
            continue
        if len(nodes) + len(prefixes) >= limit:
            is_truncated = True
            break
        if common is not None:
            prefixes.append(common)
            last = (common, "")
            continue
        last = (found.key, found.version_id)
        nodes.append(_version(found, show))
    children: list[Node] = [
        ("Name", bucket),
        ("Prefix", show(prefix)),
        ("KeyMarker", show(query.get("key-marker", ""))),
        ("VersionIdMarker", query.get("version-id-marker", "")),
        ("NextKeyMarker", show(last[0]) if is_truncated else None),
        ("NextVersionIdMarker", last[1] if is_truncated and last[1] else None),
        ("Delimiter", show(delimiter) if delimiter else None),
        ("MaxKeys", limit),
        ("EncodingType", query.get("encoding-type")),
        ("IsTruncated", is_truncated),
        *nodes,
        *[("CommonPrefixes", [("Prefix", show(common))]) for common in prefixes],
    ]
    return document("ListVersionsResult", children)


def _version(found: StoredObject, show: _Show) -> Node:
    common: list[Node] = [
        ("Key", show(found.key)),
        ("VersionId", found.version_id),
        ("IsLatest", found.is_latest),
        ("LastModified", iso_time(found.modified_ms)),
        ("Owner", OWNER),
    ]
    if found.is_delete_marker:
        return ("DeleteMarker", common)
    size: list[Node] = [("ETag", f'"{found.etag}"'), ("Size", found.size), ("StorageClass", "STANDARD")]
    return ("Version", [*common, *size])


def _page(db: sqlite3.Connection, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> _Page:
    """At most `limit` keys and common prefixes behind `after`."""
    page = _Page(last=after)
    end = _successor(prefix)
    position, comparison = (after, ">") if after >= prefix else (prefix, ">=")
    if delimiter and (inside := _common_prefix(after, prefix, delimiter)) is not None and inside == after:
        position, comparison = _successor(after), ">="  # `after` is a common prefix: all beneath it was told
    while limit:
        rows = db.execute(
            f"SELECT * FROM objects WHERE bucket = ? AND key {comparison} ? AND (? = '' OR key < ?) AND is_latest"  # noqa: S608
            " AND blob IS NOT NULL ORDER BY key LIMIT ?",
            [bucket, position, end, end, limit + 1],
        ).fetchall()
        for row in rows:
            if len(page.entries) + len(page.prefixes) == limit:
                page.is_truncated = True
                return page
            common = _common_prefix(row["key"], prefix, delimiter)
            if common is not None:
                page.prefixes.append(common)
                page.last, position, comparison = common, _successor(common), ">="
                break  # everything beneath it is skipped by the next statement
            page.entries.append(StoredObject.from_row(row))
            page.last, position, comparison = row["key"], row["key"], ">"
        else:
            return page
        if not position:
            return page
    return page


def _common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter or not key.startswith(prefix):
        return None
    end = key.find(delimiter, len(prefix))
    return key[: end + len(delimiter)] if end >= 0 else None


def _successor(prefix: str) -> str:
    """The least text that is greater than all that begins with `prefix`; empty when there is none."""
    while prefix:
        code = ord(prefix[-1]) + 1
        if code == 0xD800:  # surrogates are no characters
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[:-1] + chr(code)
        prefix = prefix[:-1]
    return ""


class _Show:
    def __init__(self, *, is_url: bool) -> None:
        self._is_url = is_url

    def __call__(self, text: str) -> str:
        return quote(text, safe="/") if self._is_url else text


def _show(query: Mapping[str, str]) -> _Show:
    encoding = query.get("encoding-type")
    if encoding not in {None, "url"}:
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    return _Show(is_url=encoding == "url")


def _contents(page: _Page, show: _Show, *, has_owner: bool) -> list[Node]:
    nodes: list[Node] = []
    for found in page.entries:
        fields: list[Node] = [
            ("Key", show(found.key)),
            ("LastModified", iso_time(found.modified_ms)),
            ("ETag", f'"{found.etag}"'),
            ("Size", found.size),
            ("Owner", OWNER if has_owner else None),
            ("StorageClass", "STANDARD"),
        ]
        nodes.append(("Contents", fields))
    return nodes + [("CommonPrefixes", [("Prefix", show(common))]) for common in page.prefixes]


def _max_keys(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, str(_MAX_KEYS))
    if not text.isascii() or not text.isdigit():
        raise S3Error("InvalidArgument", f"Provided {name} not an integer or within integer range")
    return min(int(text), _MAX_KEYS)


def _to_token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _from_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from None
