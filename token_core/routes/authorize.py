"""The authorization endpoint: RFC 6749 4.1.1, OpenID Connect Core 3.1.2. Code flow only."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from token_core.protocol.authorization_request import Parameters, read_pairs
from token_core.web.authorization import Refused, go_on, refuse, take_request
from token_core.web.page_route import PageRoute
from token_core.web.pending import PendingRequest, open_pending
from token_core.web.visit import Visit

router = APIRouter(route_class=PageRoute)


@router.get("/oauth2/authorize", summary="Ask for an authorization code")
async def authorize(request: Request) -> Response:
    visit = Visit(request)
    pairs = read_pairs(request.scope["query_string"])
    return await _walk(visit, PendingRequest(tuple(pairs), visit.hosted.clock()))


@router.post("/oauth2/authorize", summary="The same, with the parameters in a form")
async def authorize_by_post(request: Request) -> Response:
    """Turned into a GET, because browsers keep SameSite=Lax cookies back from a form that another site sends."""
    visit = Visit(request)
    parameters = Parameters(read_pairs(await visit.body()))
    return visit.redirect(f"/oauth2/authorize?{urlencode(parameters.pairs)}")


@router.get("/oauth2/authorize/continue", include_in_schema=False)
async def continue_after_sign_in(request: Request) -> Response:
    visit = Visit(request)
    sealed = request.query_params.get("request", "")
    return await _walk(visit, open_pending(visit.hosted.form_key, sealed, visit.hosted.clock()))


async def _walk(visit: Visit, pending: PendingRequest) -> Response:
    try:
        return await go_on(visit, await take_request(visit, pending))
    except Refused as refused:
        return await refuse(visit, refused)
