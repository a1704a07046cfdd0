"""What migrates and seeds a stack, told by its content."""

from __future__ import annotations

import hashlib
from pathlib import Path


def what_prepares() -> str:
    """Changes with whatever migrates or seeds: what was done with the same is not done again at every start."""
    digest = hashlib.sha256()
    for pattern in ("shared/database/**/*.py", "shared/clickhouse/**/*", "local/seed.py"):
        for path in sorted(Path().glob(pattern)):
            if path.is_file() and path.suffix in {".py", ".sql"}:
                digest.update(f"{path}\n".encode() + path.read_bytes())
    return digest.hexdigest()
