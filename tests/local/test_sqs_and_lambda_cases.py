"""The page of cases and the tests say the same."""

from __future__ import annotations

import re
from pathlib import Path

from tests.local.cases_page import MODULES, ROOT, page


def test_page_of_cases_is_what_the_tests_say():
    written = (ROOT / "local" / "CASES.md").read_text()
    assert written == page(), "run: python -m tests.local.cases_page > local/CASES.md"


def test_every_row_names_a_test_and_every_test_has_a_row():
    rows = set(re.findall(r"`(test_\w+)` \|", (ROOT / "local" / "CASES.md").read_text()))
    tests = set()
    for name in MODULES:
        source = (Path(__file__).parent / f"{name}.py").read_text()
        tests |= set(re.findall(r"^(?:async )?def (test_\w+)\(", source, re.MULTILINE))
    assert rows == tests


def test_every_module_about_sqs_and_lambda_is_on_the_page():
    here = Path(__file__)
    modules = {path.stem for kind in ("sqs", "lambda") for path in here.parent.glob(f"test_{kind}_*.py")}
    assert modules - {here.stem} == set(MODULES)
