"""Which function runs behind which queue or schedule. Terraform's event source mappings say the same."""

from __future__ import annotations

from local.lambda_service.definitions import Definitions, EventSourceMapping, FunctionDefinition, Schedule

FUNCTION_TIMEOUT_SECONDS = 10  # a sixth of the queues' visibility timeout
PROCESSES = 2  # with fewer, concurrency of FIFO groups is never seen
MEMORY_MB = 512

# function -> (queue, batch size); FIFO batches are at most 10, and 5 segments of 700 KB stay under Lambda's 6 MB
MAPPINGS = {
    "provision_user": ("provisioning.fifo", 10),
    "send_email": ("email", 10),
    "record_email_feedback": ("email-feedback", 10),
    "fan_out_audit": ("audit", 5),
    "load_clickhouse": ("clickhouse-load", 10),
}
SCHEDULES = {"maintain_database": "rate(1 hour)"}


def definitions(environments: dict[str, dict[str, str]]) -> Definitions:
    """Every function with its environment, the queues that feed them, and the schedules."""
    return Definitions(
        functions=tuple(
            FunctionDefinition(
                name=name,
                handler=f"functions.{name}.handler.handler",
                environment=environments[name],
                timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
                memory_mb=MEMORY_MB,
                processes=PROCESSES,
            )
            for name in (*MAPPINGS, *SCHEDULES)
        ),
        mappings=tuple(
            EventSourceMapping(function, queue, batch_size=size, report_batch_item_failures=True)
            for function, (queue, size) in MAPPINGS.items()
        ),
        schedules=tuple(
            Schedule(function.replace("_", "-"), expression, function) for function, expression in SCHEDULES.items()
        ),
    )
