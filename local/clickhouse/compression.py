"""HTTP compression of ClickHouse's interface: zstd, lz4 (frame), gzip, deflate; streaming both ways."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import lz4.frame
import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

_CHUNK = 1 << 20


class Encoder(Protocol):
    def encode(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.compressobj(3, zlib.DEFLATED, window_bits)

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush()


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=1).compressobj()

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._stream.flush()


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        self._begun = False

    def encode(self, data: bytes) -> bytes:
        begin = b"" if self._begun else self._stream.begin()
        self._begun = True
        return bytes(begin + self._stream.compress(data))

    def finish(self) -> bytes:
        begin = b"" if self._begun else self._stream.begin()
        return bytes(begin + self._stream.flush())


class _Identity:
    def encode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "zstd": _Zstd,
    "lz4": _Lz4,
    "gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(15),
}


def choose_encoding(accept_encoding: str) -> str | None:
    """The first of ClickHouse's encodings that the client names (RFC 9110 12.5.3, q=0 excludes)."""
    for item in accept_encoding.split(","):
        name, _, parameters = item.strip().partition(";")
        if name.strip().lower() in _ENCODERS and parameters.replace(" ", "") not in {"q=0", "q=0.0"}:
            return name.strip().lower()
    return None


def encoder(encoding: str | None) -> Encoder:
    return _ENCODERS[encoding]() if encoding else _Identity()


def decoded(body: IO[bytes], encoding: str) -> Iterator[bytes]:
    """The request's body, decompressed piece by piece.

    Raises:
        KeyError: the encoding is not known.
        ValueError: the body is not of that encoding, or it is cut short.
    """
    if encoding in {"", "identity"}:
        while chunk := body.read(_CHUNK):
            yield chunk
        return
    try:
        yield from _DECODERS[encoding](body)
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise ValueError(f"the request's body is not valid {encoding}") from error


def _inflate(body: IO[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(47)  # gzip or zlib, by its header
    while chunk := body.read(_CHUNK):
        while chunk:
            yield stream.decompress(chunk, _CHUNK)
            chunk = stream.unconsumed_tail
    yield stream.flush()
    if not stream.eof:
        raise EOFError("cut short")


def _unzstd(body: IO[bytes]) -> Iterator[bytes]:
    stream = zstandard.ZstdDecompressor().decompressobj()
    while chunk := body.read(_CHUNK >> 3):  # smaller steps in: one step out is held whole
        while chunk:
            if stream.eof:  # the next frame
                stream = zstandard.ZstdDecompressor().decompressobj()
            yield stream.decompress(chunk)
            chunk = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise EOFError("cut short")


def _unlz4(body: IO[bytes]) -> Iterator[bytes]:
    stream = lz4.frame.LZ4FrameDecompressor()
    while chunk := body.read(_CHUNK):
        data = chunk
        while data or not (stream.needs_input or stream.eof):
            yield stream.decompress(data, _CHUNK)
            data = b""
            if stream.eof and stream.unused_data:  # the next frame
                data, stream = stream.unused_data, lz4.frame.LZ4FrameDecompressor()
    if not stream.eof:
        raise EOFError("cut short")


_DECODERS: dict[str, Callable[[IO[bytes]], Iterator[bytes]]] = {
    "gzip": _inflate,
    "deflate": _inflate,
    "zstd": _unzstd,
    "lz4": _unlz4,
}
