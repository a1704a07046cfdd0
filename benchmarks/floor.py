"""The floor: what the same ASGI server can do at most, answering a static text of the same size.

FLOOR_BYTES: the body's size. A POST's body is read first, as any token endpoint has to.
"""

from __future__ import annotations

import os
from typing import Any

_BODY = b"x" * int(os.environ.get("FLOOR_BYTES", "500"))
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())],
}
_END = {"type": "http.response.body", "body": _BODY}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer everything with the same text."""
    if scope["type"] != "http":
        return
    if scope["method"] == "POST":
        while (await receive()).get("more_body"):
            pass
    await send(_START)
    await send(_END)
