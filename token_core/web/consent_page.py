"""The person allows a client what it asks for, or doesn't."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from token_core.errors import InvalidRequest
from token_core.protocol.authorization_response import form_action_source
from token_core.protocol.prompt import Step
from token_core.web.authorization import Refused, Standing, deny, go_on, issue_code, refuse, take_request
from token_core.web.page_route import PageRoute
from token_core.web.pending import open_pending, seal_pending
from token_core.web.visit import Visit

router = APIRouter(route_class=PageRoute, include_in_schema=False)

STANDARD = {
    "openid": "know that it is you",
    "profile": "see your name and the other details of your profile",
    "email": "see your e-mail address",
    "offline_access": "keep its access while you are not there",
}


@router.get("/consent")
async def show_consent(request: Request) -> Response:
    visit = Visit(request)
    try:
        standing = await _standing(visit, request.query_params.get("request", ""))
    except Refused as refused:
        return await refuse(visit, refused)
    if standing.step is not Step.CONSENT or standing.session is None:
        return await go_on(visit, standing)
    catalog = await visit.hosted.authority.catalog()
    described = [
        STANDARD.get(name) or (catalog.scopes[name].description if name in catalog.scopes else "") or name
        for name in standing.scopes
    ]
    return visit.page(
        "consent.html",
        form_targets=[form_action_source(standing.ask.reply.redirect_uri)],
        client_name=standing.client.name,
        email=standing.session.email,
        scopes=described,
        shown=" ".join(standing.scopes),
        request=seal_pending(visit.hosted.form_key, standing.pending),
    )


@router.post("/consent")
async def decide(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    try:
        standing = await _standing(visit, form.get("request", ""), has_consented=True)
    except Refused as refused:
        return await refuse(visit, refused)
    if standing.session is None or standing.step is not Step.ISSUE:
        return await go_on(visit, standing)
    if form.get("decision") == "deny":
        return await deny(visit, standing, standing.session)
    if form.get("decision") != "allow":
        raise InvalidRequest("The form has to say allow or deny.")
    if form.get("shown") != " ".join(
        standing.scopes
    ):  # roles changed while the page was open: ask for what is true now
        return await go_on(visit, await _standing(visit, form.get("request", "")))
    return await issue_code(visit, standing, standing.session, records_consent=True)


async def _standing(visit: Visit, sealed: str, *, has_consented: bool = False) -> Standing:
    pending = open_pending(visit.hosted.form_key, sealed, visit.hosted.clock())
    return await take_request(visit, pending, has_consented=has_consented)
