"""Builds what the hosted pages work with, from the worker's services; the one place that does."""

from __future__ import annotations

import hmac
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.subject_keys import AsyncSubjectKeys
from token_core.routes import authorize, logout
from token_core.sessions.account import Accounts
from token_core.sessions.cookies import CookieNames
from token_core.sessions.email_change import EmailChanges
from token_core.sessions.guesses import GuessLimits
from token_core.sessions.hashing_pool import HashingParameters, HashingPool
from token_core.sessions.mailed_links import MailedLinks
from token_core.sessions.policy import SignInPolicy
from token_core.sessions.sign_in import SignIns
from token_core.storage.postgres_account import PostgresAccount
from token_core.storage.postgres_sign_in import PostgresSignIn
from token_core.web import (
    account_data,
    account_email,
    account_page,
    account_password,
    consent_page,
    link_pages,
    password_pages,
    sign_in_page,
    static_files,
)
from token_core.web.hosted import Hosted
from token_core.web.rendering import Pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import APIRouter

    from token_core.config import Settings
    from token_core.services import Services


def hosted_routers() -> tuple[APIRouter, ...]:
    """What the FastAPI app has to include."""
    return (
        authorize.router,
        logout.router,
        sign_in_page.router,
        consent_page.router,
        password_pages.router,
        link_pages.router,
        account_page.router,
        account_password.router,
        account_email.router,
        account_data.router,
        static_files.router,
    )


@asynccontextmanager
async def open_hosted(services: Services) -> AsyncIterator[Hosted]:
    """For the app's lifespan: `app.state.hosted`. The hashing processes live as long as the block."""
    settings = services.settings
    hashing = HashingPool(_hashing(settings))
    await hashing.start()
    try:
        yield _hosted(services, hashing)
    finally:
        await hashing.close()


def _hosted(services: Services, hashing: HashingPool) -> Hosted:
    settings = services.settings
    store = PostgresSignIn(services.database, AsyncSubjectKeys(services.subject_keys), settings.outbox_shards)
    account_store = PostgresAccount(services.database, AsyncSubjectKeys(services.subject_keys), settings.outbox_shards)
    policy = _policy(settings)
    sign_ins = SignIns(store, hashing, policy, services.recorder)
    return Hosted(
        issuer=settings.issuer,
        platform_name=settings.platform_name,
        trusted_proxy_hops=settings.trusted_proxy_hops,
        form_key=_derived(settings, b"hosted forms"),
        cookies=CookieNames.under(settings.issuer),
        pages=Pages(platform_name=settings.platform_name, is_https=settings.is_https),
        policy=policy,
        store=store,
        sign_ins=sign_ins,
        links=MailedLinks(store, hashing, policy),
        accounts=Accounts(account_store, store, sign_ins, hashing, policy),
        email_changes=EmailChanges(account_store, store, policy),
        authority=services.authority,
        keys=services.keys,
        codes=services.codes,
        recorder=services.recorder,
    )


def _policy(settings: Settings) -> SignInPolicy:
    return SignInPolicy(
        budget_key=_derived(settings, b"guess budgets"),
        pseudonym_key=settings.pseudonym_key.get_secret_value(),
        link_key=settings.link_key.get_secret_value(),
        session_idle=timedelta(seconds=settings.session_idle_seconds),
        session_lifetime=timedelta(seconds=settings.session_lifetime_seconds),
        guesses=GuessLimits(
            account_per_hour=settings.guesses_per_account_and_hour,
            device_per_hour=settings.guesses_per_device_and_hour,
            address_per_hour=settings.guesses_per_address_and_hour,
            mails_per_hour=settings.mails_per_account_and_hour,
        ),
    )


def _hashing(settings: Settings) -> HashingParameters:
    return HashingParameters(
        memory_kib=settings.argon2_memory_kib,
        passes=settings.argon2_passes,
        lanes=settings.argon2_lanes,
        processes=settings.hashing_processes,
        nice=settings.hashing_nice,
        queue_size=settings.hashing_queue_size,
        wait_seconds=settings.hashing_wait_seconds,
    )


def _derived(settings: Settings, purpose: bytes) -> bytes:
    """One key for each use, from the one secret that is configured."""
    return hmac.digest(settings.cookie_key.get_secret_value(), purpose, "sha256")
