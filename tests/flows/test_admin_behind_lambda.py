"""The admin API as Lambda calls it: API Gateway's HTTP API events (payload 2.0) through the function's handler."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from functions.admin_api.redis_link import RedisLink
from shared.audit_stream import epoch_key, stream_key
from shared.database.authority import Change
from tests.fixtures.administration import AUDIENCE, ISSUER
from tests.fixtures.pipeline import Context, handler_module
from tests.fixtures.provisioning import PSEUDONYM_KEY


@pytest.fixture
def handle(desk, lane, kms_key, monkeypatch):
    module = handler_module(
        "admin_api",
        {
            "DATABASE_URL": desk.dsn,
            "ISSUER": ISSUER,
            "ADMIN_API_AUDIENCE": AUDIENCE,
            "PROVISIONING_QUEUE_URL": "http://127.0.0.1:1/queue.fifo",
            "KMS_DATA_KEY_ID": kms_key,
            "PSEUDONYM_KEY": urlsafe_b64encode(PSEUDONYM_KEY).decode(),
            "CLICKHOUSE_URL": "http://127.0.0.1:1",
            "CLICKHOUSE_DATABASE": "none",
            "JWKS_URL": "http://127.0.0.1:1/jwks",
        },
        monkeypatch,
    )

    def invoke(method, path, headers=None, body=None):
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"host": "admin.example.com", "content-type": "application/json", **(headers or {})},
            "requestContext": {
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
                "domainName": "admin.example.com",
                "stage": "$default",
            },
            "body": body,
            "isBase64Encoded": False,
        }
        return module.handler(event, Context())

    return invoke


def test_api_gateways_events_get_the_apis_answers(handle):
    live = handle("GET", "/health/live")
    assert (live["statusCode"], json.loads(live["body"])) == (200, {"status": "up"})
    refused = handle("POST", "/users", body="{}")
    assert (refused["statusCode"], refused["headers"]["content-type"]) == (401, "application/problem+json")
    assert refused["headers"]["www-authenticate"] == 'Bearer realm="admin"'
    cannot_tell = handle(
        "GET", "/users", {"authorization": "Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ.e30.AAAA"}
    )
    assert cannot_tell["statusCode"] == 503


def test_redis_is_asked_for_the_oldest_entry_that_is_not_sealed_and_passes_hints_on(redis_url):
    import redis.cluster

    link = RedisLink(redis_url)
    with redis.cluster.RedisCluster.from_url(redis_url) as client:
        assert (link.epoch(0), link.first_after(0, "0-0")) == (None, None)
        client.set(epoch_key(0), "epoch-1")
        client.xadd(stream_key(0), {"p": "x"}, id="1000-0")
        client.xadd(stream_key(0), {"p": "x"}, id="2000-5")
        assert (link.epoch(0), link.first_after(0, "0-0"), link.first_after(0, "1000-0")) == ("epoch-1", 1000, 2000)
        assert link.first_after(0, "2000-5") is None
    link.hint([Change("user", "u-1")])
    RedisLink("redis://127.0.0.1:1").hint([Change("user", "u-1")])  # lost, and nobody hears of it
