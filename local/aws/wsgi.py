"""A WSGI application called for one request whose body is at hand."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.requests import Request


def call_wsgi(app: Callable[..., Iterable[bytes]], request: Request, body: bytes) -> Response:
    """PEP 3333, in the caller's thread."""
    status, headers = 500, list[tuple[str, str]]()

    def start_response(line: str, given: list[tuple[str, str]], _exc_info: Any = None) -> None:
        nonlocal status, headers
        status, headers = int(line.split(" ", 1)[0]), given

    result = app(_environ(request, body), start_response)
    try:
        content = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    response = Response(content, status)
    response.raw_headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in {"content-length", "connection", "transfer-encoding"}
    ]
    response.raw_headers.append((b"content-length", str(len(content)).encode()))
    return response


def _environ(request: Request, body: bytes) -> dict[str, Any]:
    scope = request.scope
    host, _, port = request.headers.get("host", "localhost").partition(":")
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8").decode("latin-1"),
        "RAW_URI": scope.get("raw_path", b"").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name != "content-length" and "_" not in name:
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ
