"""Just enough HTTP/1.1 for the Runtime API: keep-alive, Content-Length and chunked bodies, one write per answer."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

MOST_BODY_BYTES = 64 * 1_048_576


class HttpRequest(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpResponse(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]


async def serve(handler: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> asyncio.Server:
    """Listens on a free port of 127.0.0.1; asyncio's sockets have Nagle's delay off."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read_request(reader, writer)) is not None:
                response = await handler(request)
                writer.write(_encode(response))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the runtime is gone, or no runtime: its process's end is noticed elsewhere
        except asyncio.CancelledError:
            pass  # the service stops; asyncio's own callback would report a cancelled connection as a fault
        finally:
            writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", 0, limit=1_048_576)


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> HttpRequest | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MOST_BODY_BYTES:
            raise ValueError("body too large")
        body = await reader.readexactly(length)
    return HttpRequest(method, path, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if size < 0 or len(body) + size > MOST_BODY_BYTES:
            raise ValueError("body too large")
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return bytes(body)


def _encode(response: HttpResponse) -> bytes:
    headers = {"Content-Type": "application/json", **response.headers, "Content-Length": str(len(response.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n{lines}\r\n".encode() + response.body
