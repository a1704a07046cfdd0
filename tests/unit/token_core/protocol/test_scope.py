from __future__ import annotations

import pytest

from token_core.errors import InvalidScope
from token_core.protocol.scope import one_audience, parse_scope


def test_scopes_keep_their_order_each_once() -> None:
    assert parse_scope("b a b") == ("b", "a")
    assert parse_scope(None) is None


@pytest.mark.parametrize(
    "text", ["a  b", " a", "a ", 'a"', "a\\b", "é", "x" * 129, " ".join(f"s{n}" for n in range(65))]
)
def test_what_rfc_6749_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(InvalidScope):
        parse_scope(text)


def test_two_apis_do_not_fit_one_token() -> None:
    assert one_audience([]) is None
    assert one_audience(["a", "a"]) == "a"
    with pytest.raises(InvalidScope):
        one_audience(["a", "b"])
