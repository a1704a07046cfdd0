"""The local SQS that the tests of this directory share."""

from __future__ import annotations

import pytest

from tests.local.sqs_server import SqsServer


@pytest.fixture(scope="session")
def sqs_server(tmp_path_factory):
    server = SqsServer(tmp_path_factory.mktemp("sqs"))
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def sqs(sqs_server):
    return sqs_server.client()
