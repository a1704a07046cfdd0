"""Buckets, objects, uploads in SQLite, bodies in files: a body is on disk before its row, the row before the answer."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.aws.s3.errors import S3Error

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from local.aws.database import Database

_MIN_PART_BYTES = 5 << 20

NULL_VERSION = "null"


@dataclass(frozen=True)
class StoredObject:
    """One version of an object. `headers` is what the client gave: content type, metadata, checksums and the like."""

    bucket: str
    key: str
    version_id: str
    size: int
    etag: str
    modified_ms: int
    sequence: int
    is_latest: bool
    blob: str | None
    headers: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def is_delete_marker(self) -> bool:
        return self.blob is None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> StoredObject:
        values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over values
        values["headers"], values["tags"] = json.loads(row["headers"]), json.loads(row["tags"])
        values["is_latest"] = bool(row["is_latest"])
        return cls(**values)


@dataclass(frozen=True)
class Condition:
    """RFC 9110 13.1 for writes: `If-None-Match: *` (create only) and `If-Match` (replace exactly this)."""

    create_only: bool = False
    etag: str | None = None

    def check(self, current: StoredObject | None) -> None:
        exists = current is not None and not current.is_delete_marker
        if self.create_only and exists:
            raise S3Error("PreconditionFailed", Condition="If-None-Match")
        if self.etag is not None:
            if not exists:
                raise S3Error("NoSuchKey")
            if current is not None and self.etag not in {"*", current.etag}:
                raise S3Error("PreconditionFailed", Condition="If-Match")


@dataclass(frozen=True)
class NewObject:
    """What a write makes. The blob is a file that the store takes over."""

    bucket: str
    key: str
    blob: str
    size: int
    etag: str
    headers: dict[str, str]
    tags: dict[str, str]


class ObjectStore:
    """The store under one directory.

    Args:
        announce: called inside of the transaction of each change with the event's name, to queue its notification.
    """

    def __init__(self, directory: Path, database: Database, announce: Callable[..., None]) -> None:
        self._blobs = directory / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._database = database
        self._announce = announce
        self._remove_orphans()

    def new_blob(self) -> str:
        """A name for a body about to be written."""
        return secrets.token_hex(16)

    def blob_path(self, blob: str) -> Path:
        folder = self._blobs / blob[:2]
        folder.mkdir(exist_ok=True)
        return folder / blob

    def discard(self, blob: str) -> None:
        self.blob_path(blob).unlink(missing_ok=True)

    def _remove_orphans(self) -> None:
        """Bodies whose row was never committed, or was deleted, before the process was killed."""
        rows = self._database.reader.execute(
            "SELECT blob FROM objects WHERE blob IS NOT NULL UNION SELECT blob FROM parts"
        )
        known = {row["blob"] for row in rows}
        for path in self._blobs.glob("*/*"):
            if path.name not in known:
                path.unlink()

    # Buckets

    def buckets(self) -> list[sqlite3.Row]:
        return self._database.reader.execute("SELECT * FROM buckets ORDER BY name").fetchall()

    def bucket(self, name: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._database.reader.execute(
            "SELECT * FROM buckets WHERE name = ?", [name]
        ).fetchone()
        if row is None:
            raise S3Error("NoSuchBucket", BucketName=name)
        return row

    def create_bucket(self, name: str, region: str) -> bool:
        """Returns whether it is new."""
        with self._database.transaction() as db:
            made = db.execute("INSERT OR IGNORE INTO buckets VALUES (?, ?, ?)", [name, _now_ms(), region])
            return made.rowcount == 1

    def delete_bucket(self, name: str) -> None:
        self.bucket(name)
        with self._database.transaction() as db:
            if db.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", [name]).fetchone():
                raise S3Error("BucketNotEmpty", BucketName=name)
            uploads = db.execute("SELECT id FROM uploads WHERE bucket = ?", [name]).fetchall()
            blobs = [blob for (upload,) in uploads for blob in _drop_upload(db, upload)]
            db.execute("DELETE FROM bucket_configs WHERE bucket = ?", [name])
            db.execute("DELETE FROM buckets WHERE name = ?", [name])
        for blob in blobs:
            self.discard(blob)

    def config(self, bucket: str, name: str) -> bytes | None:
        row = self._database.reader.execute(
            "SELECT body FROM bucket_configs WHERE bucket = ? AND name = ?", [bucket, name]
        ).fetchone()
        return bytes(row["body"]) if row else None

    def put_config(self, bucket: str, name: str, body: bytes | None) -> None:
        self.bucket(bucket)
        with self._database.transaction() as db:
            if body is None:
                db.execute("DELETE FROM bucket_configs WHERE bucket = ? AND name = ?", [bucket, name])
            else:
                db.execute("INSERT OR REPLACE INTO bucket_configs VALUES (?, ?, ?)", [bucket, name, body])

    def versioning(self, bucket: str) -> str:
        """`Enabled`, `Suspended` or empty."""
        body = self.config(bucket, "versioning") or b""
        return "Enabled" if b"Enabled" in body else "Suspended" if b"Suspended" in body else ""

    # Objects

    def find(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject | None:
        """The version asked for, or the latest; a delete marker is a version too."""
        self.bucket(bucket)
        return _find(self._database.reader, bucket, key, version_id)

    def put(self, new: NewObject, condition: Condition, event: str) -> StoredObject:
        """Make the object in one step: the condition is checked in the transaction that writes.

        Raises:
            S3Error: PreconditionFailed, NoSuchKey or NoSuchBucket; the blob is discarded.
        """
        self._sync_folder(new.blob)
        try:
            with self._database.transaction() as db:
                _require_bucket(db, new.bucket)
                stored, replaced = self._insert(db, new, condition)
                self._announce(db, event, stored)
        except BaseException:
            self.discard(new.blob)
            raise
        for blob in replaced:
            self.discard(blob)
        return stored

    def delete(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject | None:
        """Delete a version, or set a delete marker where the bucket keeps versions. Returns what it made or removed."""
        versioning = self.versioning(bucket)
        with self._database.transaction() as db:
            if version_id is not None or not versioning:
                found = _find(db, bucket, key, version_id or NULL_VERSION)
                if found is None:
                    return None
                db.execute("DELETE FROM objects WHERE sequence = ?", [found.sequence])
                if found.is_latest:
                    db.execute(
                        "UPDATE objects SET is_latest = 1 WHERE sequence = "
                        "(SELECT max(sequence) FROM objects WHERE bucket = ? AND key = ?)",
                        [bucket, key],
                    )
                self._announce(db, "ObjectRemoved:Delete", found)
                gone = [found.blob] if found.blob else []
            else:
                found, gone = self._insert_marker(db, bucket, key, versioning)
        for blob in gone:
            self.discard(blob)
        return found

    def set_tags(self, stored: StoredObject, tags: dict[str, str]) -> None:
        with self._database.transaction() as db:
            db.execute("UPDATE objects SET tags = ? WHERE sequence = ?", [json.dumps(tags), stored.sequence])

    def _insert(self, db: sqlite3.Connection, new: NewObject, condition: Condition) -> tuple[StoredObject, list[str]]:
        condition.check(_find(db, new.bucket, new.key, None))
        versioning = b"Enabled" in _config(db, new.bucket, "versioning")
        version_id = secrets.token_urlsafe(24) if versioning else NULL_VERSION
        return self._add(db, new, version_id)

    def _insert_marker(
        self, db: sqlite3.Connection, bucket: str, key: str, versioning: str
    ) -> tuple[StoredObject, list[str]]:
        version_id = secrets.token_urlsafe(24) if versioning == "Enabled" else NULL_VERSION
        marker, gone = self._add(db, NewObject(bucket, key, "", 0, "", {}, {}), version_id)
        self._announce(db, "ObjectRemoved:DeleteMarkerCreated", marker)
        return marker, gone

    def _add(self, db: sqlite3.Connection, new: NewObject, version_id: str) -> tuple[StoredObject, list[str]]:
        gone = []
        if version_id == NULL_VERSION:
            replaced = _find(db, new.bucket, new.key, NULL_VERSION)
            if replaced is not None:
                db.execute("DELETE FROM objects WHERE sequence = ?", [replaced.sequence])
                gone = [replaced.blob] if replaced.blob else []
        db.execute("UPDATE objects SET is_latest = 0 WHERE bucket = ? AND key = ? AND is_latest", [new.bucket, new.key])
        values = [new.bucket, new.key, version_id, 1, new.blob or None, new.size, new.etag, _now_ms()]
        db.execute(
            "INSERT INTO objects (bucket, key, version_id, is_latest, blob, size, etag, modified_ms, headers, tags)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*values, json.dumps(new.headers), json.dumps(new.tags)],
        )
        stored = _find(db, new.bucket, new.key, version_id)
        if stored is None:
            raise S3Error("InternalError")
        return stored, gone

    def _sync_folder(self, blob: str) -> None:
        """The file's name is durable only when its folder is."""
        folder = os.open(self.blob_path(blob).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    # Multipart uploads

    def create_upload(self, bucket: str, key: str, headers: dict[str, str], tags: dict[str, str]) -> str:
        self.bucket(bucket)
        upload = secrets.token_urlsafe(32)
        with self._database.transaction() as db:
            values = [upload, bucket, key, _now_ms(), json.dumps(headers), json.dumps(tags)]
            db.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)", values)
        return upload

    def upload(self, bucket: str, key: str, upload: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._database.reader.execute(
            "SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?", [upload, bucket, key]
        ).fetchone()
        if row is None:
            raise S3Error("NoSuchUpload", UploadId=upload)
        return row

    def uploads(self, bucket: str) -> list[sqlite3.Row]:
        self.bucket(bucket)
        return self._database.reader.execute(
            "SELECT * FROM uploads WHERE bucket = ? ORDER BY key, initiated_ms", [bucket]
        ).fetchall()

    def put_part(self, upload: str, number: int, blob: str, size: int, etag: str) -> None:
        self._sync_folder(blob)
        with self._database.transaction() as db:
            if not db.execute("SELECT 1 FROM uploads WHERE id = ?", [upload]).fetchone():
                raise S3Error("NoSuchUpload", UploadId=upload)
            old = db.execute("SELECT blob FROM parts WHERE upload = ? AND number = ?", [upload, number]).fetchone()
            values = [upload, number, blob, size, etag, _now_ms()]
            db.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)", values)
        if old:
            self.discard(old["blob"])

    def parts(self, upload: str) -> list[sqlite3.Row]:
        return self._database.reader.execute(
            "SELECT * FROM parts WHERE upload = ? ORDER BY number", [upload]
        ).fetchall()

    def complete_upload(
        self, row: sqlite3.Row, wanted: Sequence[tuple[int, str]], condition: Condition
    ) -> StoredObject:
        """Join the parts named, in order, into one object; the upload ends with it.

        Raises:
            S3Error: InvalidPart, InvalidPartOrder, EntityTooSmall, PreconditionFailed.
        """
        have = {part["number"]: part for part in self.parts(row["id"])}
        numbers = [number for number, _ in wanted]
        if not wanted or numbers != sorted(set(numbers)):
            raise S3Error("InvalidPartOrder" if wanted else "MalformedXML")
        if any(number not in have or have[number]["etag"] != etag for number, etag in wanted):
            raise S3Error("InvalidPart")
        if any(have[number]["size"] < _MIN_PART_BYTES for number in numbers[:-1]):
            raise S3Error("EntityTooSmall")
        blob = self.new_blob()
        with self.blob_path(blob).open("xb") as file:
            for number in numbers:
                with self.blob_path(have[number]["blob"]).open("rb") as part:
                    shutil.copyfileobj(part, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        digest = hashlib.md5(b"".join(bytes.fromhex(etag) for _, etag in wanted), usedforsecurity=False).hexdigest()
        size = sum(have[number]["size"] for number in numbers)
        new = NewObject(
            row["bucket"],
            row["key"],
            blob,
            size,
            f"{digest}-{len(numbers)}",
            json.loads(row["headers"]),
            json.loads(row["tags"]),
        )
        self._sync_folder(blob)
        try:
            with self._database.transaction() as db:
                stored, gone = self._insert(db, new, condition)
                gone += _drop_upload(db, row["id"])
                self._announce(db, "ObjectCreated:CompleteMultipartUpload", stored)
        except BaseException:
            self.discard(blob)
            raise
        for old in gone:
            self.discard(old)
        return stored

    def abort_upload(self, upload: str) -> None:
        with self._database.transaction() as db:
            gone = _drop_upload(db, upload)
        for blob in gone:
            self.discard(blob)


def _find(db: sqlite3.Connection, bucket: str, key: str, version_id: str | None) -> StoredObject | None:
    if version_id is None:
        row = db.execute("SELECT * FROM objects WHERE bucket = ? AND key = ? AND is_latest", [bucket, key]).fetchone()
    else:
        sql = "SELECT * FROM objects WHERE bucket = ? AND key = ? AND version_id = ?"
        row = db.execute(sql, [bucket, key, version_id]).fetchone()
    return StoredObject.from_row(row) if row else None


def _require_bucket(db: sqlite3.Connection, name: str) -> None:
    if not db.execute("SELECT 1 FROM buckets WHERE name = ?", [name]).fetchone():
        raise S3Error("NoSuchBucket", BucketName=name)


def _config(db: sqlite3.Connection, bucket: str, name: str) -> bytes:
    row = db.execute("SELECT body FROM bucket_configs WHERE bucket = ? AND name = ?", [bucket, name]).fetchone()
    return bytes(row["body"]) if row else b""


def _drop_upload(db: sqlite3.Connection, upload: str) -> list[str]:
    blobs = [blob for (blob,) in db.execute("SELECT blob FROM parts WHERE upload = ?", [upload])]
    db.execute("DELETE FROM parts WHERE upload = ?", [upload])
    db.execute("DELETE FROM uploads WHERE id = ?", [upload])
    return blobs


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
