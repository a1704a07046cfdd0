"""Names in the documents exist: files, folders, make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    *(str(p.relative_to(ROOT)) for p in ROOT.glob("architecture/**/*.md")),
]
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)\)")
_TOP = {path.name for path in ROOT.iterdir()} - {".local", ".venv"}


def named_paths(text: str) -> set[str]:
    """What stands in backticks and begins with something at the top of the tree; `<placeholders>` aside."""
    found = set()
    for code in _CODE.findall(text):
        path = code.split(" ")[0].split("::")[0]
        if "/" in path and path.split("/")[0] in _TOP and not set("<>*{}…") & set(path):
            found.add(path)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text()
    links = {link for link in _LINK.findall(text) if "://" not in link}
    missing = [path for path in named_paths(text) if not (ROOT / path).exists()]
    missing += [link for link in links if not ((ROOT / page).parent / link).exists()]
    assert not missing, f"{page} names what isn't there: {missing}"


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_that_a_page_names_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / page).read_text()))
    named |= set(re.findall(r"^make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE))
    assert named <= targets, f"{page}: {named - targets}"


def test_every_target_of_the_makefile_has_a_help_text():
    lines = (ROOT / "Makefile").read_text().splitlines()
    silent = [line for line in lines if re.match(r"^[a-z-]+:", line) and "## " not in line]
    assert not silent
