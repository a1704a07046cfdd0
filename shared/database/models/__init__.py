"""Every table, so that importing this package fills the metadata."""

from __future__ import annotations

from shared.database.base import Base
from shared.database.models.access import (
    Permission,
    ResourceServer,
    Role,
    RoleBinding,
    RolePermission,
    Scope,
    ScopePermission,
)
from shared.database.models.administration import IdempotentCreate, PlatformInstant
from shared.database.models.audit import (
    AuditCheckpoint,
    OutboxEvent,
    Producer,
    RelayShard,
    SealedSegment,
)
from shared.database.models.authority import AuthorityChange
from shared.database.models.clients import Client, ClientSecret, Consent
from shared.database.models.email import EmailLog
from shared.database.models.email_changes import EmailChange
from shared.database.models.keys import DataKey, SigningKey, SubjectKey
from shared.database.models.provisioning import InboxCommand, ParkedCommand, SenderPolicy
from shared.database.models.sessions import (
    DeviceCredential,
    GuessBudget,
    RedeemedCode,
    RefreshFamily,
    RevokedAccessToken,
    SignInSession,
)
from shared.database.models.users import PasswordCredential, User

__all__ = [
    "AuditCheckpoint",
    "AuthorityChange",
    "Base",
    "Client",
    "ClientSecret",
    "Consent",
    "DataKey",
    "DeviceCredential",
    "EmailChange",
    "EmailLog",
    "GuessBudget",
    "IdempotentCreate",
    "InboxCommand",
    "OutboxEvent",
    "ParkedCommand",
    "PasswordCredential",
    "Permission",
    "PlatformInstant",
    "Producer",
    "RedeemedCode",
    "RefreshFamily",
    "RelayShard",
    "ResourceServer",
    "RevokedAccessToken",
    "Role",
    "RoleBinding",
    "RolePermission",
    "Scope",
    "ScopePermission",
    "SealedSegment",
    "SenderPolicy",
    "SignInSession",
    "SigningKey",
    "SubjectKey",
    "User",
]
