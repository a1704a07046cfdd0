"""RFC 6749 3.3: scope text, and which API a set of scopes is for (RFC 9068 3: one audience a token)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.identity.scopes import EMAIL, OFFLINE_ACCESS, OPENID, PROFILE
from token_core.errors import InvalidScope

if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD_SCOPES = (OPENID, PROFILE, EMAIL, OFFLINE_ACCESS)
"""As discovery shows them. OpenID Connect Core 5.4 and 11; only people's tokens can have them."""

_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,128}")
_MAX_SCOPES = 64
_SHORT = 256  # longer texts are not worth the memory


def parse_scope(text: str | None) -> tuple[str, ...] | None:
    """The scopes in the order given, each once; None where none were asked for.

    Raises:
        InvalidScope: a character or length that RFC 6749 3.3 doesn't allow.
    """
    if text is None:
        return None
    return _remembered(text) if len(text) <= _SHORT else _parse(text)


def _parse(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(" ")))
    if len(names) > _MAX_SCOPES or not all(_TOKEN.fullmatch(name) for name in names):
        raise InvalidScope("scope is not a list of names with one space between them.", detail="scope_syntax")
    return names


_remembered = lru_cache(maxsize=1024)(_parse)


def one_audience(audiences: Iterable[str]) -> str | None:
    """The API that all scopes are for; None where there is none.

    Raises:
        InvalidScope: there are several.
    """
    distinct = set(audiences)
    if len(distinct) > 1:
        raise InvalidScope("The scopes are for several APIs: ask for one token for each.", detail="several_audiences")
    return distinct.pop() if distinct else None
