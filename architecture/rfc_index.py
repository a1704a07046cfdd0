"""`python architecture/rfc_index.py [--check]`: the RFC index of ARCHITECTURE.md, from the files' docstrings."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
ROOMS = ("events", "shared", "token_core", "audit_relay", "functions", "resource_server")
BEGIN, END = "<!-- rfc-index: made by `make generate` -->", "<!-- end of rfc-index -->"
_RFC = re.compile(r"RFC (\d{4,5})")
_OPENID = re.compile(r"(OpenID Connect (?:Core|Discovery)|RP-Initiated Logout)")


def cited() -> dict[str, list[str]]:
    """Specification -> the files whose docstring cites it."""
    found: dict[str, set[str]] = defaultdict(set)
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            name = str(path.relative_to(ROOT))
            for number in _RFC.findall(docstring):
                found[f"RFC {number}"].add(name)
            for title in _OPENID.findall(docstring):
                found[title].add(name)
    by_number = sorted(found, key=lambda one: (not one.startswith("RFC"), len(one), one))
    return {specification: sorted(found[specification]) for specification in by_number}


def index() -> str:
    rows = [f"| {name} | {', '.join(f'`{one}`' for one in files)} |" for name, files in cited().items()]
    return "\n".join([BEGIN, "| specification | files |", "|---|---|", *rows, END])


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    fresh = before + index() + after
    if "--check" in sys.argv:
        if fresh != page:
            sys.stderr.write("ARCHITECTURE.md: the RFC index is out of date; `make generate` writes it\n")
            return 1
        return 0
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
