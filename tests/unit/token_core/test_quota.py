from __future__ import annotations

from token_core.quota import MAX_REASONS, FailureQuota


def test_what_is_over_the_burst_is_counted_by_type_and_reason() -> None:
    quota = FailureQuota(per_second=1e-6, burst=3)
    admitted = [quota.admits("token.denied", "invalid_client") for _ in range(10)]
    assert admitted == [True] * 3 + [False] * 7
    (counted,) = quota.take_counts()
    assert (counted.type, counted.reason, counted.count) == ("token.denied", "invalid_client", 7)
    assert quota.take_counts() == []


def test_a_count_that_was_not_recorded_is_counted_again_from_its_own_start() -> None:
    quota = FailureQuota(per_second=1e-6, burst=1)
    quota.count("token.denied", "x")
    (counted,) = quota.take_counts()
    quota.put_back(counted)
    (again,) = quota.take_counts()
    assert (again.count, again.window_start) == (1, counted.window_start)


def test_reasons_are_bounded_whatever_happens() -> None:
    quota = FailureQuota(per_second=1e-6, burst=1)
    for number in range(MAX_REASONS + 50):
        quota.count("token.denied", f"reason_{number}")
    counts = quota.take_counts()
    assert len(counts) == MAX_REASONS + 1
    assert sum(counted.count for counted in counts) == MAX_REASONS + 50
