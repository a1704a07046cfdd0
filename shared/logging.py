"""Logs as JSON lines on standard output, with what looks like a secret masked."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from shared.secret_format import PREFIXES

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that this task answers; stands in each of its log lines and events."""

_SECRETS = re.compile(
    "(" + "|".join(re.escape(prefix) for prefix in PREFIXES) + r")[A-Za-z0-9_-]+"
    r"|eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # a JWT
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def mask_secrets(text: str) -> str:
    """`text` with every machine secret and JWT in it cut down to its prefix."""
    return _SECRETS.sub(lambda match: (match[1] or "eyJ") + "***", text)


class JsonFormatter(logging.Formatter):
    """timestamp, level, service, logger, message, request_id, then what was passed as `extra`, then the exception."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return mask_secrets(json.dumps(line, default=str, ensure_ascii=False))


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send all loggers, uvicorn's too, through one JSON handler; switch the access log off (it has query strings)."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.disabled = False
        logger.setLevel(logging.NOTSET)
    # its pool tells three times of each statement, at the cost of several
    logging.getLogger("psycopg.pool").setLevel(max(logging.WARNING, logging.getLevelName(level)))
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
    access.disabled = True
