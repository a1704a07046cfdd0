"""What `make run` shows: progress while it starts, then a live table (or plain lines where there is no terminal)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.stack.view import rows

if TYPE_CHECKING:
    from local.stack.run import Stack

_COLOURS = {
    "running": "green",
    "idle": "green",
    "busy": "cyan",
    "starting": "yellow",
    "backing off": "red",
    "backing-off": "red",
    "stopped": "dim",
}


class Terminal:
    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._console = Console(highlight=False)
        self._lines: deque[str] = deque(maxlen=6)
        self._live: Live | None = None

    def say(self, line: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        if self._live is None:
            self._console.print(f"[dim]{stamp}[/dim] ", end="")
            self._console.print(Text(line))
        else:
            self._lines.append(f"{stamp} {line}")

    async def on_ready(self, stack: Stack) -> None:
        """Print what to try, then show the live state until cancelled."""
        self._console.print(what_to_try(stack), soft_wrap=True)  # secrets and commands are copied whole
        if self._plain:
            return
        with Live(console=self._console, auto_refresh=False) as self._live, contextlib.suppress(asyncio.CancelledError):
            while True:
                self._live.update(self._render(stack), refresh=True)
                await asyncio.sleep(1)
        self._live = None

    def _render(self, stack: Stack) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("part", "state", "pid", "up", "memory", "restarts", ""):
            table.add_column(heading)
        for row in rows(stack):
            state = Text(row.state, style=_COLOURS.get(row.state, ""))
            table.add_row(row.name, state, str(row.pid or ""), row.up, row.memory, str(row.restarts or ""), row.note)
        return Group(table, Text("\n".join(self._lines), style="dim"))


def what_to_try(stack: Stack) -> str:
    addresses, demo = stack.addresses, stack.demo
    machine = demo["machine_client"]
    curl = f"curl --cacert {addresses.ca_file}" if addresses.ca_file else "curl"
    credentials = f"{machine['client_id']}:{machine['client_secret']}"
    return f"""
[bold]The platform runs.[/bold] Ctrl-C stops it; the data is kept.

  everything, live   {addresses.url("start_page")}
  sign in            {addresses.url("start_page")}/demo      {demo["user"]["email"]}  {demo["user"]["password"]}
  mails              {addresses.url("start_page")}/mailbox
  discovery          {addresses.issuer}/.well-known/openid-configuration
  a token            {curl} -u {credentials} -d grant_type=client_credentials {addresses.issuer}/oauth2/token
  all addresses      {stack.layout.stack_file}
  lag and depth      make status
"""
