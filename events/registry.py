"""Every version of every event type, and the models that say what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from events.payloads.access import (
    PermissionCreated,
    PermissionDeleted,
    ResourceServerCreated,
    ResourceServerUpdated,
    RoleCreated,
    RoleDeleted,
    RoleUpdated,
    ScopeCreated,
    ScopeDeleted,
    ScopeUpdated,
)
from events.payloads.account import (
    EmailChangeCompleted,
    EmailChangeConfirmed,
    EmailChangeRequested,
    EmailChangeReverted,
    UserDataExported,
)
from events.payloads.audit import AuditSearched, FailuresCounted, ProducerEnded, ProducerStarted
from events.payloads.authorization import (
    AuthorizationCodeIssued,
    AuthorizationCodeReused,
    AuthorizationDenied,
    ConsentDenied,
    ConsentGranted,
    ConsentRevoked,
)
from events.payloads.client import (
    ClientCreated,
    ClientRolesAssigned,
    ClientRolesRevoked,
    ClientSecretIssued,
    ClientSecretRevoked,
    ClientUpdated,
)
from events.payloads.command import (
    CommandApplied,
    CommandDismissed,
    CommandEdited,
    CommandParked,
    CommandRedriven,
    CommandRejected,
    CommandWaiting,
)
from events.payloads.email import (
    EmailBounced,
    EmailComplained,
    EmailDelivered,
    EmailFailed,
    EmailRequested,
    EmailSent,
)
from events.payloads.fields import Origin, Payload, Personal
from events.payloads.platform import ClientAccessEnded, PlatformAccessEnded, PlatformBootstrapped, UserAccessEnded
from events.payloads.sign_in import (
    DeviceRemoved,
    DeviceTrusted,
    EmailVerified,
    PasswordResetRequested,
    PasswordSet,
    SessionEnded,
    SignInFailed,
    SignInSucceeded,
)
from events.payloads.signing_key import SigningKeyActivated, SigningKeyCreated, SigningKeyRetired
from events.payloads.token import RefreshTokenReused, TokenDenied, TokenIssued, TokenRevoked
from events.payloads.user import (
    UserCreated,
    UserDetails,
    UserDisabled,
    UserEnabled,
    UserErased,
    UserRolesAssigned,
    UserRolesRevoked,
    UserUpdated,
)
from events.types import EventType


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of one type. `personal` is None where the event never says anything of a person."""

    payload: type[Payload]
    personal: type[Personal] | None
    description: str


