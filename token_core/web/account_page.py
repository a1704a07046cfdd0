"""A person's own account: where they are signed in, which applications have access; and ending either."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from token_core.errors import InvalidRequest
from token_core.sessions.user_agent import described, is_phone
from token_core.web.account_route import AccountRoute, signed_in
from token_core.web.consent_page import STANDARD
from token_core.web.page_route import error_page
from token_core.web.visit import Visit

if TYPE_CHECKING:
    from datetime import datetime

    from token_core.authority import Catalog
    from token_core.storage.account_ports import Access, Place
    from token_core.storage.sign_in_ports import CurrentSession

router = APIRouter(route_class=AccountRoute, include_in_schema=False)

_DONE = {
    "ended": "That browser is signed out.",
    "others": "All other browsers are signed out.",
    "revoked": "The application no longer has access.",
    "password": "Your password is changed, and all other browsers are signed out.",
}


@router.get("/account")
async def show_account(request: Request) -> Response:
    visit = Visit(request)
    session = await signed_in(visit)
    accounts, now = visit.hosted.accounts, visit.hosted.clock()
    places = await accounts.store.places(session.user_id, now, now - visit.hosted.policy.session_idle)
    access = await accounts.store.access(session.user_id)
    catalog = await visit.hosted.authority.catalog()
    wish = await accounts.store.open_wish(session.user_id, now)
    shown = [_shown_place(place, session) for place in places]
    return visit.page(
        "account.html",
        email=session.email,
        wished_email=wish.new_email if wish else None,
        places=sorted(shown, key=lambda place: not place["is_this"]),
        has_others=any(not place["is_this"] for place in shown),
        clients=[_shown_access(each, catalog) for each in access],
        done=_DONE.get(request.query_params.get("done", "")),
    )


@router.post("/account/places/end")
async def end_place(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    session = await signed_in(visit)
    try:
        place_id = uuid.UUID(form.get("place", ""))
    except ValueError:
        raise InvalidRequest("The form has to say which browser.") from None
    if not await visit.hosted.accounts.end_place(session, place_id, visit.visitor):
        return error_page(request, 404, "Nothing to end", "That browser was signed out before, or is not yours.")
    return visit.redirect("/account?done=ended")


@router.post("/account/places/end-others")
async def end_others(request: Request) -> Response:
    visit = Visit(request)
    await visit.form()
    await visit.hosted.accounts.end_others(await signed_in(visit), visit.visitor)
    return visit.redirect("/account?done=others")


@router.post("/account/access/revoke")
async def revoke_access(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    session = await signed_in(visit)
    if not await visit.hosted.accounts.revoke_access(session, form.get("client", "")):
        return error_page(request, 404, "Nothing to revoke", "That application has no access to your account.")
    return visit.redirect("/account?done=revoked")


def _shown_place(place: Place, session: CurrentSession) -> dict[str, object]:
    return {
        "id": str(place.id),
        "name": described(place.user_agent) if place.is_signed_in else "A browser from before",
        "is_phone": is_phone(place.user_agent),
        "address": place.address,
        "is_signed_in": place.is_signed_in,
        "is_this": session.id in place.session_ids or place.id == session.device_id,
        "began": _day(place.began_at),
        "last_used": _minute(place.last_used_at),
    }


def _shown_access(access: Access, catalog: Catalog) -> dict[str, object]:
    scopes = [
        STANDARD.get(name) or (catalog.scopes[name].description if name in catalog.scopes else "") or name
        for name in access.scopes
    ]
    return {
        "client_id": access.client_id,
        "name": access.name,
        "scopes": scopes,
        "granted": _day(access.granted_at) if access.granted_at else None,
    }


def _day(instant: datetime) -> str:
    return f"{instant.day} {instant:%b %Y}"


def _minute(instant: datetime) -> str:
    return f"{instant.day} {instant:%b %Y, %H:%M} UTC"
