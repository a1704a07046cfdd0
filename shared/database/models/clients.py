"""OAuth clients, their secrets, and what people allowed them."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Identifier, Instant, TextArray


class Client(Base):
    """A registered client (RFC 7591 names). `client_id` is public; `id` is what other rows point to."""

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint("client_type IN ('confidential', 'public')", name="client_type"),
        CheckConstraint(
            "token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'none')",
            name="token_endpoint_auth_method",
        ),
        CheckConstraint("(client_type = 'public') = (token_endpoint_auth_method = 'none')", name="public_means_none"),
        CheckConstraint("status IN ('active', 'disabled')", name="status"),
        Index("ix_clients_id_with_origins", "id", postgresql_where="status = 'active' AND allowed_origins <> '{}'"),
    )

    id: Mapped[Identifier]
    client_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    client_type: Mapped[str]
    token_endpoint_auth_method: Mapped[str]
    redirect_uris: Mapped[TextArray]
    post_logout_redirect_uris: Mapped[TextArray]
    allowed_origins: Mapped[TextArray]  # CORS, for browser clients
    grant_types: Mapped[TextArray]
    allowed_scopes: Mapped[TextArray]
    require_consent: Mapped[bool] = mapped_column(server_default="true")
    pkce_exempt: Mapped[bool] = mapped_column(server_default="false")  # confidential clients that send a nonce, by name
    id_token_signed_response_alg: Mapped[str] = mapped_column(server_default="ES256")
    access_token_ttl_seconds: Mapped[int] = mapped_column(server_default="300")
    refresh_token_ttl_seconds: Mapped[int] = mapped_column(server_default="1209600")  # idle
    refresh_family_ttl_seconds: Mapped[int] = mapped_column(server_default="7776000")  # whatever the use
    resource_server_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("resource_servers.id")
    )  # set: this client is that API, and may introspect tokens for its audience
    status: Mapped[str] = mapped_column(server_default="active")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    version: Mapped[int] = mapped_column(server_default="1")
    not_before: Mapped[Instant | None]  # what was issued to this client earlier counts no more


class ClientSecret(Base):
    """A generated 256-bit secret, kept as SHA-256. At most two live, so that one can be rotated."""

    __tablename__ = "client_secrets"
    __table_args__ = (Index("ix_client_secrets_client_id", "client_id"),)

    id: Mapped[Identifier]
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]


class Consent(Base):
    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_client_id", "client_id"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    scopes: Mapped[TextArray]
    granted_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
