"""A durable SQS behind the real JSON protocol: what the platform's own code meets locally instead of AWS."""

from __future__ import annotations

from local.sqs.app import SqsApp, create_sqs_app
from local.sqs.limits import Limits, SenderId

__all__ = ["Limits", "SenderId", "SqsApp", "create_sqs_app"]
