"""Where an INSERT statement ends and its data begins, and which output format a query names. Pure text rules."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPACE_AND_COMMENTS = re.compile(rb"(?:\s+|--[^\n]*(?:\n|$)|#[! ][^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
_TOKEN = re.compile(rb"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|[A-Za-z_][A-Za-z0-9_]*|.", re.DOTALL)
_DATA_START = re.compile(rb"[ \t\f]*\r?\n?")
_INSERT = re.compile(rb"INSERT\b", re.IGNORECASE)
_OUTPUT_FORMAT = re.compile(r"\bFORMAT\s+([A-Za-z0-9_]+)\s*(?:SETTINGS\b[^;]*)?;?\s*$", re.IGNORECASE)
_STATEFUL = re.compile(r"\s*(?:SET\b|USE\b|CREATE\s+(?:OR\s+REPLACE\s+)?TEMPORARY\b)", re.IGNORECASE)


@dataclass(frozen=True)
class InsertStatement:
    """`INSERT INTO t (a, b)` without its FORMAT clause, the format, and where the data begins in the text."""

    sql: str
    format: str
    data_offset: int


def parse_insert(head: bytes, default_format: str = "Values") -> InsertStatement | None:
    """The INSERT at the start of `head`, where data of some format follows it; None for any other statement.

    After `FORMAT name` the data starts behind the blanks and at most one line break (ParserInsertQuery.cpp).
    """
    start = _skip(head, 0)
    if not _INSERT.match(head, start):
        return None
    position, depth, words = start, 0, 0
    while position < len(head):
        token = _TOKEN.match(head, position)
        if token is None:
            break
        word, end = token.group().upper(), token.end()
        if word == b"(":
            depth += 1
        elif word == b")":
            depth -= 1
        elif depth == 0 and words > 1 and word in {b"SELECT", b"WITH", b"INFILE", b"WATCH"}:
            return None
        elif depth == 0 and words > 1 and word == b"VALUES":
            return InsertStatement(_text(head[start:position]), "Values", end)
        elif depth == 0 and words > 1 and word == b"FORMAT":
            name = _TOKEN.match(head, _skip(head, end))
            if name is None:
                return None
            data = _DATA_START.match(head, name.end())
            offset = data.end() if data else name.end()
            return InsertStatement(_text(head[start:position]), name.group().decode("ascii", "replace"), offset)
        words += token.group()[:1].isalnum() or token.group()[:1] in b'`"_'
        position = _skip(head, end)
    return InsertStatement(_text(head[start:]), default_format, len(head))


def output_format(sql: str) -> str | None:
    """The format that the query itself names at its end."""
    found = _OUTPUT_FORMAT.search(sql)
    return found.group(1) if found else None


def changes_session(sql: str) -> bool:
    """Whether the statement leaves something behind in its session: a setting, a database, a temporary table."""
    return _STATEFUL.match(sql) is not None


def quote(value: str) -> str:
    """A ClickHouse string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
    return f"'{escaped}'"


def _skip(text: bytes, position: int) -> int:
    blank = _SPACE_AND_COMMENTS.match(text, position)
    return blank.end() if blank else position


def _text(part: bytes) -> str:
    return part.decode("utf-8", "replace").rstrip().rstrip(";")
