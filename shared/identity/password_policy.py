"""What a password must be (NIST SP 800-63B 3.1.1.2): long enough, not known to guessers. No composition rules."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_CHARACTERS = 12
MAX_CHARACTERS = 256
MAX_BYTES = 1024  # what the hashing pool is asked to hash
_SHORTEST_CONTEXT_WORD = 4
_LEET = str.maketrans("0134578@$!", "oieastbasi")
_NOT_LETTERS = re.compile(r"[\W\d_]+")


class PasswordProblem(StrEnum):
    """Why a password is refused; the pages say it in words."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    COMMON = "common"
    CONTEXT = "context"


def normal_password(password: str) -> str:
    """NFC, so that one password typed on two keyboards is one: what is hashed, at setting and at sign-in.

    What is too long for any password stays as it is: NFC makes one character of four at most, and takes time that grows
    with the square of what anybody may send.
    """
    if len(password) > 4 * MAX_CHARACTERS:
        return password
    return unicodedata.normalize("NFC", password)


def password_problem(password: str, context: Iterable[str] = ()) -> PasswordProblem | None:
    """What is wrong with a password that somebody chose, or None.

    Args:
        context: what a guesser knows: the e-mail address, the person's names, the platform's name.
    """
    normal = normal_password(password)
    try:
        size = len(normal.encode())
    except UnicodeEncodeError:  # a lone surrogate
        return PasswordProblem.NOT_TEXT
    if len(normal) > MAX_CHARACTERS or size > MAX_BYTES:
        return PasswordProblem.TOO_LONG
    if len(normal) < MIN_CHARACTERS:
        return PasswordProblem.TOO_SHORT
    folded = normal.casefold()
    if _is_built_on(folded, _context_words(context)):
        return PasswordProblem.CONTEXT
    return PasswordProblem.COMMON if _is_common(folded) else None


@cache
def common_passwords() -> frozenset[str]:
    """The offline list, case-folded."""
    text = files(__package__).joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _is_common(folded: str) -> bool:
    """In the list; or so once the usual disguises are off; or one thing repeated; or a run of neighbours."""
    known = common_passwords()
    unit = _repeated_unit(folded)
    stems = {folded, unit, _stem(folded), _stem(unit), _repeated_unit(_stem(folded))}
    stems |= {_stem(stem.translate(_LEET)) for stem in tuple(stems)}
    # A stem of a letter or two is no word that was disguised: what stands around it is the password.
    return len(unit) < 4 or _is_run(folded) or any(stem in known for stem in stems if len(stem) > 2)


def _is_built_on(folded: str, words: Iterable[str]) -> bool:
    """Whether too little is left of the password without these words."""
    rest = folded
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != folded and len(_NOT_LETTERS.sub("", rest)) < 4


def _context_words(context: Iterable[str]) -> set[str]:
    words = set()
    for text in context:
        folded = unicodedata.normalize("NFC", text).casefold()
        words |= {folded, folded.partition("@")[0], *_NOT_LETTERS.split(folded)}
    return {word for word in words if len(word) >= _SHORTEST_CONTEXT_WORD}


def _stem(text: str) -> str:
    """Without the digits and marks before and behind: `!Password2026!` is built on `password`."""
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)


def _repeated_unit(text: str) -> str:
    """`abcabcabc` is `abc`."""
    at = (text + text).find(text, 1) if text else 0
    return text[:at] if at < len(text) else text


def _is_run(text: str) -> bool:
    """`123456789012`, `abcdefghijkl`, `987654321098`: nearly all steps are the same, up or down by one."""
    steps = [ord(second) - ord(first) for first, second in pairwise(text)]
    wraps = {9: -1, -9: 1}  # 9 to 0 and back
    regular = [wraps.get(step, step) for step in steps]
    return max(regular.count(1), regular.count(-1), regular.count(0)) >= len(steps) - 2
