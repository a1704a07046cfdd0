"""Fails while it is imported, until the file that FIXED names exists."""

import os

if not os.path.exists(os.environ["FIXED"]):  # noqa: PTH110 - read before anything else is imported
    raise RuntimeError("broken on import")


def handler(event, context):
    return "works now"
