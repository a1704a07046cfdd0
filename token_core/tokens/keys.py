"""The keys that sign, and all that are published (P7): announced ones too, and retired ones for a while."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from token_core.errors import TemporarilyUnavailable
from token_core.tokens import jws

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from shared.signing_keys import SigningKey
    from token_core.tokens.jws import PrivateKey, PublicKey


class UnknownToken(ValueError):
    """Not a token of ours: another issuer's, another type's, altered, or its key is gone."""


@dataclass(frozen=True, slots=True)
class _Signer:
    private_key: PrivateKey
    headers: Mapping[str, str]


class KeyRing:
    """Replaced as a whole by `load`, between two requests."""

    def __init__(self) -> None:
        self._signers: dict[str, _Signer] = {}
        self._by_header: dict[tuple[str, str], PublicKey] = {}
        self.jwks = b'{"keys":[]}'
        self.jwks_etag = b'""'
        self.kids: tuple[str, ...] = ()
        self._shown: list[SigningKey] = []

    @property
    def is_ready(self) -> bool:
        return jws.ES256 in self._signers

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Those that can sign now."""
        return tuple(sorted(self._signers))

    def load(self, keys: Iterable[SigningKey], now: datetime) -> None:
        """Take these keys and no others. No compromised one may be among them; retired ones drop out by their time."""
        self._show([key for key in keys if key.publish_until is None or key.publish_until > now])

    def forget_all_but(self, kids: Iterable[str]) -> None:
        """Drop keys that are no longer published."""
        kept = frozenset(kids)
        self._show([key for key in self._shown if key.kid in kept])

    def _show(self, shown: list[SigningKey]) -> None:
        self._shown = shown
        self._signers = {
            key.algorithm: _Signer(key.private_key, _headers(key))
            for key in shown
            if key.state == "active" and key.private_key is not None
        }
        self._by_header = {
            (token_type, header): public_key(key) for key in shown for token_type, header in _headers(key).items()
        }
        self.kids = tuple(sorted(key.kid for key in shown))
        jwks = {"keys": [dict(key.public_jwk) for key in sorted(shown, key=lambda key: key.kid)]}
        self.jwks = json.dumps(jwks, separators=(",", ":")).encode()
        self.jwks_etag = b'"' + hashlib.sha256(self.jwks).hexdigest()[:32].encode() + b'"'

    def sign(self, token_type: str, claims: Mapping[str, Any] | str, algorithm: str = jws.ES256) -> str:
        """Sign with the active key; `claims` may be JSON text already.

        Raises:
            TemporarilyUnavailable: there is none for this algorithm.
        """
        signer = self._signers.get(algorithm)
        if signer is None:
            raise TemporarilyUnavailable(detail="no_signing_key")
        return jws.sign(signer.private_key, signer.headers[token_type], claims)

    def verify(self, token_type: str, token: str) -> dict[str, Any]:
        """The claims of a token of this type that any published key signed; the caller looks at the times.

        Raises:
            UnknownToken: it is none.
        """
        key = self._by_header.get((token_type, token[: token.find(".") + 1]))
        if key is None:
            raise UnknownToken
        try:
            return jws.verify(key, token)
        except jws.BadSignature as error:
            raise UnknownToken from error


def _headers(key: SigningKey) -> dict[str, str]:
    return {token_type: jws.header_segment(key.algorithm, key.kid, token_type) for token_type in jws.TYPES}


def public_key(key: SigningKey) -> PublicKey:
    """The public half, from the JWK where the private one is gone (RFC 7518 6.2.1, 6.3.1)."""
    if key.private_key is not None:
        return key.private_key.public_key()
    numbers = {name: int.from_bytes(jws.unb64(text), "big") for name, text in key.public_jwk.items() if name in "xyne"}
    if key.algorithm == jws.ES256:
        return ec.EllipticCurvePublicNumbers(numbers["x"], numbers["y"], ec.SECP256R1()).public_key()
    return rsa.RSAPublicNumbers(numbers["e"], numbers["n"]).public_key()
