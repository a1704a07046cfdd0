"""E-mail addresses: what is one (RFC 5321, RFC 6531), and the form in which two are compared."""

from __future__ import annotations

import re
import unicodedata

import idna

MAX_ADDRESS_CHARACTERS = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
_MAX_TYPED_CHARACTERS = 4 * MAX_ADDRESS_CHARACTERS  # NFC makes one of four at most, in time that grows with the square
MAX_LOCAL_BYTES = 64  # RFC 5321 4.5.3.1.1
_DOT_ATOM = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*"
)
_LETTERS_MARKS_NUMBERS = frozenset("LMNPS")
# Letters and marks that show nothing (Unicode's Default_Ignorable_Code_Point, and the Braille blank): an address with
# one looks like another person's.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


class InvalidEmail(ValueError):  # noqa: N818 - what it is, not that it is an error
    """Not an address that mail can be sent to. The message doesn't repeat it."""


def canonical_email(text: str) -> str:
    """The address as it is compared: NFC, local part case-folded, domain as lower-case A-labels (RFC 5891).

    Quoted local parts, address literals and domains without a dot are refused.

    Raises:
        InvalidEmail: it is none.
    """
    if len(text) > _MAX_TYPED_CHARACTERS:
        raise InvalidEmail("an e-mail address that is too long")
    try:
        normal = unicodedata.normalize("NFC", text)
        local, at, domain = normal.rpartition("@")
        if not at or len(normal) > MAX_ADDRESS_CHARACTERS or not _is_local_part(local):
            raise InvalidEmail("not an e-mail address")
        canonical = f"{_fold(local)}@{_canonical_domain(domain)}"
    except UnicodeError:
        raise InvalidEmail("not an e-mail address") from None
    if len(canonical) > MAX_ADDRESS_CHARACTERS or len(_fold(local).encode()) > MAX_LOCAL_BYTES:
        raise InvalidEmail("an e-mail address that is too long")
    return canonical


def _is_local_part(local: str) -> bool:
    return (
        _DOT_ATOM.fullmatch(local) is not None
        and _INVISIBLE.search(local) is None
        and len(local.encode()) <= MAX_LOCAL_BYTES
        and all(
            character < "\u0080" or unicodedata.category(character)[0] in _LETTERS_MARKS_NUMBERS for character in local
        )
    )


def _fold(local: str) -> str:
    return unicodedata.normalize("NFC", local.casefold())


def _canonical_domain(domain: str) -> str:
    """The domain's A-labels.

    Raises:
        UnicodeError: not a domain name (idna.IDNAError is one).
        InvalidEmail: a name without a dot, or one that ends with it.
    """
    canonical = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    if "." not in canonical or canonical.endswith("."):
        raise InvalidEmail("not an e-mail address")
    return canonical
