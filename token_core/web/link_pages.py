"""Two links that a button confirms: an e-mail address, and a device. Opening them alone changes nothing."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from token_core.sessions.mailed_links import TRUST_DEVICE, VERIFY_EMAIL
from token_core.storage.sign_in_ports import LinkState
from token_core.web.dead_link import dead_link_page
from token_core.web.page_route import PageRoute
from token_core.web.rendering import Onward
from token_core.web.steady_answer import steady_answer
from token_core.web.visit import Visit

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/email/verify")
async def show_verify_email(request: Request) -> Response:
    text = "Press the button to confirm that this e-mail address is yours."
    return await _press(request, VERIFY_EMAIL, "mail", "Confirm your e-mail address", text, "Confirm")


@router.post("/email/verify")
async def verify_email(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    state = await visit.hosted.links.verify_email(form.get("token", ""))
    if state is not LinkState.LIVE:
        return dead_link_page(visit, state, VERIFY_EMAIL)
    return _done(visit, "Your e-mail address is confirmed", "Thank you. You can close this page.")


@router.get("/device/trust")
async def show_trust_device(request: Request) -> Response:
    text = "Is it you who wants to sign in with this browser? Only go on if you asked for this link yourself."
    return await _press(request, TRUST_DEVICE, "device", "Confirm this device", text, "Yes, this is my device")


@router.post("/device/trust")
async def trust_device(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    state, device = await visit.hosted.links.trust_device(form.get("token", ""))
    if device is None:
        return dead_link_page(visit, state, TRUST_DEVICE)
    visit.know_device(device)
    text = "Sign in with your password now: here, or in the window where you began."
    return _done(visit, "This device is confirmed", text, href="/sign-in")


@router.post("/device/trust/request")
async def send_device_link(request: Request) -> Response:
    """The same answer after the same time, whoever is asked for."""
    visit = Visit(request)
    form = await visit.form()
    async with steady_answer():
        await visit.hosted.links.request_device_link(form.get("email", ""), visit.visitor)
    text = (
        "If there is an account with this address, a link is on its way. "
        "Open it in this browser. It is good for one hour."
    )
    return visit.answer(visit.hosted.pages.message("mail", "Look into your mailbox", text))


async def _press(request: Request, purpose: str, kind: str, title: str, text: str, button: str) -> Response:
    visit = Visit(request)
    token = request.query_params.get("token", "")
    link = await visit.hosted.links.look(token, purpose)
    if link.state is not LinkState.LIVE:
        return dead_link_page(visit, link.state, purpose)
    return visit.page(
        "press_to_confirm.html",
        kind=kind,
        title=title,
        text=text,
        button=button,
        second=None,
        action=visit.request.url.path,
        fields={"token": token},
    )


def _done(visit: Visit, title: str, text: str, href: str | None = None) -> Response:
    link = None if href is None else Onward(href, "Sign in")
    return visit.answer(visit.hosted.pages.message("done", title, text, link=link))
