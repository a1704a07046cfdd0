"""What the hosted pages and the authorization endpoint work with; app.py builds it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from shared.clock import Clock, utc_now

if TYPE_CHECKING:
    from fastapi import Request

    from token_core.audit import Recorder
    from token_core.authority import Authority
    from token_core.sessions.account import Accounts
    from token_core.sessions.cookies import CookieNames
    from token_core.sessions.email_change import EmailChanges
    from token_core.sessions.mailed_links import MailedLinks
    from token_core.sessions.policy import SignInPolicy
    from token_core.sessions.sign_in import SignIns
    from token_core.storage.ports import CodeStore
    from token_core.storage.sign_in_ports import SignInStore
    from token_core.tokens.keys import KeyRing
    from token_core.web.rendering import Pages


@dataclass(frozen=True, slots=True)
class Hosted:
    issuer: str
    platform_name: str
    trusted_proxy_hops: int
    form_key: bytes  # of form tokens and pending requests
    cookies: CookieNames
    pages: Pages
    policy: SignInPolicy
    store: SignInStore
    sign_ins: SignIns
    links: MailedLinks
    accounts: Accounts
    email_changes: EmailChanges
    authority: Authority
    keys: KeyRing
    codes: CodeStore
    recorder: Recorder
    clock: Clock = utc_now

    @property
    def origin(self) -> str:
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"


def hosted_of(request: Request) -> Hosted:
    return cast("Hosted", request.app.state.hosted)
