"""An upload's body on its way to a file: aws-chunked decoded, length and checksums checked, fsynced.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html. CRC32, SHA1, SHA256 and MD5 are checked;
CRC32C and CRC64NVME are kept as the client states them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from local.aws.s3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request

MAX_PUT_BYTES = 5 << 30
_WRITE_AT_BYTES = 1 << 20
_CHECKSUMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")


@dataclass
class Received:
    """A body that is on disk."""

    size: int
    md5: bytes
    checksums: dict[str, str] = field(default_factory=dict)


class _Digests:
    def __init__(self) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.sha256 = hashlib.sha256()
        self.crc32 = 0
        self.size = 0

    def add(self, piece: bytes, wanted: set[str]) -> None:
        self.size += len(piece)
        self.md5.update(piece)
        if "crc32" in wanted:
            self.crc32 = zlib.crc32(piece, self.crc32)
        if "sha1" in wanted:
            self.sha1.update(piece)
        if "sha256" in wanted:
            self.sha256.update(piece)

    def value(self, name: str) -> bytes | None:
        known = {"crc32": self.crc32.to_bytes(4, "big"), "sha1": self.sha1.digest(), "sha256": self.sha256.digest()}
        return known.get(name)


async def receive(request: Request, path: Path) -> Received:
    """Write the body to `path`, fsynced.

    Raises:
        S3Error: BadDigest, InvalidDigest, IncompleteBody or EntityTooLarge; the file may exist then.
    """
    headers = request.headers
    stated = {name: headers[f"x-amz-checksum-{name}"] for name in _CHECKSUMS if f"x-amz-checksum-{name}" in headers}
    trailer = headers.get("x-amz-trailer", "").removeprefix("x-amz-checksum-")
    digests, wanted = _Digests(), {*stated, *([trailer] if trailer else [])}
    pieces: AsyncIterator[bytes] = request.stream()
    trailers: dict[str, str] = {}
    if headers.get("x-amz-content-sha256", "").startswith("STREAMING-") or "aws-chunked" in headers.get(
        "content-encoding", ""
    ):
        pieces = _unchunked(pieces, trailers)
    with path.open("xb") as file:
        held: list[bytes] = []
        async for piece in pieces:
            if digests.size + len(piece) > MAX_PUT_BYTES:
                raise S3Error("EntityTooLarge")
            digests.add(piece, wanted)
            held.append(piece)
            if sum(map(len, held)) >= _WRITE_AT_BYTES:
                await asyncio.to_thread(file.writelines, held)
                held = []
        await asyncio.to_thread(_finish, file, held)
    stated |= {k.removeprefix("x-amz-checksum-"): v for k, v in trailers.items() if k.startswith("x-amz-checksum-")}
    _check(digests, stated, headers.get("content-md5"), headers.get("x-amz-decoded-content-length"))
    return Received(digests.size, digests.md5.digest(), stated)


def _finish(file: IO[bytes], held: list[bytes]) -> None:
    file.writelines(held)
    file.flush()
    os.fsync(file.fileno())


def _check(digests: _Digests, stated: dict[str, str], content_md5: str | None, decoded_length: str | None) -> None:
    if decoded_length is not None and decoded_length != str(digests.size):
        raise S3Error("IncompleteBody")
    if content_md5 is not None:
        try:
            expected = base64.b64decode(content_md5, validate=True)
        except binascii.Error:
            raise S3Error("InvalidDigest") from None
        if expected != digests.md5.digest():
            raise S3Error("BadDigest")
    for name, value in stated.items():
        actual = digests.value(name)
        if actual is not None and base64.b64encode(actual).decode() != value:
            raise S3Error("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")


async def _unchunked(pieces: AsyncIterator[bytes], trailers: dict[str, str]) -> AsyncIterator[bytes]:
    """`size[;chunk-signature=…]CRLF data CRLF … 0CRLF trailer:value CRLF CRLF`."""
    buffer = bytearray()

    async def line() -> bytes:
        while (end := buffer.find(b"\r\n")) < 0:
            if len(buffer) > 16_384:
                raise S3Error("IncompleteBody")
            await more()
        found = bytes(buffer[:end])
        del buffer[: end + 2]
        return found

    async def more() -> None:
        try:
            buffer.extend(await anext(pieces))
        except StopAsyncIteration:
            raise S3Error("IncompleteBody") from None

    while True:
        try:
            left = int((await line()).split(b";")[0], 16)
        except ValueError:
            raise S3Error("IncompleteBody") from None
        if left == 0:
            break
        while left:
            if not buffer:
                await more()
            piece = bytes(buffer[:left])
            del buffer[: len(piece)]
            left -= len(piece)
            yield piece
        if await line():
            raise S3Error("IncompleteBody")
    while True:
        try:
            name, _, value = (await line()).decode("latin-1").partition(":")
        except S3Error:
            return  # some clients leave out the last line break
        if not name:
            return
        trailers[name.strip().lower()] = value.strip()
