"""`.local/stack.json`: where everything of the running stack is. Its keys are a contract; others may be added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.stack import parts, resources

if TYPE_CHECKING:
    from local.stack.resources import Resources
    from local.stack.run import Stack


def describe_stack(stack: Stack, made: Resources) -> dict[str, Any]:
    addresses = stack.addresses
    return {
        "issuer": addresses.issuer,
        "admin_api": addresses.url("admin_api"),
        "start_page": addresses.url("start_page"),
        "mailbox": addresses.url("start_page") + "/mailbox",
        "ca_file": str(addresses.ca_file) if addresses.ca_file else None,
        "aws": {
            "endpoint_url": addresses.aws_endpoint,
            "region": parts.REGION,
            "access_key_id": parts.DEVELOPER_KEY,
            "secret_access_key": stack.secrets["developer_secret_access_key"],
        },
        "queues": made.queue_urls,
        "lake": {"bucket": resources.LAKE_BUCKET, "prefix": resources.LAKE_PREFIX},
        "clickhouse": {
            "url": addresses.url("clickhouse", "127.0.0.1"),
            "database": parts.CLICKHOUSE_DATABASE,
            "user": "default",
            "password": stack.secrets["clickhouse_password"],
        },
        "postgres": {"dsn": stack.postgres.dsn(parts.DATABASE)},
        "redis": {"url": stack.redis.url},
        "processes": stack.pids(),
        "demo": stack.demo,
        "audit_relay": f"http://127.0.0.1:{stack.ports['audit_relay']}",
        "logs": str(stack.layout.logs),
    }
