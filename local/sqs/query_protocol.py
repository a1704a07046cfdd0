"""The answer to those who still speak SQS's old query protocol (XML over forms): a clear no, in their own form."""

from __future__ import annotations

BODY = """<?xml version="1.0"?>
<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">
<Error><Type>Sender</Type><Code>UnsupportedOperation</Code>\
<Message>The query protocol is not supported here; use an SDK that speaks the JSON protocol \
(application/x-amz-json-1.0): boto3 1.28.82 or later.</Message><Detail/></Error>
<RequestId>{request_id}</RequestId></ErrorResponse>
"""


def refuse_query_protocol(request_id: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body."""
    body = BODY.format(request_id=request_id).encode()
    headers = [
        (b"content-type", b"text/xml"),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    return 400, headers, body
