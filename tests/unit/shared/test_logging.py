"""P11 in the logs: what looks like a secret is masked, whatever part of the line it stands in."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from shared.logging import JsonFormatter, configure_logging, mask_secrets, request_id
from shared.secret_format import PREFIXES, make_secret

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    access = logging.getLogger("uvicorn.access")
    yield
    root.handlers[:], root.level = handlers, level
    access.disabled, access.propagate = False, True
    logging.captureWarnings(capture=False)


def line_of(message: str, *arguments: object, exc_info: object = None, **extra: object) -> dict[str, object]:
    record = logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, message, arguments, exc_info, extra=extra)
    return json.loads(JsonFormatter("token_core").format(record))


def test_a_line_is_one_json_object_with_its_facts() -> None:
    token = request_id.set("req-12345678")
    line = line_of("hello %s", "wörld\n", status=200)
    request_id.reset(token)
    assert line["timestamp"].endswith("+00:00")
    assert {key: line[key] for key in ("level", "service", "logger", "message", "request_id", "status")} == {
        "level": "INFO", "service": "token_core", "logger": "x", "message": "hello wörld\n",
        "request_id": "req-12345678", "status": 200,
    }  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_secret_is_masked_in_message_extra_and_exception(prefix: str) -> None:
    secret = make_secret(prefix)
    error = ValueError(f"cannot use {secret}")
    line = json.dumps(line_of("got %s", secret, exc_info=(ValueError, error, None), header=[f"Bearer {secret}"]))
    assert secret not in line
    assert secret[6:] not in line
    assert line.count(f"{prefix}***") == 3


def test_a_jwt_is_masked() -> None:
    assert mask_secrets(f"Authorization: Bearer {JWT}, next") == "Authorization: Bearer eyJ***, next"


def test_ordinary_text_is_left_alone() -> None:
    text = "user 0190f3a4-6c1e-7b2a-9d3e-5f60718293a4 at /oauth2/token took 3.5 ms"
    assert mask_secrets(text) == text


def test_what_json_cannot_hold_is_written_as_text() -> None:
    assert line_of("x", value=object)["value"] == "<class 'object'>"


def test_all_loggers_write_through_one_handler_and_uvicorns_access_log_is_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("token_core", "INFO")
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("uvicorn.access").info("GET /oauth2/authorize?code=hunter2")
    logging.getLogger("ours").debug("too fine")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["service"], line["message"]) for line in lines] == [("token_core", "started")]


def test_the_database_pool_tells_of_what_is_wrong_not_of_each_statement(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("token_core", "INFO")
    logging.getLogger("psycopg.pool").info("connection requested from 'token_core'")
    logging.getLogger("psycopg.pool").warning("error connecting")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["error connecting"]
    configure_logging("token_core", "ERROR")
    logging.getLogger("psycopg.pool").warning("error connecting")
    assert capsys.readouterr().out == ""
