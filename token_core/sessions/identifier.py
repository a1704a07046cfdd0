"""What somebody typed as their e-mail address, made comparable; what is no address costs and counts the same."""

from __future__ import annotations

import unicodedata

from shared.identity.email import InvalidEmail, canonical_email

MAX_IDENTIFIER_CHARACTERS = 254


def comparable(text: str) -> str:
    """The canonical address, else the text itself, folded and cut: it belongs to nobody."""
    try:
        return canonical_email(text.strip())
    except InvalidEmail:
        cut = text.strip()[:MAX_IDENTIFIER_CHARACTERS]  # first: normalising takes time that grows with the square
        return unicodedata.normalize("NFC", cut).casefold()[:MAX_IDENTIFIER_CHARACTERS]
