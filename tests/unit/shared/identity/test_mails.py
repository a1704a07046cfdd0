"""Asking for a mail writes its row and its event together; steps run without a database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from shared.database.steps import Statement
from shared.identity.mails import requesting_email
from shared.identity.recording import Recording
from shared.ids import new_id

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def run(steps) -> tuple[list[Statement], object]:
    statements: list[Statement] = []
    try:
        statements.append(next(steps))
        while True:
            statements.append(steps.send([]))
    except StopIteration as done:
        return statements, done.value


def test_a_mail_is_a_row_and_an_event_under_the_same_id() -> None:
    user_id = new_id()
    asked = requesting_email(
        Recording("sender:a", NOW, "request-1"),
        user_id,
        "welcome",
        link_purpose="set_password",
        link_lives=timedelta(hours=1),
    )
    (row, *events), email_id = run(asked)
    assert row.parameters["id"] == email_id and row.parameters["user_id"] == user_id
    assert row.parameters["link_expires_at"] == NOW + timedelta(hours=1)
    written = json.dumps([str(each.parameters) for each in events])
    assert "email.requested" in written and str(email_id) in written


def test_neither_the_row_nor_the_event_holds_a_link_or_an_address() -> None:
    statements, _ = run(requesting_email(Recording("a", NOW), new_id(), "password_reset", link_purpose="set_password"))
    written = " ".join(str(each.parameters) for each in statements)
    assert "ap_ln_" not in written and "@" not in written and "http" not in written


def test_a_notice_has_no_link() -> None:
    (row, *_), _ = run(requesting_email(Recording("a", NOW), new_id(), "security_notice", parameters={"what": "x"}))
    assert (row.parameters["link_purpose"], row.parameters["link_expires_at"]) == (None, None)
