"""The condition alone. What it does to sessions and families: tests/flows/test_sign_out_pages.py."""

from __future__ import annotations

from shared.identity.not_before import is_after_not_before


def test_the_condition_compares_the_id_that_it_is_given_with_the_one_instant() -> None:
    condition = is_after_not_before("f.id")
    assert "name = 'not_before'" in condition and "f.id < uuid7_floor(instant)" in condition


def test_where_nobody_was_signed_out_everything_counts() -> None:
    """NOT EXISTS: with no row there is nothing to be older than."""
    assert is_after_not_before("id").startswith("NOT EXISTS (")


def test_it_takes_no_parameter_that_a_statement_would_have_to_bring() -> None:
    assert "%" not in is_after_not_before("id")
