"""The pages of a local stack: start page with the live state, mailbox, and a demo client to sign in with."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from local.stack.view import rows
from local.web.demo_client import DemoClient
from local.web.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from starlette.requests import Request

    from local.stack.run import Stack

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class StackView:
    """What the pages may see of the stack."""

    stack: Stack
    mailbox_url: str
    http: httpx.AsyncClient


class Pages:
    """Renders templates with what all pages share."""

    def __init__(self, view: StackView) -> None:
        self.view = view
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined
        )

    def render(self, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
        page = self._templates.get_template(template).render(stack=self.view.stack, **values)
        return HTMLResponse(page, status_code, headers={"Cache-Control": "no-store"})

    async def start_page(self, _: Request) -> Response:
        return self.render("start.html", rows=await asyncio.to_thread(rows, self.view.stack))

    async def status(self, _: Request) -> Response:
        stack = self.view.stack
        found = await asyncio.to_thread(rows, stack)
        return JSONResponse({"ready": stack.ready, "processes": [asdict(row) for row in found]})


class PageServer:
    """Serves the pages inside the supervisor's own event loop, so that they tell of everything else's death."""

    def __init__(self, view: StackView, port: int, certificate: tuple[Path, Path] | None) -> None:
        pages = Pages(view)
        app = Starlette(
            routes=[
                Route("/", pages.start_page),
                Route("/status.json", pages.status),
                *Mailbox(pages).routes(),
                *DemoClient(pages).routes(),
                Mount("/static", StaticFiles(directory=_HERE / "static")),
            ]
        )
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="error",
            access_log=False,
            lifespan="off",
            ssl_certfile=certificate[0] if certificate else None,
            ssl_keyfile=certificate[1] if certificate else None,
            timeout_graceful_shutdown=1,
        )
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the start page could not be served")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _QuietServer(uvicorn.Server):
    """Leaves signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
