from __future__ import annotations

import pytest

from shared.clickhouse.views import EVENTS_VIEW, NAMES, RAW_TABLE, view


@pytest.mark.parametrize("name", NAMES)
def test_a_view_is_one_select_over_a_source_that_is_left_open(name: str) -> None:
    definition = view(name)
    assert "{events}" in definition.text and ";" not in definition.text
    assert definition.text.upper().startswith(("SELECT", "WITH"))


@pytest.mark.parametrize("name", NAMES)
def test_a_view_says_what_a_row_is(name: str) -> None:
    assert view(name).comment and not view(name).comment.startswith("--")


def test_the_same_text_runs_over_a_table_and_over_files() -> None:
    text = view("sign_ins_per_hour").over("file('*.parquet')")
    assert "file('*.parquet')" in text and "{events}" not in text


def test_events_come_first_because_the_others_read_them() -> None:
    assert NAMES[0] == EVENTS_VIEW != RAW_TABLE


def test_each_file_beside_them_is_a_view() -> None:
    from pathlib import Path

    import shared.clickhouse.views

    assert {path.stem for path in Path(shared.clickhouse.views.__file__).parent.glob("*.sql")} == set(NAMES)
