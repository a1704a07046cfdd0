"""What data teams query. A view is one SQL text with `{events}`, so that it runs over the Parquet files, too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RAW_TABLE = "events_raw"
EVENTS_VIEW = "events"
NAMES = (EVENTS_VIEW, "sign_ins_per_hour", "failures_by_address", "tokens_per_client", "daily_active_users")
"""In the order of their making: the others read `events`."""


@dataclass(frozen=True, slots=True)
class View:
    """`comment` says what a row is; `text` is the SELECT with `{events}` where its source goes."""

    name: str
    comment: str
    text: str

    def over(self, source: str) -> str:
        """The SELECT over `source`: a table's name, or a table function such as `file('*.parquet')`."""
        return self.text.replace("{events}", source)


def view(name: str) -> View:
    """Read a view's definition."""
    first, _, text = (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8").partition("\n")
    return View(name, first.removeprefix("-- "), text.strip())
