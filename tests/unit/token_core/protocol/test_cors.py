from __future__ import annotations

from token_core.protocol import cors


def test_only_a_registered_origin_is_named_and_credentials_never_are() -> None:
    allowed = {"https://app.example"}
    for origin in (None, b"null", b"*", b"https://evil.example", b"https://app.example.evil", b"\xff"):
        for headers in (cors.response_headers(origin, allowed), cors.preflight_headers(origin, allowed)):
            assert headers == [(b"vary", b"origin")]
    for headers in (
        cors.response_headers(b"https://app.example", allowed),
        cors.preflight_headers(b"https://app.example", allowed),
    ):
        assert (b"access-control-allow-origin", b"https://app.example") in headers
        assert all(name != b"access-control-allow-credentials" for name, _ in headers)
