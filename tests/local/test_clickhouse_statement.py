"""Where an INSERT statement ends and its data begins."""

from __future__ import annotations

import pytest

from local.clickhouse.statement import InsertStatement, changes_session, output_format, parse_insert, quote


@pytest.mark.parametrize(
    ("text", "sql", "form", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t", "CSV", b"1,2"),
        (b"insert into t (a, b) format Native \r\n\x01\x02", "insert into t (a, b)", "Native", b"\x01\x02"),
        (b"INSERT INTO t FORMAT TSV  1\t2", "INSERT INTO t", "TSV", b"1\t2"),
        (b"INSERT INTO t FORMAT TSV\n\n1", "INSERT INTO t", "TSV", b"\n1"),
        (b"-- FORMAT x\nINSERT INTO `FORMAT` /* VALUES */ (`values`) VALUES (1)", None, "Values", b" (1)"),
        (b"INSERT INTO t SETTINGS a = 'FORMAT' FORMAT JSONEachRow {}", None, "JSONEachRow", b"{}"),
        (b"INSERT INTO FUNCTION file('x', 'CSV', 'format String') FORMAT CSV\n1", None, "CSV", b"1"),
        (b"INSERT INTO t (a)", "INSERT INTO t (a)", "Values", b""),
    ],
)
def test_the_data_begins_behind_the_format_and_one_line_break(text, sql, form, data):
    found = parse_insert(text)
    assert isinstance(found, InsertStatement)
    assert (found.format, text[found.data_offset :]) == (form, data)
    assert sql is None or found.sql == sql


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 'INSERT INTO t FORMAT CSV'",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t WITH 1 AS x SELECT x",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"",
        b"INSERTED",
    ],
)
def test_other_statements_have_no_data_behind_them(text):
    assert parse_insert(text) is None


@pytest.mark.parametrize(
    ("sql", "form"),
    [("SELECT 1 FORMAT JSON", "JSON"), ("SELECT 1 FORMAT CSV SETTINGS a = 1;", "CSV"), ("SELECT format FROM t", None)],
)
def test_the_output_format_is_the_one_at_the_end(sql, form):
    assert output_format(sql) == form


@pytest.mark.parametrize("sql", ["SET a = 1", " use x", "CREATE TEMPORARY TABLE t (a Int8)"])
def test_these_statements_change_their_session(sql):
    assert changes_session(sql)
    assert not changes_session(f"SELECT '{sql}'")


def test_a_literal_cannot_be_left():
    assert quote("a'b\\c\0") == "'a\\'b\\\\c\\0'"
