from __future__ import annotations

from token_core.grants import authorization_code, client_credentials, refresh_token
from token_core.grants.registry import GRANTS
from token_core.routes.discovery import metadata


def test_each_grant_stands_under_its_own_type() -> None:
    modules = (authorization_code, refresh_token, client_credentials)
    assert {module.GRANT_TYPE: module.handle for module in modules} == GRANTS


def test_grants_that_must_not_be_used_are_not_there() -> None:
    """RFC 9700 2.1.2, 2.4: no implicit, no password grant."""
    assert not {"password", "implicit"} & set(GRANTS)


def test_what_is_advertised_is_what_works() -> None:
    assert metadata("https://id.example.com")["grant_types_supported"] == list(GRANTS)


def test_no_grant_takes_a_parameter_that_authenticates_the_client() -> None:
    for module in (authorization_code, refresh_token, client_credentials):
        assert not {"client_id", "client_secret", "grant_type"} & module.PARAMETERS