REGISTRY: dict[tuple[EventType, int], Definition] = {
    (EventType.TOKEN_ISSUED, 1): Definition(TokenIssued, Origin, "An access token was issued."),
    (EventType.TOKEN_DENIED, 1): Definition(TokenDenied, Origin, "A token request was refused."),
    (EventType.TOKEN_REVOKED, 1): Definition(TokenRevoked, Origin, "A token or a refresh family was revoked."),
    (EventType.REFRESH_TOKEN_REUSED, 1): Definition(
        RefreshTokenReused, Origin, "A spent refresh token came back; its family is revoked."
    ),
    (EventType.AUTHORIZATION_CODE_ISSUED, 1): Definition(
        AuthorizationCodeIssued, Origin, "A client got an authorization code for a person."
    ),
    (EventType.AUTHORIZATION_CODE_REUSED, 1): Definition(
        AuthorizationCodeReused, Origin, "A spent authorization code came back; what it gave is revoked."
    ),
    (EventType.AUTHORIZATION_DENIED, 1): Definition(AuthorizationDenied, Origin, "An authorization was refused."),
    (EventType.SIGN_IN_SUCCEEDED, 1): Definition(SignInSucceeded, Origin, "A person signed in."),
    (EventType.SIGN_IN_FAILED, 1): Definition(SignInFailed, Origin, "A sign-in was refused."),
    (EventType.SESSION_ENDED, 1): Definition(SessionEnded, Origin, "A sign-in session ended."),
    (EventType.CONSENT_GRANTED, 1): Definition(ConsentGranted, Origin, "A person allowed a client its scopes."),
    (EventType.CONSENT_DENIED, 1): Definition(ConsentDenied, Origin, "A person refused a client its scopes."),
    (EventType.PASSWORD_SET, 1): Definition(PasswordSet, Origin, "A person's password was set or its hash renewed."),
    (EventType.PASSWORD_RESET_REQUESTED, 1): Definition(
        PasswordResetRequested, Origin, "Somebody asked for a password reset mail."
    ),
    (EventType.EMAIL_VERIFIED, 1): Definition(EmailVerified, Origin, "A person proved to own their e-mail address."),
    (EventType.DEVICE_TRUSTED, 1): Definition(DeviceTrusted, Origin, "A browser became known as a person's own."),
    (EventType.USER_CREATED, 1): Definition(UserCreated, UserDetails, "A user was created."),
    (EventType.USER_UPDATED, 1): Definition(UserUpdated, UserDetails, "A user's e-mail address or profile changed."),
    (EventType.USER_DISABLED, 1): Definition(UserDisabled, None, "A user was disabled and signed out everywhere."),
    (EventType.USER_ENABLED, 1): Definition(UserEnabled, None, "A disabled user was enabled."),
    (EventType.USER_ERASED, 1): Definition(UserErased, None, "A user's personal data were destroyed."),
    (EventType.USER_ROLES_ASSIGNED, 1): Definition(UserRolesAssigned, None, "A user got roles."),
    (EventType.USER_ROLES_REVOKED, 1): Definition(UserRolesRevoked, None, "A user lost roles."),
    (EventType.CLIENT_CREATED, 1): Definition(ClientCreated, None, "A client was registered."),
    (EventType.CLIENT_UPDATED, 1): Definition(ClientUpdated, None, "A client's registration changed."),
    (EventType.CLIENT_SECRET_ISSUED, 1): Definition(ClientSecretIssued, None, "A client got a secret."),
    (EventType.CLIENT_SECRET_REVOKED, 1): Definition(ClientSecretRevoked, None, "A client's secret was revoked."),
    (EventType.CLIENT_ROLES_ASSIGNED, 1): Definition(ClientRolesAssigned, None, "A client got roles."),
    (EventType.CLIENT_ROLES_REVOKED, 1): Definition(ClientRolesRevoked, None, "A client lost roles."),
    (EventType.ROLE_CREATED, 1): Definition(RoleCreated, None, "A role was created."),
    (EventType.ROLE_UPDATED, 1): Definition(RoleUpdated, None, "A role's permissions or description changed."),
    (EventType.RESOURCE_SERVER_CREATED, 1): Definition(ResourceServerCreated, None, "An API was registered."),
    (EventType.PERMISSION_CREATED, 1): Definition(PermissionCreated, None, "A permission was created."),
    (EventType.SCOPE_CREATED, 1): Definition(ScopeCreated, None, "A scope was created."),
    (EventType.SIGNING_KEY_CREATED, 1): Definition(SigningKeyCreated, None, "A signing key was made and announced."),
    (EventType.SIGNING_KEY_ACTIVATED, 1): Definition(SigningKeyActivated, None, "A signing key began to sign."),
    (EventType.SIGNING_KEY_RETIRED, 1): Definition(SigningKeyRetired, None, "A signing key stopped signing."),
    (EventType.COMMAND_APPLIED, 1): Definition(CommandApplied, None, "A provisioning command took effect."),
    (EventType.COMMAND_REJECTED, 1): Definition(CommandRejected, None, "A provisioning command was refused for good."),
    (EventType.COMMAND_PARKED, 1): Definition(CommandParked, None, "A provisioning command was set aside."),
    (EventType.COMMAND_WAITING, 1): Definition(CommandWaiting, None, "A command waits behind a parked one."),
    (EventType.COMMAND_REDRIVEN, 1): Definition(CommandRedriven, None, "A parked command was tried again."),
    (EventType.COMMAND_DISMISSED, 1): Definition(CommandDismissed, None, "A parked command was given up."),
    (EventType.EMAIL_REQUESTED, 1): Definition(EmailRequested, None, "A mail was asked for."),
    (EventType.EMAIL_SENT, 1): Definition(EmailSent, None, "SES took a mail."),
    (EventType.EMAIL_FAILED, 1): Definition(EmailFailed, None, "A mail was given up."),
    (EventType.EMAIL_DELIVERED, 1): Definition(EmailDelivered, None, "The receiving server took a mail."),
    (EventType.EMAIL_BOUNCED, 1): Definition(EmailBounced, None, "The receiving server refused a mail."),
    (EventType.EMAIL_COMPLAINED, 1): Definition(EmailComplained, None, "The receiver called a mail junk."),
    (EventType.FAILURES_COUNTED, 1): Definition(FailuresCounted, None, "Failures over the quota, counted."),
    (EventType.PRODUCER_STARTED, 1): Definition(ProducerStarted, None, "A writer of the audit log began."),
    (EventType.PRODUCER_ENDED, 1): Definition(ProducerEnded, None, "A writer of the audit log ended."),
    (EventType.CONSENT_REVOKED, 1): Definition(ConsentRevoked, None, "What a person allowed a client was taken back."),
    (EventType.USER_ACCESS_ENDED, 1): Definition(UserAccessEnded, None, "All that a person had been issued was ended."),
    (EventType.CLIENT_ACCESS_ENDED, 1): Definition(ClientAccessEnded, None, "All that a client had been issued ended."),
    (EventType.PLATFORM_ACCESS_ENDED, 1): Definition(PlatformAccessEnded, None, "All that anybody had was ended."),
    (EventType.PLATFORM_BOOTSTRAPPED, 1): Definition(
        PlatformBootstrapped, None, "The first administrator was made; there is no second bootstrap."
    ),
    (EventType.RESOURCE_SERVER_UPDATED, 1): Definition(ResourceServerUpdated, None, "An API's registration changed."),
    (EventType.PERMISSION_DELETED, 1): Definition(PermissionDeleted, None, "A permission was deleted."),
    (EventType.SCOPE_UPDATED, 1): Definition(ScopeUpdated, None, "A scope's permissions or description changed."),
    (EventType.SCOPE_DELETED, 1): Definition(ScopeDeleted, None, "A scope was deleted."),
    (EventType.ROLE_DELETED, 1): Definition(RoleDeleted, None, "A role was deleted, and with it every binding."),
    (EventType.COMMAND_EDITED, 1): Definition(CommandEdited, None, "A parked command was changed."),
    (EventType.AUDIT_SEARCHED, 1): Definition(AuditSearched, None, "Somebody searched the audit log."),
    (EventType.DEVICE_REMOVED, 1): Definition(DeviceRemoved, Origin, "A browser is no longer known as theirs."),
    (EventType.EMAIL_CHANGE_REQUESTED, 1): Definition(
        EmailChangeRequested, Origin, "A person asked for another e-mail address; both have to confirm."
    ),
    (EventType.EMAIL_CHANGE_CONFIRMED, 1): Definition(EmailChangeConfirmed, Origin, "One of both addresses agreed."),
    (EventType.EMAIL_CHANGE_COMPLETED, 1): Definition(EmailChangeCompleted, Origin, "Both agreed; it changed."),
    (EventType.EMAIL_CHANGE_REVERTED, 1): Definition(
        EmailChangeReverted, Origin, "The old address took the change back; all access ended."
    ),
    (EventType.USER_DATA_EXPORTED, 1): Definition(UserDataExported, Origin, "A person downloaded their data."),
}

VERSION_OF: dict[tuple[str, type[Payload]], int] = {
    (str(event_type), definition.payload): version for (event_type, version), definition in REGISTRY.items()
}
"""Which version of a type a payload model is."""
