"""Renders the hosted pages: Jinja with everything escaped, and the headers that go with every page."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from token_core.web.security_headers import page_headers

if TYPE_CHECKING:
    from collections.abc import Iterable

_HERE = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
SUBMIT_SCRIPT = "document.forms[0].submit()"
_SUBMIT_SCRIPT_HASH = "sha256-" + base64.b64encode(hashlib.sha256(SUBMIT_SCRIPT.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    version: str  # of the content, so that a browser may keep it for ever


@dataclass(frozen=True, slots=True)
class Onward:
    """A link that looks like a button; a quiet one is not what most people came for."""

    href: str
    text: str
    is_quiet: bool = False


def load_assets() -> dict[str, Asset]:
    """Everything under static/, by name."""
    assets = {}
    for path in sorted((_HERE / "static").iterdir()):
        content = path.read_bytes()
        version = hashlib.sha256(content).hexdigest()[:12]
        assets[path.name] = Asset(content, _MEDIA_TYPES[path.suffix], version)
    return assets


class Pages:
    """The templates, compiled as they are first used."""

    def __init__(self, *, platform_name: str, is_https: bool) -> None:
        self.assets = load_assets()
        self._is_https = is_https
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(platform_name=platform_name, asset=self._asset_url)

    def render(
        self, template: str, *, status: int = 200, form_targets: Iterable[str] = (), **values: Any
    ) -> HTMLResponse:
        """One page. `form_targets`: what its forms may end up at besides ourselves."""
        body = self._templates.get_template(template).render(values)
        headers = page_headers(is_https=self._is_https, form_targets=form_targets)
        return HTMLResponse(body, status, headers)

    def message(
        self,
        kind: str,
        title: str,
        text: str,
        *,
        status: int = 200,
        link: Onward | None = None,
        request_id: str | None = None,
    ) -> HTMLResponse:
        """A page that says one thing, and where to go from there."""
        return self.render(
            "message.html", status=status, kind=kind, title=title, text=text, link=link, request_id=request_id
        )

    def render_form_post(self, action: str, fields: dict[str, str], target: str) -> HTMLResponse:
        """OAuth 2.0 Form Post Response Mode: the one page with a script; its button does the same without."""
        values = {"action": action, "fields": fields, "script": SUBMIT_SCRIPT}
        body = self._templates.get_template("form_post.html").render(values)
        headers = page_headers(is_https=self._is_https, form_targets=[target], script_hash=_SUBMIT_SCRIPT_HASH)
        return HTMLResponse(body, 200, headers)

    def redirect(self, location: str) -> Response:
        """303: whatever came, a GET follows (RFC 9700 4.12)."""
        return Response(status_code=303, headers={**page_headers(is_https=self._is_https), "Location": location})

    def _asset_url(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].version}"
