from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from token_core.sessions.visitor import Visitor


@given(st.text(max_size=200), st.none() | st.text(max_size=2_000))
def test_whatever_a_browser_says_of_itself_fits_the_event(address: str, user_agent: str | None) -> None:
    origin = Visitor(address, user_agent, None, ()).origin
    assert origin.address == address[:64]
    assert (origin.user_agent is None) is (user_agent is None)
