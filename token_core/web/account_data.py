"""A copy of all that the platform has of a person, for that person."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response

from token_core.sessions.account import Busy
from token_core.sessions.guesses import seconds_to_next_window
from token_core.web.account_route import AccountRoute, signed_in_recently
from token_core.web.page_route import error_page
from token_core.web.security_headers import page_headers
from token_core.web.visit import Visit

router = APIRouter(route_class=AccountRoute, include_in_schema=False)


@router.get("/account/data")
async def show_data(request: Request) -> Response:
    visit = Visit(request)
    session = await signed_in_recently(visit, "data")
    return visit.page("account_data.html", email=session.email)


@router.post("/account/data")
async def download(request: Request) -> Response:
    visit = Visit(request)
    await visit.form()
    session = await signed_in_recently(visit, "data")
    content = await visit.hosted.accounts.export(session, visit.visitor)
    if isinstance(content, Busy):
        response = error_page(request, 429, "That was often", "Please wait an hour before you ask for a copy again.")
        response.headers["Retry-After"] = str(seconds_to_next_window(visit.hosted.clock()))
        return response
    headers = page_headers(is_https=visit.hosted.issuer.startswith("https://"))
    headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    body = json.dumps(content, indent=2, ensure_ascii=False)
    return visit.answer(Response(body.encode(), media_type="application/json", headers=headers))
