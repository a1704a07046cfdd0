from __future__ import annotations

from token_core.web.security_headers import page_headers


def test_a_page_allows_no_script_unless_it_is_the_one_named():
    assert "script-src" not in page_headers(is_https=True)["Content-Security-Policy"]
    policy = page_headers(is_https=True, script_hash="sha256-abc")["Content-Security-Policy"]
    assert "script-src 'sha256-abc'" in policy
    assert "unsafe" not in policy


def test_tls_is_insisted_on_only_where_there_is_tls():
    assert "Strict-Transport-Security" in page_headers(is_https=True)
    assert "Strict-Transport-Security" not in page_headers(is_https=False)


def test_forms_may_end_up_where_the_answer_goes():
    policy = page_headers(is_https=True, form_targets=["https://a.example"])["Content-Security-Policy"]
    assert "form-action 'self' https://a.example; base-uri 'none'" in policy


def test_a_page_leaves_the_window_that_opened_it_alone():
    """Signing in in a popup: the application waits at the other end of `window.opener`."""
    assert "Cross-Origin-Opener-Policy" not in page_headers(is_https=True)
