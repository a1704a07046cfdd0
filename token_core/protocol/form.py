"""RFC 6749 3.2 and appendix B: application/x-www-form-urlencoded requests, read strictly."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from token_core.errors import InvalidRequest

MAX_BODY_BYTES = 64 * 1024
MAX_PARAMETERS = 100
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORM = b"application/x-www-form-urlencoded"


def require_form(content_type: bytes | None) -> None:
    """Refuse every other media type; a charset other than UTF-8 is refused too.

    Raises:
        InvalidRequest: another or no media type.
    """
    if content_type == _FORM:
        return
    media_type, _, parameters = (content_type or b"").lower().partition(b";")
    charset = parameters.strip().replace(b'"', b"").replace(b" ", b"")
    if media_type.strip() != _FORM or charset not in (b"", b"charset=utf-8"):
        raise InvalidRequest(
            "Send the parameters as application/x-www-form-urlencoded in UTF-8.", detail="content_type"
        )


def parse_form(body: bytes) -> dict[str, str]:
    """The parameters by name. One without a value counts as omitted (RFC 6749 3.2).

    Raises:
        InvalidRequest: a repeated name, a broken escape, text that isn't UTF-8, a control character.
    """
    pairs = body.split(b"&")
    if len(pairs) > MAX_PARAMETERS:
        raise InvalidRequest("There are too many parameters.", detail="too_many_parameters")
    return _escaped(pairs) if b"%" in body else _plain(body)


def _plain(body: bytes) -> dict[str, str]:
    """The same for a body without percent escapes, whose text is decoded at once."""
    parameters: dict[str, str] = {}
    seen: set[str] = set()
    for pair in form_decode(body).split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if name in seen:
                raise InvalidRequest("A parameter is given more than once.", detail="repeated_parameter")
            seen.add(name)
            if value:
                parameters[name] = value
    return parameters


def _escaped(pairs: list[bytes]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    seen: set[str] = set()
    for pair in pairs:
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = form_decode(raw_name)
        if name in seen:
            raise InvalidRequest("A parameter is given more than once.", detail="repeated_parameter")
        seen.add(name)
        if raw_value:
            parameters[name] = form_decode(raw_value)
    return parameters


def form_decode(raw: bytes) -> str:
    """One name or value.

    Raises:
        InvalidRequest: a broken escape, text that isn't UTF-8, a control character.
    """
    if b"%" in raw:
        if _BAD_ESCAPE.search(raw):
            raise InvalidRequest("A percent escape is broken.", detail="bad_escape")
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    elif b"+" in raw:
        raw = raw.replace(b"+", b" ")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("A parameter is not UTF-8.", detail="not_utf8") from error
    if not text.isprintable() and _CONTROL.search(text):
        raise InvalidRequest("A parameter has a control character.", detail="control_character")
    return text
