"""Writes local/CASES.md from the tests: `python -m tests.local.cases_page > local/CASES.md`.

One row per test, so that page and tests can't disagree: the case is the first line of the test's docstring, the
heading that of its module's.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = (
    "test_sqs_standard",
    "test_sqs_fifo",
    "test_sqs_redrive",
    "test_sqs_queues",
    "test_sqs_durability",
    "test_lambda_runtime",
    "test_lambda_event_source",
    "test_lambda_schedules",
    "test_lambda_mounting",
)
HEAD = """\
# What the local cloud honours of SQS and Lambda

Each row is a behaviour that AWS documents (or, under durability, one that this project promises), and the test in
`tests/local/` that proves it on the running servers, with unmodified boto3 as the client. The page is written by
`python -m tests.local.cases_page`; a test fails when it and the tests disagree.

Not honoured, on purpose: signatures are not verified (the access key id alone says who sends: everything listens on
127.0.0.1), a queue's `Policy` and its KMS attributes are kept but not enforced, `AddPermission` and `RemovePermission`
do not exist, there is no random loss of order or doubling in standard queues, `memory_mb` is told to the function but
not enforced, and a function has a fixed number of sandboxes: where Lambda would start one more, an invocation waits.
"""


def page() -> str:
    parts = [HEAD]
    for name in MODULES:
        path = ROOT / "tests" / "local" / f"{name}.py"
        module = ast.parse(path.read_text())
        parts.append(f"\n## {ast.get_docstring(module)}\n\n| case | test (`{name}.py`) |\n| --- | --- |\n")
        for node in module.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                case = (ast.get_docstring(node) or "").splitlines()
                assert case, f"{name}.{node.name} says no case"
                parts.append(f"| {case[0].replace('|', '&#124;')} | `{node.name}` |\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
