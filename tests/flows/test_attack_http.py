"""Requests that no browser sends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fixtures.hosted_pages import Hosted


@pytest.mark.parametrize("path", ["/sign-in/", "/password/set/?token=x", "/oauth2/authorize/", "/oauth2/token/", "//"])
def test_no_path_redirects_to_the_host_that_a_request_names(hosted: Hosted, path: str) -> None:
    """Behind TLS that ends at the load balancer it would be plain http, with a mailed link's token in the address."""
    answer = hosted.browser().http.get(path, headers={"Host": "evil.example"})
    assert answer.status_code in {404, 405}
    assert "location" not in answer.headers


def test_a_long_quoted_cookie_holds_nobody_up(hosted: Hosted) -> None:
    """Minutes, and every other request of the worker with it, if its quotes were taken off by http.cookies."""
    cookie = 'a="' + "\\" * 300_000 + '"'
    assert hosted.browser().http.get("/sign-in", headers={"Cookie": cookie}).status_code == 200
