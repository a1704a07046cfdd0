"""OpenID Connect Core 3.1.2.1, RP-Initiated Logout 2: an ID token of ours that comes back as a hint, expired or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from token_core.tokens.jws import ID_TOKEN
from token_core.tokens.keys import UnknownToken

if TYPE_CHECKING:
    from token_core.tokens.keys import KeyRing


@dataclass(frozen=True, slots=True)
class VerifiedHint:
    """What an ID token of ours says, once its signature is proved; it may have expired (section 2)."""

    subject: str
    client_id: str
    session_id: str | None


def verify_hint(keys: KeyRing, issuer: str, unverified_hint: str) -> VerifiedHint | None:
    """What it says, if any published key signed it; else None."""
    try:
        claims = keys.verify(ID_TOKEN, unverified_hint)
    except UnknownToken:
        return None
    if claims.get("iss") != issuer:
        return None
    subject, audience, session_id = claims.get("sub"), claims.get("aud"), claims.get("sid")
    if not isinstance(subject, str) or not isinstance(audience, str):
        return None
    return VerifiedHint(subject, audience, session_id if isinstance(session_id, str) else None)
