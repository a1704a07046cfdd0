"""Lambda on this machine: functions behind the real Runtime API, fed by queues, schedules and invocations."""

from __future__ import annotations

from local.lambda_service.definitions import (
    DefinitionError,
    Definitions,
    EventSourceMapping,
    FunctionDefinition,
    Schedule,
)
from local.lambda_service.invocation import InvocationResult
from local.lambda_service.service import LambdaService
from local.lambda_service.settings import LambdaSettings

__all__ = [
    "DefinitionError",
    "Definitions",
    "EventSourceMapping",
    "FunctionDefinition",
    "InvocationResult",
    "LambdaService",
    "LambdaSettings",
    "Schedule",
]
