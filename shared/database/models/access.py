"""Who may do what: resource servers with scopes and permissions, roles, and who holds them."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Identifier


class ResourceServer(Base):
    """An API. `audience` is the `aud` of tokens for it."""

    __tablename__ = "resource_servers"

    id: Mapped[Identifier]
    audience: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[CreatedAt]
    version: Mapped[int] = mapped_column(server_default="1")


class Permission(Base):
    """One right at one resource server, named `resource:action`."""

    __tablename__ = "permissions"
    __table_args__ = (Index("uq_permissions_resource_server_id_name", "resource_server_id", "name", unique=True),)

    id: Mapped[Identifier]
    resource_server_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("resource_servers.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")


class Scope(Base):
    """What a client asks for. A subject gets it only if it holds every permission that the scope carries."""

    __tablename__ = "scopes"

    id: Mapped[Identifier]
    resource_server_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("resource_servers.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")  # shown on the consent page


class ScopePermission(Base):
    __tablename__ = "scope_permissions"

    scope_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("scopes.id", ondelete="CASCADE"), primary_key=True)
    permission_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("permissions.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Role(Base):
    __tablename__ = "roles"

    id: Mapped[Identifier]
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[CreatedAt]
    version: Mapped[int] = mapped_column(server_default="1")


class RolePermission(Base):
    __tablename__ = "role_permissions"

    role_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True)
    permission_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("permissions.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class RoleBinding(Base):
    """A role held by one user or one client."""

    __tablename__ = "role_bindings"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (client_id IS NULL)", name="one_holder"),
        Index(
            "uq_role_bindings_user_id_role_id",
            "user_id",
            "role_id",
            unique=True,
            postgresql_where="user_id IS NOT NULL",
        ),
        Index(
            "uq_role_bindings_client_id_role_id",
            "client_id",
            "role_id",
            unique=True,
            postgresql_where="client_id IS NOT NULL",
        ),
        Index("ix_role_bindings_role_id", "role_id"),
    )

    id: Mapped[Identifier]
    role_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("roles.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    client_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    granted_by: Mapped[str]
    granted_at: Mapped[CreatedAt]
