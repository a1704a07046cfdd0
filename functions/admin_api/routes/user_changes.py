"""Creating and changing users. Nobody changes one who holds what they don't hold themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field
from starlette.requests import Request

from events.commands import EmailText, ExternalId, ReasonText, RoleNames
from events.profile import Profile
from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Body
from functions.admin_api.idempotency import create_once
from functions.admin_api.preconditions import IfMatch, require_match
from functions.admin_api.problems import ProblemError, not_found
from functions.admin_api.routes.users import UserDetail, show_user
from shared.database.models import User
from shared.identity.changing_users import disabling_user, enabling_user, erasing_user, updating_user
from shared.identity.held import carried_by_roles, held_by_user
from shared.identity.mails import requesting_email
from shared.identity.registering_users import NewUser, creating_user

router = APIRouter(prefix="/users", tags=["users"])
Writer = Annotated[Caller, Depends(require("users:write"))]
WELCOME_LINK, RESET_LINK, VERIFICATION_LINK = timedelta(days=7), timedelta(hours=1), timedelta(days=2)


class NewUserBody(Body):
    """`roles` takes roles:assign, and holding all that they carry."""

    email: EmailText
    external_id: ExternalId | None = None
    profile: Profile = Profile()
    email_verified: bool = False
    roles: RoleNames = ()
    send_welcome: bool = True


class UserChange(Body):
    """What is left out stays; a profile claim that is null goes. A new address is unverified until it is proved."""

    email: Annotated[EmailText, Field(default=None)]
    profile: Annotated[Profile, Field(default=None)]
    external_id: ExternalId | None = None


class Disabling(Body):
    reason: ReasonText | None = None


class MailRequest(Body):
    template: Literal["welcome", "password_reset", "email_verification"]


class MailAccepted(Body):
    """The mail goes out within seconds; its link stands nowhere but in it."""

    email_id: UUID


@router.post("", status_code=201)
def create_user(request: Request, response: Response, body: NewUserBody, caller: Writer) -> UserDetail:
    """A new, active user; with a welcome mail whose link sets the first password."""
    new = NewUser(body.email.strip(), body.external_id, body.profile, email_verified=body.email_verified)
    with changing(request, caller) as change:

        def create() -> str:
            if body.roles:
                _require_assigning(change)
                change.require_held(change.run(carried_by_roles(body.roles)), "roles")
            ours = change.services
            user_id = change.run(
                creating_user(change.recording, new, ours.subject_keys, ours.pseudonym_key, sorted(set(body.roles)))
            )
            if body.send_welcome:
                _mail(change, user_id, "welcome")
            return str(user_id)

        made, _ = create_once(change, request, response, body, create)
        response.headers["location"] = f"/users/{made}"
        return show_user(change.session, UUID(made), response)


@router.patch("/{user_id}")
def update_user(
    request: Request, response: Response, user_id: UUID, body: UserChange, caller: Writer, if_match: IfMatch = None
) -> UserDetail:
    """Change an address, a profile, a reference. If-Match is needed."""
    with changing(request, caller) as change:
        user = lock_user(change, user_id)
        require_match(if_match, user.version)
        _require_alive(user)
        asked: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
        change.run(updating_user(change.recording, user_id, asked, change.services.subject_keys))
        return show_user(change.session, user_id, response)


@router.post("/{user_id}/disable")
def disable_user(request: Request, response: Response, user_id: UUID, body: Disabling, caller: Writer) -> UserDetail:
    """Out at once, everywhere, until enabled again. Doing it twice is the same as once."""
    with changing(request, caller) as change:
        _require_alive(lock_user(change, user_id))
        change.run(disabling_user(change.recording, user_id, body.reason))
        return show_user(change.session, user_id, response)


@router.post("/{user_id}/enable")
def enable_user(request: Request, response: Response, user_id: UUID, caller: Writer) -> UserDetail:
    """May sign in again; what disabling ended stays ended."""
    with changing(request, caller) as change:
        _require_alive(lock_user(change, user_id))
        change.run(enabling_user(change.recording, user_id))
        return show_user(change.session, user_id, response)


@router.post("/{user_id}/erase")
def erase_user(
    request: Request,
    response: Response,
    user_id: UUID,
    caller: Annotated[Caller, Depends(require("users:erase"))],
    if_match: IfMatch = None,
) -> UserDetail:
    """What tells who the person was goes, for good; the id stays. If-Match is needed, but to repeat it."""
    with changing(request, caller) as change:
        user = lock_user(change, user_id)
        if user.status != "erased":
            require_match(if_match, user.version)
            change.run(erasing_user(change.recording, user_id, change.services.subject_keys))
        return show_user(change.session, user_id, response)


@router.post("/{user_id}/mails", status_code=202)
def send_mail(request: Request, response: Response, user_id: UUID, body: MailRequest, caller: Writer) -> MailAccepted:
    """Have a welcome, password reset or verification mail sent, to the address that the user has."""
    with changing(request, caller) as change:
        user = lock_user(change, user_id)
        if user.status != "active":
            raise ProblemError(409, "conflict", f"this user is {user.status}: no link would work")
        email_id, _ = create_once(change, request, response, body, lambda: str(_mail(change, user_id, body.template)))
        return MailAccepted(email_id=UUID(email_id))


def lock_user(change: Change, user_id: UUID) -> User:
    """The user, unless they hold what the caller doesn't. Nobody else changes them until the transaction ends.

    Raises:
        ProblemError: 404, 403.
    """
    user = change.session.get(User, user_id, with_for_update={"key_share": True})
    if user is None:
        raise not_found("user")
    change.require_held(change.run(held_by_user(user_id)), "user_id")
    return user


def _require_alive(user: User) -> None:
    if user.status == "erased":
        raise ProblemError(409, "conflict", "this user was erased, for good")


def _require_assigning(change: Change) -> None:
    change.require_held(frozenset({(change.services.audience, "roles:assign")}), "roles")


def _mail(change: Change, user_id: UUID, template: Literal["welcome", "password_reset", "email_verification"]) -> UUID:
    purpose: Literal["verify_email", "set_password"]
    purpose = "verify_email" if template == "email_verification" else "set_password"
    lives = {"welcome": WELCOME_LINK, "password_reset": RESET_LINK, "email_verification": VERIFICATION_LINK}[template]
    return change.run(requesting_email(change.recording, user_id, template, link_purpose=purpose, link_lives=lives))
