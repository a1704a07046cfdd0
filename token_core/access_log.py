"""One line a request, without its query. On the path of every token: written here by hand, and many lines in one write.

The fields are ours or checked before (the request id), so that nothing needs the general formatter's masking.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from shared.clock import utc_now

_logger = logging.getLogger("token_core.access")
_pending: list[str] = []
_TOGETHER_SECONDS = 0.02
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"})


def log_request(request_id: str, method: str, endpoint: str, status: int, seconds: float) -> None:
    """`endpoint`: a route's template. Lines leave together, within 20 ms, and at shutdown."""
    if not _logger.isEnabledFor(logging.INFO):
        return
    if not _pending:
        asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, flush)
    now = utc_now().isoformat(timespec="milliseconds")
    shown = method if method in _METHODS else "other"
    _pending.append(
        f'{{"timestamp": "{now}", "level": "INFO", "service": "token_core", "logger": "token_core.access",'
        f' "message": "request", "request_id": "{request_id}", "method": "{shown}", "path": "{endpoint}",'
        f' "status": {status}, "ms": {seconds * 1000:.2f}}}\n'
    )


def flush() -> None:
    """Write what waits."""
    if not _pending:
        return
    text = "".join(_pending)
    _pending.clear()
    sys.stdout.write(text)
    sys.stdout.flush()
