"""The style sheet and the icon: named by their content, kept by browsers for ever."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from token_core.web.hosted import hosted_of
from token_core.web.page_route import PageRoute, error_page

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/static/{name}")
async def static_file(request: Request, name: str) -> Response:
    asset = hosted_of(request).pages.assets.get(name)
    if asset is None:
        return error_page(request, 404, "Not found", "There is nothing at this address.")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'",
    }
    return Response(asset.content, media_type=asset.media_type, headers=headers)
