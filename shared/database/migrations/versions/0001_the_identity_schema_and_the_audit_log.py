"""The identity schema and the audit log.

Over 400 lines, because a schema's first migration is one list of tables; Alembic wrote it from the models.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.database.base import TransactionId

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# The smallest UUIDv7 of an instant (RFC 9562 section 5.7), and the instant of a UUIDv7: bounds of partitions and pages.
_UUID7_FLOOR = """
CREATE FUNCTION uuid7_floor(instant timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM instant) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$
"""
_UUID7_TIME = """
CREATE FUNCTION uuid7_time(identifier uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_timestamp(('x' || left(replace(identifier::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$
"""
_PARTITIONED = (
    "authority_changes",
    "email_log",
    "guess_budgets",
    "inbox",
    "outbox",
    "redeemed_codes",
    "refresh_families",
    "revoked_access_tokens",
    "sealed_segments",
    "sign_in_sessions",
)


def upgrade() -> None:
    op.execute(_UUID7_FLOOR)
    op.execute(_UUID7_TIME)
    _create_tables()
    for table in _PARTITIONED:  # months are made by shared.database.partitions
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def _create_tables() -> None:
    op.create_table(
        "audit_checkpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("kms_key_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "authority_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("xid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "changed_at", name=op.f("pk_authority_changes")),
        postgresql_partition_by="RANGE (changed_at)",
    )
    op.create_index("ix_authority_changes_xid", "authority_changes", ["xid"], unique=False)
    op.create_table(
        "data_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("kms_key_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('signing', 'subject')", name=op.f("ck_data_keys_purpose")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
    )
    op.create_index(
        "ix_data_keys_purpose_live", "data_keys", ["purpose"], unique=False, postgresql_where="retired_at IS NULL"
    )
    op.create_table(
        "device_credentials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_credentials")),
    )
    op.create_index("ix_device_credentials_user_id", "device_credentials", ["user_id"], unique=False)
    op.create_table(
        "email_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("link_purpose", sa.Text(), nullable=True),
        sa.Column("link_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("link_spent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("link_void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ses_message_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("feedback_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'handed_over', 'sending', 'sent', 'delivered', 'bounced', 'complained', 'failed')",
            name=op.f("ck_email_log_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_log")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_email_log_id_queued", "email_log", ["id"], unique=False, postgresql_where="state = 'queued'")
    op.create_index("ix_email_log_user_id", "email_log", ["user_id", "id"], unique=False)
    op.create_table(
        "guess_budgets",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window_start", name=op.f("pk_guess_budgets")),
        postgresql_partition_by="RANGE (window_start)",
    )
    op.create_table(
        "inbox",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('applied', 'rejected', 'parked', 'waiting', 'dismissed')", name=op.f("ck_inbox_state")
        ),
        sa.PrimaryKeyConstraint("sender", "command_id", "received_at", name=op.f("pk_inbox")),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index("ix_inbox_group_key", "inbox", ["group_key", "received_at"], unique=False)
    op.create_index("ix_inbox_sender_command_id", "inbox", ["sender", "command_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_outbox_segment_id", "outbox", ["segment_id"], unique=False)
    op.create_index(
        "ix_outbox_shard_id_unsealed", "outbox", ["shard", "id"], unique=False, postgresql_where="segment_id IS NULL"
    )
    op.create_table(
        "parked_commands",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('parked', 'waiting', 'redriven', 'dismissed')", name=op.f("ck_parked_commands_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_commands")),
    )
    op.create_index(
        "ix_parked_commands_group_key_position_open",
        "parked_commands",
        ["group_key", "position"],
        unique=False,
        postgresql_where="state IN ('parked', 'waiting')",
    )
    op.create_index(
        "ix_parked_commands_position_open",
        "parked_commands",
        ["position"],
        unique=False,
        postgresql_where="state = 'parked'",
    )
    op.create_table(
        "producers",
        sa.Column("producer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sealed_number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sealed_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_number", sa.BigInteger(), nullable=True),
        sa.Column("uncertain_number", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('stream', 'outbox')", name=op.f("ck_producers_kind")),
        sa.PrimaryKeyConstraint("producer", name=op.f("pk_producers")),
    )
    op.create_index(
        "ix_producers_kind_shard", "producers", ["kind", "shard"], unique=False, postgresql_where="ended_at IS NULL"
    )
    op.create_table(
        "redeemed_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=True),
        sa.Column("jti", sa.Uuid(), nullable=False),
        sa.Column("access_token_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", "issued_at", name=op.f("pk_redeemed_codes")),
        postgresql_partition_by="RANGE (issued_at)",
    )
    op.create_table(
        "refresh_families",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amr", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("current_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answer_binding", sa.LargeBinary(), nullable=True),
        sa.Column("replay_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("idle_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoke_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_families")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_refresh_families_client_id_live",
        "refresh_families",
        ["client_id"],
        unique=False,
        postgresql_where="revoked_at IS NULL",
    )
    op.create_index(
        "ix_refresh_families_session_id_live",
        "refresh_families",
        ["session_id"],
        unique=False,
        postgresql_where="revoked_at IS NULL",
    )
    op.create_index(
        "ix_refresh_families_user_id_live",
        "refresh_families",
        ["user_id"],
        unique=False,
        postgresql_where="revoked_at IS NULL",
    )
    op.create_table(
        "relay_shards",
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stream_epoch", sa.Text(), nullable=True),
        sa.Column("stream_cursor", sa.Text(), server_default="0-0", nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_relay_shards")),
    )
    op.create_table(
        "resource_servers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_servers")),
        sa.UniqueConstraint("audience", name=op.f("uq_resource_servers_audience")),
    )
    op.create_table(
        "revoked_access_tokens",
        sa.Column("jti", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_revoked_access_tokens")),
        postgresql_partition_by="RANGE (jti)",
    )
    op.create_table(
        "roles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("name", name=op.f("uq_roles_name")),
    )
    op.create_table(
        "sealed_segments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="sealed", nullable=False),
        sa.Column("runs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("stream_epoch", sa.Text(), nullable=True),
        sa.Column("stream_first_id", sa.Text(), nullable=True),
        sa.Column("stream_last_id", sa.Text(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('sealed', 'sent')", name=op.f("ck_sealed_segments_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_segments")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_sealed_segments_shard_unsent",
        "sealed_segments",
        ["shard", "id"],
        unique=False,
        postgresql_where="state = 'sealed'",
    )
    op.create_table(
        "sender_policies",
        sa.Column("sender_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("commands", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("reply_queue_url", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sender_id", name=op.f("pk_sender_policies")),
    )
    op.create_table(
        "sign_in_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("amr", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("subject_key_id", sa.Uuid(), nullable=True),
        sa.Column("personal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_sessions")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_sign_in_sessions_user_id_live",
        "sign_in_sessions",
        ["user_id"],
        unique=False,
        postgresql_where="ended_at IS NULL",
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_canonical", sa.Text(), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("credentials_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "status = 'erased' OR email_canonical IS NOT NULL", name=op.f("ck_users_email_kept_until_erased")
        ),
        sa.CheckConstraint("status IN ('active', 'disabled', 'erased')", name=op.f("ck_users_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email_canonical", "users", ["email_canonical"], unique=True)
    op.create_index(
        "uq_users_external_id", "users", ["external_id"], unique=True, postgresql_where="external_id IS NOT NULL"
    )
    op.create_table(
        "clients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client_type", sa.Text(), nullable=False),
        sa.Column("token_endpoint_auth_method", sa.Text(), nullable=False),
        sa.Column("redirect_uris", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("post_logout_redirect_uris", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("allowed_origins", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("grant_types", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("allowed_scopes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("require_consent", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("pkce_exempt", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("id_token_signed_response_alg", sa.Text(), server_default="ES256", nullable=False),
        sa.Column("access_token_ttl_seconds", sa.Integer(), server_default="300", nullable=False),
        sa.Column("refresh_token_ttl_seconds", sa.Integer(), server_default="1209600", nullable=False),
        sa.Column("refresh_family_ttl_seconds", sa.Integer(), server_default="7776000", nullable=False),
        sa.Column("resource_server_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(client_type = 'public') = (token_endpoint_auth_method = 'none')",
            name=op.f("ck_clients_public_means_none"),
        ),
        sa.CheckConstraint("client_type IN ('confidential', 'public')", name=op.f("ck_clients_client_type")),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_clients_status")),
        sa.CheckConstraint(
            "token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'none')",
            name=op.f("ck_clients_token_endpoint_auth_method"),
        ),
        sa.ForeignKeyConstraint(
            ["resource_server_id"], ["resource_servers.id"], name=op.f("fk_clients_resource_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("client_id", name=op.f("uq_clients_client_id")),
    )
    op.create_table(
        "password_credentials",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_password_credentials_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_password_credentials")),
    )
    op.create_table(
        "permissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_server_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_server_id"],
            ["resource_servers.id"],
            name=op.f("fk_permissions_resource_server_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permissions")),
    )
    op.create_index(
        "uq_permissions_resource_server_id_name", "permissions", ["resource_server_id", "name"], unique=True
    )
    op.create_table(
        "scopes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_server_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_server_id"],
            ["resource_servers.id"],
            name=op.f("fk_scopes_resource_server_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scopes")),
        sa.UniqueConstraint("name", name=op.f("uq_scopes_name")),
    )
    op.create_index(op.f("ix_scopes_resource_server_id"), "scopes", ["resource_server_id"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("data_key_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activate_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publish_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("algorithm IN ('ES256', 'RS256')", name=op.f("ck_signing_keys_algorithm")),
        sa.CheckConstraint(
            "state IN ('announced', 'active', 'retired', 'compromised')", name=op.f("ck_signing_keys_state")
        ),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.id"], name=op.f("fk_signing_keys_data_key_id")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_index(
        "uq_signing_keys_algorithm_active",
        "signing_keys",
        ["algorithm"],
        unique=True,
        postgresql_where="state = 'active'",
    )
    op.create_table(
        "subject_keys",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("data_key_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_keys.id"], name=op.f("fk_subject_keys_data_key_id")),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_subject_keys")),
        sa.UniqueConstraint("id", name=op.f("uq_subject_keys_id")),
    )
    op.create_table(
        "client_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_client_secrets_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secrets")),
        sa.UniqueConstraint("hash", name=op.f("uq_client_secrets_hash")),
    )
    op.create_index("ix_client_secrets_client_id", "client_secrets", ["client_id"], unique=False)
    op.create_table(
        "consents",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_consents_client_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_consents_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "client_id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_client_id", "consents", ["client_id"], unique=False)
    op.create_table(
        "role_bindings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(user_id IS NULL) <> (client_id IS NULL)", name=op.f("ck_role_bindings_one_holder")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_role_bindings_client_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_role_bindings_role_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_role_bindings_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_bindings")),
    )
    op.create_index("ix_role_bindings_role_id", "role_bindings", ["role_id"], unique=False)
    op.create_index(
        "uq_role_bindings_client_id_role_id",
        "role_bindings",
        ["client_id", "role_id"],
        unique=True,
        postgresql_where="client_id IS NOT NULL",
    )
    op.create_index(
        "uq_role_bindings_user_id_role_id",
        "role_bindings",
        ["user_id", "role_id"],
        unique=True,
        postgresql_where="user_id IS NOT NULL",
    )
    op.create_table(
        "role_permissions",
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("permission_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["permissions.id"], name=op.f("fk_role_permissions_permission_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["roles.id"], name=op.f("fk_role_permissions_role_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("role_id", "permission_id", name=op.f("pk_role_permissions")),
    )
    op.create_index(op.f("ix_role_permissions_permission_id"), "role_permissions", ["permission_id"], unique=False)
    op.create_table(
        "scope_permissions",
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("permission_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["permissions.id"], name=op.f("fk_scope_permissions_permission_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["scopes.id"], name=op.f("fk_scope_permissions_scope_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scope_id", "permission_id", name=op.f("pk_scope_permissions")),
    )
    op.create_index(op.f("ix_scope_permissions_permission_id"), "scope_permissions", ["permission_id"], unique=False)
