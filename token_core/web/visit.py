"""One request to a hosted page: its cookies, its form, whom it comes from, and what goes back with the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from token_core.errors import InvalidRequest
from token_core.protocol.form import MAX_BODY_BYTES, parse_form, require_form
from token_core.sessions.cookies import (
    DEVICE_COOKIE_SECONDS,
    Credential,
    parse_cookies,
    read_device_cookie,
    read_session_cookie,
    write_device_cookie,
)
from token_core.sessions.current import current_session
from token_core.sessions.visitor import Visitor
from token_core.web.client_address import client_address
from token_core.web.csrf import check_form, check_origin, form_token, is_form_cookie, new_form_cookie
from token_core.web.hosted import Hosted, hosted_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import Request, Response

    from token_core.storage.sign_in_ports import CurrentSession


class Visit:
    """Built at the top of every page's function."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.hosted: Hosted = hosted_of(request)
        self._names = self.hosted.cookies
        cookies = parse_cookies(request.headers.get("cookie"))
        kept = cookies.get(self._names.form)
        self._form_cookie = kept if kept is not None and is_form_cookie(kept) else None
        self._sent_form_cookie = self._form_cookie
        self.visitor = Visitor(
            address=client_address(
                request.client.host if request.client else None,
                request.headers.getlist("x-forwarded-for"),
                self.hosted.trusted_proxy_hops,
            ),
            user_agent=request.headers.get("user-agent"),
            session=read_session_cookie(cookies.get(self._names.session)),
            devices=read_device_cookie(cookies.get(self._names.device)),
        )
        self._has_session_cookie = self._names.session in cookies
        self._set_cookies: list[str] = []

    async def session(self) -> CurrentSession | None:
        """Raises `TemporarilyUnavailable` where it can't be told; no cookie is touched then."""
        return await current_session(self.hosted.store, self.hosted.policy, self.visitor, self.hosted.clock())

    async def form(self) -> dict[str, str]:
        """The fields of a form that one of our own pages sent.

        Raises:
            ForeignForm: another site sent it, or nobody knows who.
            InvalidRequest: it is no form, or a broken one.
        """
        headers = self.request.headers
        check_origin(self.hosted.origin, origin=headers.get("origin"), sec_fetch_site=headers.get("sec-fetch-site"))
        fields = parse_form(await self.body())
        check_form(self.hosted.form_key, cookie=self._form_cookie, token=fields.get("form_token"))
        return fields

    async def body(self) -> bytes:
        """Raises `InvalidRequest` where it is too large or not a form."""
        require_form(self.request.headers.get("content-type", "").encode())
        parts, size = [], 0
        async for part in self.request.stream():
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise InvalidRequest("The form is too large.", detail="body_too_large", status=413)
            parts.append(part)
        return b"".join(parts)

    def page(self, template: str, *, status: int = 200, form_targets: Iterable[str] = (), **values: Any) -> Response:
        """A page with a form: it gets the token that its form has to bring back."""
        if self._form_cookie is None:
            self._form_cookie = new_form_cookie()
        values["form_token"] = form_token(self.hosted.form_key, self._form_cookie)
        return self.answer(self.hosted.pages.render(template, status=status, form_targets=form_targets, **values))

    def redirect(self, location: str) -> Response:
        return self.answer(self.hosted.pages.redirect(location))

    def answer(self, response: Response) -> Response:
        """Put the cookies on."""
        if self._form_cookie is not None and self._form_cookie != self._sent_form_cookie:
            response.headers.append("set-cookie", self._names.set(self._names.form, self._form_cookie))
        for cookie in self._set_cookies:
            response.headers.append("set-cookie", cookie)
        return response

    def begin_session(self, session: Credential) -> None:
        """The new session's cookie, and a new one for forms: nothing from before the sign-in counts after it."""
        self._set_cookies.append(self._names.set(self._names.session, str(session)))
        self._form_cookie = new_form_cookie()

    def end_session(self) -> None:
        if self._has_session_cookie:
            self._set_cookies.append(self._names.clear(self._names.session))
        self._form_cookie = new_form_cookie()

    def know_device(self, device: Credential) -> None:
        value = write_device_cookie(device, self.visitor.devices)
        self._set_cookies.append(self._names.set(self._names.device, value, max_age_seconds=DEVICE_COOKIE_SECONDS))
