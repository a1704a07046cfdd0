from __future__ import annotations

import pytest

from shared.aead import UnsealError, new_key, seal, unseal


def test_what_is_sealed_comes_back() -> None:
    key = new_key()
    assert unseal(key, seal(key, b"text", b"context"), b"context") == b"text"


def test_the_same_text_is_never_sealed_alike() -> None:
    key = new_key()
    assert len({seal(key, b"text", b"") for _ in range(100)}) == 100


def test_another_key_or_context_opens_nothing() -> None:
    key = new_key()
    sealed = seal(key, b"text", b"context")
    for other in [
        (new_key(), sealed, b"context"),
        (key, sealed, b"other"),
        (key, b"", b"context"),
        (key, sealed[:20], b""),
    ]:
        with pytest.raises(UnsealError):
            unseal(*other)


def test_no_byte_can_be_changed() -> None:
    key = new_key()
    sealed = seal(key, b"text", b"context")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(UnsealError):
            unseal(key, bytes(changed), b"context")
