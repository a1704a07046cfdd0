"""OpenID Connect Discovery 1.0 and RFC 8414: derived from the registries, so that what is advertised is what works."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from token_core.grants.registry import GRANTS
from token_core.hot import HotRequest, HotResponse
from token_core.protocol import pkce
from token_core.protocol.authorization_request import RESPONSE_MODES, RESPONSE_TYPES
from token_core.protocol.claims import SCOPE_CLAIMS
from token_core.protocol.client_auth import METHODS
from token_core.protocol.prompt import Prompt
from token_core.protocol.scope import STANDARD_SCOPES
from token_core.routes import introspect, paths
from token_core.tokens import id_token, jws

if TYPE_CHECKING:
    from token_core.services import Services

MAX_AGE_SECONDS = 300
_ALGORITHMS = list(jws.ALGORITHMS)


def metadata(issuer: str) -> dict[str, Any]:
    """The document; both well-known paths serve it."""
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + paths.AUTHORIZE,
        "token_endpoint": issuer + paths.TOKEN,
        "userinfo_endpoint": issuer + paths.USERINFO,
        "jwks_uri": issuer + paths.JWKS,
        "introspection_endpoint": issuer + paths.INTROSPECT,
        "revocation_endpoint": issuer + paths.REVOKE,
        "end_session_endpoint": issuer + paths.LOGOUT,
        "scopes_supported": list(STANDARD_SCOPES),
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANTS),
        "token_endpoint_auth_methods_supported": list(METHODS),
        "introspection_endpoint_auth_methods_supported": list(introspect.AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "code_challenge_methods_supported": list(pkce.METHODS),
        "prompt_values_supported": [prompt.value for prompt in Prompt],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": _ALGORITHMS,
        "claim_types_supported": ["normal"],
        "claims_supported": [*id_token.CLAIMS, *(name for names in SCOPE_CLAIMS.values() for name in names)],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


class Document:
    """Bytes made once, with their ETag."""

    def __init__(self, content: object) -> None:
        self.body = json.dumps(content, separators=(",", ":")).encode()
        self.etag = b'"' + hashlib.sha256(self.body).hexdigest()[:32].encode() + b'"'


_documents: dict[str, Document] = {}


async def discovery(request: HotRequest, services: Services) -> HotResponse:
    issuer = services.settings.issuer
    document = _documents.get(issuer) or _documents.setdefault(issuer, Document(metadata(issuer)))
    return cached_response(request, document.body, document.etag)


async def jwks(request: HotRequest, services: Services) -> HotResponse:
    """RFC 7517: every key that may have signed what is still good, and those announced."""
    return cached_response(request, services.keys.jwks, services.keys.jwks_etag)


def cached_response(request: HotRequest, body: bytes, etag: bytes) -> HotResponse:
    """RFC 9110 13.1.2: 304 where the caller has it."""
    headers = _headers(etag)
    for name, value in request.headers:
        if name == b"if-none-match" and (etag in value or value == b"*"):
            return HotResponse(304, b"", headers[1:])
    return HotResponse(200, body, headers)


@lru_cache(maxsize=8)
def _headers(etag: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"cache-control", b"public, max-age=%d" % MAX_AGE_SECONDS),
        (b"etag", etag),
    ]
